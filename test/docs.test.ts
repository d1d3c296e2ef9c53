import assert from 'node:assert/strict';
import { copyFileSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { loadPolicy } from '../src/policy/index.ts';
import { keyUrl } from './helpers/keys.ts';
import { PolicyFolder } from './helpers/policies.ts';

const root = join(import.meta.dirname, '..');

interface Flag {
  readonly options?: readonly string[];
  readonly aliases?: readonly string[];
  readonly type: 'option' | 'boolean';
  readonly required?: boolean;
}

interface Manifest {
  readonly commands: Readonly<Record<string, { readonly flags: Readonly<Record<string, Flag>> }>>;
}

/** A command as a document shows it: its id, as in `keys:create`, and the words after it. */
interface Shown {
  readonly text: string;
  readonly words: readonly string[];
}

/** Every command of mlsign in fenced blocks and inline code; continued lines, and lines indented further, belong together. */
function commandsOf(markdown: string): readonly Shown[] {
  const blocks = [...markdown.matchAll(/^```\w*\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block);
  const inline = [...markdown.replace(/^```[\s\S]*?^```$/gm, '').matchAll(/`(mlsign [^`]+)`/g)].map(([, code = '']) => code);
  const lines = blocks.flatMap((block) =>
    block
      .replace(/\s*\\\n\s*/g, ' ')
      .replace(/\n\s+(?=--)/g, ' ')
      .split('\n'),
  );
  return [...lines, ...inline].flatMap((line) =>
    [...line.matchAll(/(?:^|[\s(])mlsign ([^|;&>)]+)/g)].map(([, command = '']) => {
      const text = command.replace(/\s+#.*$/, '').trim();
      return { text: `mlsign ${text}`, words: text.match(/"[^"]*"|\S+/g) ?? [] };
    }),
  );
}

describe('the commands in the documents', () => {
  const { commands }: Manifest = JSON.parse(readFileSync(join(root, 'oclif.manifest.json'), 'utf8'));
  const documents = ['README.md', ...globSync('docs/*.md', { cwd: root })].map((path) => path.replaceAll('\\', '/')).sort();

  /** What is wrong with a command; nothing where it could be typed as it stands. */
  function problem({ words }: Shown): string | undefined {
    const [topic = '', name = ''] = words;
    if (topic.startsWith('-')) return ['--help', '--version'].includes(topic) ? undefined : `no flag ${topic}`;
    const nested = commands[`${topic}:${name}`];
    const command = nested ?? commands[topic];
    if (command === undefined) return `no command ${topic} ${name}`;
    const flags = new Map(
      Object.entries(command.flags).flatMap(([flag, value]) => [flag, ...(value.aliases ?? [])].map((key) => [key, value])),
    );
    const given = words.filter((word) => word.startsWith('--') && word !== '--help').map((word) => word.slice(2).split('='));
    for (const [flag = ''] of given) if (!flags.has(flag)) return `no flag --${flag}`;
    for (const [index, word] of words.entries()) {
      const { options } = flags.get(word.replace(/^--/, '')) ?? {};
      const value = words[index + 1] ?? '';
      if (word.startsWith('--') && options !== undefined && !options.includes(value) && !value.includes('$')) return `no ${word} ${value}`;
    }
    return undefined;
  }

  for (const path of documents) {
    it(`${path} shows commands and flags that exist`, () => {
      const shown = commandsOf(readFileSync(join(root, path), 'utf8'));
      const wrong = shown.flatMap((command) => (problem(command) === undefined ? [] : [`${command.text}: ${problem(command)}`]));
      assert.deepEqual(wrong, []);
    });
  }

  it('are read from every form that documents use', () => {
    const markdown = [
      'Run `mlsign hash a --json`.',
      '```yaml',
      '- run: mlsign sign model --key k',
      '- >-',
      '  mlsign verify model',
      '  --ca c',
      '```',
      '```sh',
      'x=$(mlsign hash m --quiet) && mlsign diff a \\',
      '  b --json | cat',
      '```',
    ].join('\n');
    assert.deepEqual(
      commandsOf(markdown).map(({ text }) => text),
      [
        'mlsign sign model --key k',
        'mlsign verify model --ca c',
        'mlsign hash m --quiet',
        'mlsign diff a b --json',
        'mlsign hash a --json',
      ],
    );
    const [, , known] = commandsOf(markdown);
    assert.equal(problem(known ?? { text: '', words: [] }), undefined);
  });

  for (const [text, expected] of [
    ['sing model', 'no command sing model'],
    ['sign model --kye k', 'no flag --kye'],
    ['keys make', 'no command keys make'],
    ['keygen k --type dsa', 'no --type dsa'],
    ['--vresion', 'no flag --vresion'],
  ] as const) {
    it(`tell '${text}' from one that exists`, () => assert.equal(problem({ text, words: text.split(' ') }), expected));
  }
});

describe('docs/ci.md', () => {
  const text = readFileSync(join(root, 'docs/ci.md'), 'utf8');
  const blocks = (language: string): readonly string[] =>
    [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].filter((match) => match[1] === language).map((match) => match[2] ?? '');

  it('shows YAML and JSON that can be read', () => {
    assert.ok(blocks('yaml').length > 5 && blocks('json').length > 3);
    for (const block of blocks('yaml')) assert.equal(typeof parse(block, { strict: true, uniqueKeys: true }), 'object');
    for (const block of blocks('json')) assert.equal(JSON.parse(block).Version, '2012-10-17');
  });

  it('shows a gate whose policy is one', async () => {
    const folder = new PolicyFolder();
    try {
      copyFileSync(keyUrl('ec-p256.pub'), folder.path('models.pub'));
      const [policy = ''] = blocks('yaml').filter((block) => block.includes('principals:'));
      const { rules } = await loadPolicy(folder.policy(policy));
      assert.deepEqual(
        rules.map(({ require }) => require),
        [{ timestamps: 1, logs: 0 }],
      );
    } finally {
      folder.remove();
    }
  });

  it('asks for no permission but those that the jobs need', () => {
    const actions = blocks('json').map((block) => JSON.parse(block).Statement[0].Action);
    assert.deepEqual([...new Set(actions)].sort(), ['kms:Sign', 'sts:AssumeRole', 'sts:AssumeRoleWithWebIdentity']);
    for (const block of blocks('yaml').filter((job) => job.includes('permissions:'))) {
      assert.doesNotMatch(block, /write-all/);
      const allowed = ['id-token', ...(block.includes('upload-sarif') ? ['security-events'] : [])];
      assert.ok([...block.matchAll(/([\w-]+): write/g)].every(([, name]) => allowed.includes(name ?? '')));
    }
  });
});
