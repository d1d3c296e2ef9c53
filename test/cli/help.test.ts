import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { mlsign } from '../helpers/cli.ts';

const root = join(import.meta.dirname, '../..');

interface Manifest {
  readonly commands: Readonly<Record<string, { readonly hidden?: boolean; readonly flags: Readonly<Record<string, Flag>> }>>;
}

interface Flag {
  readonly hidden?: boolean;
  readonly helpGroup?: string;
}

const { commands }: Manifest = JSON.parse(readFileSync(join(root, 'oclif.manifest.json'), 'utf8'));
const visible = Object.entries(commands)
  .filter(([, command]) => command.hidden !== true)
  .map(([id, { flags }]) => ({ name: id.replaceAll(':', ' '), flags }));

/** The sections of a help text, by heading; what stands before the first of them has none. */
function sectionsOf(help: string): ReadonlyMap<string, string> {
  const parts = help.split(/^([A-Z][A-Z ,]+)$\n/m);
  return new Map([['', parts[0] ?? ''], ...parts.flatMap((part, i) => (i % 2 === 1 ? [[part, parts[i + 1] ?? ''] as const] : []))]);
}

describe('the help', () => {
  for (const { name, flags } of visible) {
    it(`of ${name} is one that can be read at 80 columns`, async () => {
      const { code, stdout, stderr } = await mlsign([...name.split(' '), '--help']);
      assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
      const wide = stdout.split('\n').filter((line) => line.length > 80);
      assert.deepEqual(wide, []);
      assert.ok(!/<value>|<option/.test(stdout), 'every value has a name');
      const sections = sectionsOf(stdout);
      assert.match(sections.get('USAGE') ?? '', new RegExp(`^  \\$ mlsign ${name}( .*)?\\n\\n$`), 'one line');
      assert.equal([...sections.keys()].at(-1), 'EXIT CODES');
      assert.match(sections.get('EXIT CODES') ?? '', /^ {2}0 [a-z ]+, (1 .+, )?2 .+, 3 [a-z ]+(, 130 interrupted)?\n+$/, 'one line');
      for (const [flag, { hidden, helpGroup }] of Object.entries(flags)) {
        if (hidden) continue;
        const section = sections.get(helpGroup === undefined ? 'FLAGS' : `${helpGroup} FLAGS`) ?? '';
        assert.match(section, new RegExp(`^ .*--${flag}\\b`, 'm'), flag);
      }
    });
  }

  it('names what must be given in the usage, and gives the flags that all commands have last', async () => {
    const { stdout } = await mlsign(['promote', '--help']);
    const sections = sectionsOf(stdout);
    assert.equal(sections.get('USAGE'), '  $ mlsign promote RELEASE --channel NAME --expires TIME [FLAGS]\n\n');
    assert.deepEqual([...sections.keys()].slice(-3), ['RESULT FLAGS', 'EXAMPLES', 'EXIT CODES']);
  });

  it('leaves as it is what a description shows as a file', async () => {
    const { stdout } = await mlsign(['policy', 'test', '--help']);
    assert.match(sectionsOf(stdout).get('DESCRIPTION') ?? '', /^ {4}cases:\n {6}- \{ name: shipped/m);
  });

  it('breaks long examples where a shell takes them', async () => {
    const { stdout } = await mlsign(['rollback', '--help']);
    const examples = sectionsOf(stdout).get('EXAMPLES') ?? '';
    assert.match(examples, / \\\n {6}--reason "wrong answers since noon"/);
  });

  it('says what exit codes mean for the command', async () => {
    const { stdout } = await mlsign(['verify', '--help']);
    const expected = '  0 verified, 1 rejected, 2 wrong flags/policy, 3 undetermined, 130 interrupted\n\n';
    assert.equal(sectionsOf(stdout).get('EXIT CODES'), expected);
  });

  for (const argv of [[], ['--help'], ['-h'], ['help']]) {
    it(`of 'mlsign ${argv.join(' ')}' has every command once, by what it is for`, async () => {
      const { code, stdout, stderr } = await mlsign(argv);
      assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
      assert.deepEqual(
        stdout.split('\n').filter((line) => line.length > 80),
        [],
      );
      const listed = [...stdout.matchAll(/^ {2}([a-z]+(?: [a-z]+)?) {2,}[A-Z]/gm)].map(([, name]) => name);
      assert.deepEqual(listed.toSorted(), visible.map(({ name }) => name).toSorted());
    });
  }

  it('has the commands in the order of the README', async () => {
    const readme = readFileSync(join(root, 'README.md'), 'utf8').split('## Commands')[1]?.split('\n## ')[0] ?? '';
    const rows = readme.split('\n').filter((line) => line.startsWith('| ') && line.includes('`'));
    const named = rows.flatMap((row) => [...row.matchAll(/`([a-z ]+)`/g)].map(([, name]) => name));
    const { stdout } = await mlsign([]);
    const listed = [...stdout.matchAll(/^ {2}([a-z]+(?: [a-z]+)?) {2,}[A-Z]/gm)].map(([, name]) => name);
    assert.deepEqual(listed, [...named, 'explain', 'autocomplete']);
  });

  it('of a topic has its commands', async () => {
    const { stdout } = await mlsign(['keys']);
    assert.match(stdout, /keys create .*\n.*keys list .*\n.*keys public/);
  });

  it('is no part of what other runs load', () => {
    const reached = new Set<string>();
    const visit = (file: string): void => {
      if (reached.has(file)) return;
      reached.add(file);
      const text = readFileSync(join(root, 'dist', file), 'utf8');
      for (const [, name = ''] of text.matchAll(/^(?:import|\} from|import .* from) ?"\.\/([^"]+)"/gm)) visit(name);
    };
    visit('main.js');
    assert.ok(reached.size > 1, 'imports are found');
    const texts = [...reached].map((file) => readFileSync(join(root, 'dist', file), 'utf8'));
    assert.ok(!texts.some((text) => text.includes('FIRST STEPS')));
  });
});
