import assert from 'node:assert/strict';
import { parse } from 'yaml';
import { PolicyFolder, PRINCIPALS, policyYaml as rule } from '../helpers/policies.ts';
import { assertValid } from '../helpers/schemas.ts';

describe('policy file: what has the wrong form is refused, by the schema too', () => {
  let folder: PolicyFolder;
  before(() => {
    folder = new PolicyFolder();
  });
  after(() => folder.remove());

  const cases: readonly (readonly [name: string, yaml: string, message: string | RegExp])[] = [
    ['a list', '- a\n', /line 1, column 1: the policy: expected an object, got an array of 1/],
    [
      'another version',
      rule('signed-by: ml-lead').replace('version: 1', 'version: 2'),
      'the policy is not valid: line 1, column 1: version: expected 1, got 2',
    ],
    ['a version as text', rule('signed-by: ml-lead').replace('version: 1', 'version: "1"'), /version: expected 1, got "1"/],
    [
      'an unknown field',
      `${rule('signed-by: ml-lead')}extra: 1\n`,
      'the policy is not valid: line 11, column 1: extra: expected no such field, got 1',
    ],
    [
      'a typo at the top',
      rule('signed-by: ml-lead').replace('roles', 'role'),
      /line 6, column 1: role: expected no such field \(did you mean "roles"\?\), got "role"/,
    ],
    [
      'a typo in a rule',
      rule('signed-by: ml-lead\nallow-simlinks: true'),
      'the policy is not valid: line 11, column 5: rules[0].allow-simlinks: expected no such field (did you mean "allow-symlinks"?), got true',
    ],
    [
      'a typo in a requirement',
      rule('signedby: ml-lead'),
      /rules\[0\]\.signed-by: expected a principal, .*, got nothing; .*rules\[0\]\.signedby: expected no such field \(did you mean "signed-by"\?\)/,
    ],
    ['no rules', PRINCIPALS, /line 1, column 1: rules: expected an array, got nothing/],
    [
      'an empty list of rules',
      `${PRINCIPALS}rules: []\n`,
      /rules: expected at least 1|rules: expected 1 to 10000 entries, got an array of 0/,
    ],
    [
      'no principals',
      'version: 1\nprincipals: {}\nrules: [{ model: "**", signed-by: a }]\n',
      /line 2, column 1: principals: expected at least one entry, got an object/,
    ],
    [
      'a rule without a location',
      `${PRINCIPALS}rules: [{ signed-by: ml-lead }]\n`,
      /rules\[0\]\.model: expected a non-empty string, got nothing/,
    ],
    [
      'a rule without signers',
      `${PRINCIPALS}rules: [{ model: "**" }]\n`,
      /rules\[0\]\.signed-by: expected a principal, a role, or "2 of \[name, name\]", got nothing/,
    ],
    [
      'an empty list of signers',
      rule('signed-by: []'),
      'the policy is not valid: line 10, column 5: rules[0].signed-by: expected 1 to 10000 entries, got an array of 0',
    ],
    [
      'an empty list of names',
      rule('signed-by: 1 of []'),
      /rules\[0\]\.signed-by: expected a principal, a role, or "2 of \[name, name\]", got "1 of \[\]"/,
    ],
    ['a threshold of 0', rule('signed-by: 0 of [ml-lead]'), /rules\[0\]\.signed-by: expected at least 1 signer, got "0 of \[ml-lead\]"/],
    ['a threshold that is no number', rule('signed-by: two of [ml-lead]'), /expected a principal, a role, or/],
    ['a threshold below 0', rule('signed-by: -1 of [ml-lead]'), /expected a principal, a role, or/],
    ['a requirement twice', rule('signed-by: [ml-lead, ml-lead]'), /rules\[0\]\.signed-by\[1\]: expected each entry once, got "ml-lead"/],
    ['an empty role', rule('signed-by: release').replace('[ml-lead, release-ci]', '[]'), /roles\.release: expected 1 to 10000 entries/],
    [
      'a member twice in a role',
      rule('signed-by: release').replace('[ml-lead, release-ci]', '[ml-lead, ml-lead]'),
      /roles\.release\[1\]: expected each entry once/,
    ],
    [
      'a name that cannot be one',
      rule('signed-by: release').replace('  security:', '  "se curity":'),
      /principals\.se curity: expected a name of letters, digits, "-" and "_", got "se curity"/,
    ],
    [
      'a principal that is nothing',
      rule('signed-by: release').replace('{ key: keys/ed25519.pub }', ''),
      /principals\.security: expected an object, got null/,
    ],
    [
      'a principal without trust',
      rule('signed-by: release').replace('{ key: keys/ed25519.pub }', '{}'),
      /principals\.security: expected exactly one of "key", "kms", "ca", "identity", "identity-pattern", got "none of them"/,
    ],
    [
      'an empty list of trust',
      rule('signed-by: release').replace('{ key: keys/ed25519.pub }', '[]'),
      /principals\.security: expected 1 to 10000 entries/,
    ],
    [
      'an unknown kind of principal',
      rule('signed-by: release').replace('{ key: keys/ed25519.pub }', '{ pkcs11: token }'),
      /principals\.security: expected exactly one of "key", "kms", "ca", "identity", "identity-pattern", got "pkcs11"/,
    ],
    [
      'a typo in the kind',
      rule('signed-by: release').replace('{ key: keys/ed25519.pub }', '{ kye: a }'),
      /expected exactly one of "key", "kms", "ca", "identity", "identity-pattern" \(did you mean "key"\?\), got "kye"/,
    ],
    [
      'a principal of two kinds',
      rule('signed-by: release').replace('{ key: keys/ed25519.pub }', '{ key: a, ca: b }'),
      /expected exactly one of "key", "kms", "ca", "identity", "identity-pattern", got "key, ca"/,
    ],
    [
      'a subject of a key',
      rule('signed-by: release').replace('{ key: keys/ed25519.pub }', '{ key: a, subject: b }'),
      /principals\.security\.subject: expected no such field, got "b"/,
    ],
    [
      'an empty list of keys',
      rule('signed-by: release').replace('keys/ed25519.pub', '[]'),
      /principals\.security\.key: expected 1 to 10000 entries/,
    ],
    [
      'a key twice in a list',
      rule('signed-by: release').replace('keys/ed25519.pub', '[a, a]'),
      /principals\.security\.key\[1\]: expected each entry once/,
    ],
    [
      'an unknown scheme',
      rule('signed-by: release').replace('ed25519.pub', 'ed25519.pub, scheme: none'),
      /principals\.security\.scheme: expected one of ecdsa-p256-sha256, .*, got "none"/,
    ],
    [
      'ignored paths that are one text',
      rule('signed-by: release\nignore-paths: all'),
      /rules\[0\]\.ignore-paths: expected "signed" or a list of paths, got "all"/,
    ],
    [
      'an ignored path with a wildcard',
      rule('signed-by: release\nignore-paths: ["*.md"]'),
      /line 11, column 20: rules\[0\]\.ignore-paths\[0\]: expected a path relative to the model, without wildcards, got "\*\.md, which holds a glob character"/,
    ],
    [
      'an ignored path that leads out',
      rule('signed-by: release\nunsigned-paths: [../a]'),
      /rules\[0\]\.unsigned-paths\[0\]: expected a path .*which holds a/,
    ],
    [
      'unsigned paths that are "signed"',
      rule('signed-by: release\nunsigned-paths: signed'),
      /rules\[0\]\.unsigned-paths: expected a list of paths, got "signed"/,
    ],
    ['a flag that is text', rule('signed-by: release\nallow-legacy: "yes"'), /rules\[0\]\.allow-legacy: expected true or false, got "yes"/],
    [
      'yes for true, which is text in YAML 1.2',
      rule('signed-by: release\nallow-legacy: yes'),
      /rules\[0\]\.allow-legacy: expected true or false, got "yes"/,
    ],
  ];
  for (const [name, yaml, message] of cases) {
    it(name, async () => {
      await folder.refuses(yaml, message);
      assert.throws(() => assertValid('policy', parse(yaml)), { code: 'ERR_ASSERTION' }, 'the schema accepts it');
    });
  }

  it('everything at once, each with its own place', async () => {
    const yaml = 'version: 2\nprincipals: { a: { kez: 1 } }\nrules:\n  - model: ""\n    signed: x\n';
    await folder.refuses(
      yaml,
      /line 1, column 1: version.*line 2, column 15: principals\.a.*line 4, column 5: rules\[0\]\.model.*line 5, column 5: rules\[0\]\.signed/,
    );
  });
});
