import { PolicyFolder, PRINCIPALS, policyYaml as rule } from '../helpers/policies.ts';

describe('policy file: strict YAML refuses', () => {
  let folder: PolicyFolder;
  before(() => {
    folder = new PolicyFolder();
  });
  after(() => folder.remove());

  const cases: readonly (readonly [name: string, yaml: string, message: string | RegExp])[] = [
    ['no content', '', 'the policy is not valid: line 1, column 1: the policy: expected an object, got null'],
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
    ['nesting without end', `version: ${'['.repeat(50_000)}`, /Maximum call stack size exceeded/],
    ['__proto__', `${rule('signed-by: release')}__proto__: { a: 1 }\n`, /__proto__: expected no such field/],
  ];
  for (const [name, yaml, message] of cases) {
    it(name, async () => {
      await folder.refuses(yaml, message);
    });
  }

  it('bytes that are not UTF-8', () =>
    folder.refuses(Buffer.from([0xff, 0xfe, 0x00]), 'the policy is not valid: the file is not UTF-8 text'));
});
