import { parse } from 'yaml';
import { PolicyFolder, policyYaml as rule } from '../helpers/policies.ts';
import { assertValid } from '../helpers/schemas.ts';

describe('policy file: what is well-formed and still wrong is refused', () => {
  let folder: PolicyFolder;
  before(() => {
    folder = new PolicyFolder();
  });
  after(() => folder.remove());

  const cases: readonly (readonly [name: string, yaml: string, message: string | RegExp])[] = [
    [
      'a threshold above the number of principals',
      rule('signed-by: 3 of [ml-lead, release]'),
      'the policy is not valid: line 10, column 5: rules[0].signed-by: expected at most 2, as many as there are principals, got "3 of [ml-lead, release]"',
    ],
    ['a name twice in a requirement', rule('signed-by: 2 of [ml-lead, ml-lead]'), /expected each entry once, got "ml-lead"/],
    [
      'an unknown signer',
      rule('signed-by: ml-leed'),
      'the policy is not valid: line 10, column 5: rules[0].signed-by: expected a principal or a role (did you mean "ml-lead"?), got "ml-leed"',
    ],
    [
      'an unknown signer unlike any',
      rule('signed-by: [ml-lead, nobody]'),
      /line 10, column 26: rules\[0\]\.signed-by\[1\]: expected a principal or a role \(ml-lead, security, release-ci, release\), got "nobody"/,
    ],
    [
      'an unknown member of a role',
      rule('signed-by: release').replace('[ml-lead, release-ci]', '[ml-lead, release]'),
      /line 7, column 22: roles\.release\[1\]: expected a principal \(ml-lead, security, release-ci\), got "release"/,
    ],
    [
      'a role that is named like a principal',
      rule('signed-by: release').replace('release: [', 'security: ['),
      /line 7, column 3: roles\.security: expected a name that no principal has, got "security"/,
    ],
    [
      'a key that is not there',
      rule('signed-by: release').replace('ed25519', 'missing'),
      /line 4, column 15: principals\.security\.key: expected a readable PEM file, or PEM text, got .*missing\.pub: cannot read the PEM file: no such file or directory/,
    ],
    [
      'a private key',
      rule('signed-by: release').replace('ed25519.pub', 'ed25519.key'),
      /principals\.security\.key: expected a public key or a certificate, got keys\/ed25519\.key: this is a private key/,
    ],
    [
      'a key of a kind that is not accepted',
      rule('signed-by: release').replace('ed25519', 'rsa-1024'),
      /expected EC P-256, .*got keys\/rsa-1024\.pub: a key of this kind is not accepted: RSA of 1024 bits/,
    ],
    [
      'a scheme of another key',
      rule('signed-by: release').replace('ed25519.pub', 'ed25519.pub, scheme: rsa-pss-sha256'),
      /expected ed25519 or ed25519-kms, got keys\/ed25519\.pub: rsa-pss-sha256 is not a scheme of this key/,
    ],
    [
      'an authority that is a key',
      rule('signed-by: release').replace('ca: root.pem', 'ca: keys/ec-p256.pub'),
      /principals\.release-ci\.ca: expected certificates only/,
    ],
    [
      'one key of two principals',
      rule('signed-by: release').replace('ed25519', 'ec-p256'),
      'the policy is not valid: line 4, column 15: principals.security.key: expected a key that no other entry has, got the same as ml-lead has',
    ],
    [
      'one authority of two principals',
      rule('signed-by: release').replace('key: keys/ed25519.pub', 'ca: root.pem'),
      /principals\.release-ci\.ca: expected an authority, or an exact subject, that no other entry has, got the same as security has/,
    ],
    [
      'one leaf of two principals',
      rule('signed-by: release').replace('key: keys/ed25519.pub', 'ca: [other-root.pem, root.pem], subject: "CN=release-ci,O=Example"'),
      /got the same as security has/,
    ],
    [
      'one authority of two principals, by a root that was issued again',
      rule('signed-by: release').replace('key: keys/ed25519.pub', 'ca: reissued-root.pem'),
      /principals\.release-ci\.ca: expected an authority, or an exact subject, that no other entry has, got the same as security has/,
    ],
    [
      'a pattern that can match nothing',
      rule('signed-by: release').replace('"**"', '"../models"'),
      /line 9, column 5: rules\[0\]\.model: expected no empty, "\." or "\.\." segment, got "\.\.\/models"/,
    ],
    [
      'two rules for the same location',
      `${rule('signed-by: release')}  - { model: "**", signed-by: security }\n`,
      /line 11, column 7: rules\[1\]\.model: expected a location of its own: rules\[0\] is for the same one, got "\*\*"/,
    ],
  ];
  for (const [name, yaml, message] of cases) {
    it(name, async () => {
      await folder.refuses(yaml, message);
      // The schema of editors knows nothing of names, keys and counts.
      assertValid('policy', parse(yaml));
    });
  }
});
