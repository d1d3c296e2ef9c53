import assert from 'node:assert/strict';
import { loadPolicy } from '../../src/policy/index.ts';
import { PolicyFolder, PRINCIPALS, policyYaml as rule } from '../helpers/policies.ts';

describe('policy file: strict YAML refuses', () => {
  let folder: PolicyFolder;
  before(() => {
    folder = new PolicyFolder();
  });
  after(() => folder.remove());

  const cases: readonly (readonly [name: string, yaml: string, message: string | RegExp])[] = [
    ['no content', '', 'the policy is not valid: the file is empty: it needs version, principals and rules'],
    [
      'a key that is no text',
      rule('signed-by: release').replace('keys/ed25519.pub', '5'),
      /principals\.security\.key: expected a path, PEM text, or a list of them, got 5/,
    ],
    [
      'a duplicate key',
      `${rule('signed-by: release')}    signed-by: ml-lead\n`,
      'the policy is not valid: line 11, column 5: Map keys must be unique',
    ],
    [
      'an alias',
      rule('signed-by: release').replace('[ml-lead, release-ci]', '&x [ml-lead]').replace('"**"', '*x'),
      'the policy is not valid: YAML aliases (*name) are not allowed',
    ],
    ['a merge key', rule('signed-by: release').replace('release: ', '<<: '), /roles\.<<: expected a name/],
    [
      'a bracket in the wrong place, of which the first three errors are told and not all that follow',
      `${rule('signed-by: release')}    attestations:\n      - { type: approval, signed-by: 2 of [release, ml-lead], max-age: 30d }\n`,
      /^the policy is not valid: line 12, column \d+: [^;]+(; line \d+, column \d+: [^;]+){2}$/,
    ],
    ['a tag', rule('signed-by: !mine release'), /line 10, column 16: Unresolved tag: !mine/],
    ['a tag of YAML that the core schema has not', rule('signed-by: !!set release'), /Unresolved tag: tag:yaml.org,2002:set/],
    ['a directive', `%YAML 1.1\n---\n${rule('signed-by: release')}`, 'the policy is not valid: line 1: YAML directives are not allowed'],
    [
      'a tag directive',
      `%TAG ! tag:example.com,2000:\n---\n${rule('signed-by: release')}`,
      'the policy is not valid: line 1: YAML directives are not allowed',
    ],
    [
      'several documents',
      `${rule('signed-by: release')}---\n${rule('signed-by: release')}`,
      /line 11, column 1: Source contains multiple documents/,
    ],
    ['a key that is no text', `${rule('signed-by: release')}? [a]\n: 1\n`, /With stringKeys, all keys must be strings/],
    ['broken YAML', `${PRINCIPALS}rules: [\n`, /line 9, column 1: Flow sequence in block collection must be sufficiently indented/],
    ['a tab', 'version: 1\nprincipals:\n\ta: 1\n', /line 3, column 1: Tabs are not allowed as indentation/],
    ...[
      ['brackets', `version: 1\nrules: ${'['.repeat(50_000)}`, 2],
      ['braces with keys', '{a: '.repeat(33), 1],
      ['dashes on one line', '- '.repeat(100_000), 1],
      ['question marks on one line', '? '.repeat(100_000), 1],
      ['keys on one line', 'a: '.repeat(80_000), 1],
      ['indentation', Array.from({ length: 700 }, (_, i) => `${' '.repeat(i)}a:`).join('\n'), 31],
    ].map(
      ([what, yaml, line]) =>
        [`nesting without end: ${what}`, `${yaml}`, `the policy is not valid: line ${line}: nested deeper than 32 levels`] as const,
    ),
    ['thousands of documents', '---\n'.repeat(50_000), 'the policy is not valid: the file is not one YAML document'],
    ['thousands of errors', '[]'.repeat(100_000), 'the policy is not valid: the file is not one YAML document'],
    ['a file of more than 256 KiB', '#'.repeat(256 * 1024 + 1), 'the policy is not valid: the file is larger than 262144 bytes'],
    [
      'duplicate keys anywhere, each with its place',
      `${rule('signed-by: release')}version: 1\nroles: { a: [b], "a": [{ c: 1, c: 2 }] }\n`,
      /: line 11, column 1: Map keys must be unique; line 12, column 1: Map keys.*; line 12, column 18: Map keys.*; line 12, column 32: Map keys/,
    ],
    ['__proto__', `${rule('signed-by: release')}__proto__: { a: 1 }\n`, /__proto__: expected no such field/],
  ];
  for (const [name, yaml, message] of cases) {
    it(name, async () => {
      await folder.refuses(yaml, message);
    });
  }

  it('tens of thousands of keys in a moment', async function () {
    this.timeout(5000);
    const yaml = `version: 1\n${Array.from({ length: 25_000 }, (_, i) => `k${i}: 1\n`).join('')}`;
    await folder.refuses(yaml, /line 2, column 1: k0: expected no such field, got 1; .* and \d+ more/);
  });

  it('nothing that is merely long: many keys, brackets in texts, many lists', async () => {
    const lines = Array.from({ length: 500 }, (_, i) => `  - { model: "m${i}/**", signed-by: [ml-lead], ignore-paths: [] } # [[[[ {{{{`);
    const yaml = `${PRINCIPALS}  other: ["ml-lead"] # ${'['.repeat(100)}\nrules:\n  - model: "x" # ${'['.repeat(50)}\n    signed-by: ml-lead\n${lines.join('\n')}\n`;
    assert.equal((await loadPolicy(folder.policy(yaml))).rules.length, 501);
  });

  it('bytes that are not UTF-8', () =>
    folder.refuses(Buffer.from([0xff, 0xfe, 0x00]), 'the policy is not valid: the file is not UTF-8 text'));
});
