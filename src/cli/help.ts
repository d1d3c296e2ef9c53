import { type Command, CommandHelp, Help } from '@oclif/core';
import { exitsOf } from './help-exits.ts';

/** Wider lines are hard to read, however wide the terminal. */
const MAX_WIDTH = 100;

/** Longer choices would push what all flags of a group mean to the right. */
const MAX_CHOICES = 20;

/** What stands before and behind a line of an example. */
const MAX_EXAMPLE_INDENT = 10;

/** The commands by what they are for, as in the README. */
const GROUPS: Readonly<Record<string, readonly string[]>> = {
  'A MODEL': ['keygen', 'sign', 'verify', 'hash', 'inspect', 'diff'],
  'AN ARCHIVE': ['pack', 'unpack'],
  'KEYS IN AWS KMS': ['keys create', 'keys list', 'keys public'],
  'A STORE': ['push', 'pull', 'ls', 'releases', 'locate', 'restore', 'gc'],
  'A CHANNEL': ['promote', 'renew', 'rollback', 'history'],
  'WHAT IT WAS MADE FROM, AND WHAT IS SAID OF IT': ['attest', 'approve', 'lineage', 'bom'],
  'WHEN SOMETHING TURNS BAD': ['affected', 'revoke'],
  'THE POLICY': ['policy init', 'policy check', 'policy test'],
  'THE REST': ['explain', 'autocomplete'],
};

/** Help of one command: one line of usage, flags in groups, exit codes. */
class OwnCommandHelp extends CommandHelp {
  protected override sections() {
    const byHeader = new Map(super.sections().map((section) => [section.header, section]));
    const exits = { header: 'EXIT CODES', generate: () => this.wrap(exitsOf(this.command)) };
    return [...['USAGE', 'DESCRIPTION', 'ARGUMENTS', 'FLAGS', 'EXAMPLES'].flatMap((header) => byHeader.get(header) ?? []), exits];
  }

  /** Names what must be given; the rest has a list of its own. */
  protected override defaultUsage(): string {
    const args = Object.values(this.command.args).map((arg) => `${this.arg(arg)}${arg.multiple ? '...' : ''}`);
    const flags = Object.entries(this.command.flags).filter(([, flag]) => !flag.hidden);
    const required = flags
      .filter(([, flag]) => flag.required)
      .map(([name, flag]) =>
        this.flagHelpLabel({ ...flag, name })
          .trim()
          .replace('=', ' '),
      );
    return [this.command.id, ...args, ...required, ...(flags.length > required.length ? ['[FLAGS]'] : [])].join(' ');
  }

  /** The summary stands on top already. What is indented stays as it is. */
  protected override description(): string | undefined {
    const { summary, description } = this.command;
    if (summary === undefined || description === undefined) return undefined;
    return description.replace(/^\S.*$/gm, (line) => this.wrap(line));
  }

  protected override examples(examples: Command.Example[] | string | undefined): string {
    const texts = [examples ?? []].flat().map((example) => {
      if (typeof example === 'string') return this.#shellLines(example);
      return `${this.wrap(example.description)}\n${this.indent(this.#shellLines(example.command))}`;
    });
    return texts.join('\n\n');
  }

  /** A command as a shell reads it over several lines; what is quoted stays whole, and a flag with its value. */
  #shellLines(command: string): string {
    const unbroken = this.render(command)
      .replace(/"[^"]*"/g, (quoted) => quoted.replaceAll(' ', '\u00a0'))
      .replace(/(--[\w-]+) (?!-)/g, '$1\u00a0');
    return this.wrap(`$ ${unbroken}`, MAX_EXAMPLE_INDENT).replaceAll('\n', ' \\\n    ').replaceAll('\u00a0', ' ');
  }

  /** Choices stand in the place of the value, or behind the summary where there are many. */
  protected override flags(flags: Command.Flag.Any[]) {
    return super.flags(
      flags.map((flag) => {
        if (flag.type !== 'option' || flag.options === undefined) return flag;
        const choices = flag.options.join('|');
        if (choices.length <= MAX_CHOICES) return { ...flag, helpValue: choices };
        return { ...flag, helpValue: flag.name.toUpperCase(), summary: `${flag.summary} One of ${flag.options.join(', ')}.` };
      }),
    );
  }

  /** In the order in which the command declares them; how results are given is the same everywhere, and comes last. */
  protected override groupFlags(flags: Command.Flag.Any[]) {
    const { mainFlags, flagGroups } = super.groupFlags(flags);
    const { RESULT = [], ...groups } = flagGroups;
    return { mainFlags, flagGroups: { ...groups, RESULT } };
  }
}

/** What `--help` shows; loaded for nothing else (`oclif.helpClass` in package.json). */
export default class OwnHelp extends Help {
  protected override CommandHelpClass = OwnCommandHelp;

  constructor(...[config, options]: ConstructorParameters<typeof Help>) {
    super(config, { ...options, flagSortOrder: 'none' });
    this.opts.maxWidth = Math.min(this.opts.maxWidth, MAX_WIDTH);
  }

  protected override async showRootHelp(): Promise<void> {
    const summaries = new Map(this.sortedCommands.map((command) => [command.id.replaceAll(':', ' '), this.summary(command)]));
    const width = Math.max(...[...summaries.keys()].map((id) => id.length));
    const sections = Object.entries(GROUPS).map(([title, ids]) =>
      this.section(
        title,
        ids.map((id): [string, string | undefined] => [id.padEnd(width), summaries.get(id)]),
      ),
    );
    const { bin, pjson } = this.config;
    const start = ['keygen release.key', 'sign my-model --key release.key', 'verify my-model --trust-key release.key.pub'];
    const parts = [
      this.wrap(`${pjson.description}.`, 0),
      this.section('USAGE', `$ ${bin} COMMAND [FLAGS]`),
      ...sections,
      this.section('FIRST STEPS', start.map((line) => `$ ${bin} ${line}`).join('\n')),
      this.section('FURTHER', [
        [`${bin} COMMAND --help`, 'Flags, examples and exit codes.'],
        [`${bin} explain CODE`, 'What a finding or an error means, and what to do.'],
      ]),
    ];
    this.log(`${parts.join('\n\n')}\n`);
  }
}
