import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { type Command, Config, type Interfaces, Plugin, run } from '@oclif/core';
import { fileError, type MlsignError, nearest, usage } from '../core/index.ts';
import { giveError } from './give-error.ts';
import { settleUser } from './wiring.ts';

/**
 * Runs one command line: what `bin/run.js` calls.
 *
 * @param root folder of the package, with `oclif.manifest.json`
 * @param pjson the package's own `package.json`
 */
export async function main(argv: readonly string[], root: string, pjson: Interfaces.PJSON): Promise<void> {
  // V8 would let its heap grow to several times what is in use as soon as a large bundle is read: twice the peak, for no time won.
  for (const flag of ['--semi-space-growth-factor=1', '--heap-growing-percent=50']) setFlagsFromString(flag);
  // Node would print a stack and end with 1, which says "rejected".
  process.once('uncaughtException', (error) => void giveError(unwritten(error), argv).finally(() => process.exit()));
  settleUser();
  try {
    const plugin = new OwnPlugin(root, pjson);
    const args = argv[0] === 'help' ? [...argv.slice(1), '--help'] : [...argv];
    const unknown = unknownCommand(args, plugin.commandIDs);
    if (unknown !== undefined) throw noSuchCommand(unknown, plugin.commands);
    await run(args, await Config.load({ root, plugins: new Map([[plugin.name, plugin]]) }));
  } catch (thrown) {
    if (isExit(thrown)) process.exitCode = thrown.oclif.exit;
    else await giveError(thrown, argv, argv[0]);
  }
}

/**
 * Our commands as the one plugin there is. oclif would look for it by itself, in 14 ms: it searches folders, reads what
 * plugins the user has (none of which may come near a key) and sorts by locale.
 */
class OwnPlugin extends Plugin {
  constructor(root: string, pjson: Interfaces.PJSON) {
    super({ root, isRoot: true });
    const manifest: Interfaces.Manifest = JSON.parse(readFileSync(join(root, 'oclif.manifest.json'), 'utf8'));
    const cached = Object.values(manifest.commands);
    Object.assign(this, { root, pjson, name: pjson.name, version: pjson.version, isRoot: true, hasManifest: true, hooks: {}, valid: true });
    this.commandIDs = Object.keys(manifest.commands);
    this.commands = cached.map((command) => ({ ...command, load: () => this.#load(command) }));
  }

  async #load({ id, relativePath = [] }: Command.Cached): Promise<Command.Class> {
    const { default: command } = await import(pathToFileURL(join(this.root, ...relativePath)).href);
    return Object.assign(command, { id, plugin: this });
  }
}

/** The words that should name a command but name none: `sing`, `keys lits`. A topic alone (`keys`) shows its help. */
function unknownCommand([first, second]: readonly string[], ids: readonly string[]): string | undefined {
  if (first === undefined || first === '-h' || first === '--help' || ids.includes(first)) return undefined;
  const isTopic = ids.some((id) => id.startsWith(`${first}:`));
  if (!isTopic) return first;
  return second === undefined || second.startsWith('-') || ids.includes(`${first}:${second}`) ? undefined : `${first} ${second}`;
}

function noSuchCommand(name: string, commands: readonly Command.Loadable[]): MlsignError {
  const names = commands
    .filter((command) => !command.hidden)
    .map((command) => command.id.replaceAll(':', ' '))
    .sort();
  const near = new Set([...names.filter((candidate) => candidate.startsWith(name)), nearest(name, names) ?? []].flat());
  const [topic, isNested] = name.split(' ');
  const help = isNested === undefined ? 'mlsign --help' : `mlsign ${topic} --help`;
  return usage('unknown-command', 'no such command', {
    got: name,
    suggestions: [...[...near].map((candidate) => `mlsign ${candidate}`), help],
  });
}

/** What oclif prints (help, the version) and nobody could take is no bug of ours. */
function unwritten(error: Error): Error {
  return 'syscall' in error && error.syscall === 'write' && !('path' in error)
    ? fileError(error, 'write the result', 'standard output')
    : error;
}

/** How oclif ends a command early. */
function isExit(thrown: unknown): thrown is { readonly oclif: { readonly exit: number } } {
  return thrown instanceof Error && 'code' in thrown && thrown.code === 'EEXIT';
}
