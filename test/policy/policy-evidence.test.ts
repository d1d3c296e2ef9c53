import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { isJsonObject, parseJson, unavailable } from '../../src/core/index.ts';
import { SCHEME_NAMES } from '../../src/formats/index.ts';
import { CLAIM_NAMES, loadPolicy } from '../../src/policy/index.ts';
import { keyTrust } from '../../src/policy/principal.ts';
import { keyFile, mlsignError } from '../helpers/keys.ts';
import { PolicyFolder } from '../helpers/policies.ts';

const ARN = 'arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab';

const policyOf = (principals: string, rule = 'signed-by: a'): string =>
  `version: 1\nprincipals:\n${principals.replaceAll(/^/gm, '  ')}\nrules:\n  - model: "**"\n${rule.replaceAll(/^/gm, '    ')}\n`;

describe('policy file: identities, KMS keys and evidence', () => {
  let folder: PolicyFolder;
  before(() => {
    folder = new PolicyFolder();
  });
  after(() => folder.remove());

  it('reads identities with their claims, and patterns', async () => {
    const yaml = policyOf(`a: { identity: dev@example.com, issuer: "https://accounts.example" }
ci:
  - identity-pattern: "https://github[.]com/acme/.*"
    issuer: https://token.actions.githubusercontent.com
    claims: { repository: acme/models, ref: refs/heads/main }`);
    const [dev, ci] = (await loadPolicy(folder.policy(yaml))).principals;
    assert.deepEqual(dev?.trust, [
      {
        kind: 'identity',
        identity: { exact: 'dev@example.com' },
        issuer: 'https://accounts.example',
        claims: {},
        where: 'principals.a.identity',
      },
    ]);
    assert.deepEqual(ci?.trust, [
      {
        kind: 'identity',
        identity: { pattern: 'https://github[.]com/acme/.*' },
        issuer: 'https://token.actions.githubusercontent.com',
        claims: { repository: 'acme/models', ref: 'refs/heads/main' },
        where: 'principals.ci[0].identity-pattern',
      },
    ]);
  });

  it('reads how long a key is trusted: a moment, or a day as a whole', async () => {
    const yaml = policyOf(
      'a: { key: keys/ec-p256.pub, not-after: 2026-12-31 }\nb: { key: keys/ed25519.pub, not-after: "2026-12-31T12:00:00Z" }',
    );
    const { principals } = await loadPolicy(folder.policy(yaml));
    assert.deepEqual(
      principals.map(({ trust: [first] }) => first?.kind === 'key' && first.notAfter?.toISOString()),
      ['2026-12-31T23:59:59.999Z', '2026-12-31T12:00:00.000Z'],
    );
  });

  it('reads what evidence a rule requires', async () => {
    const yaml = policyOf('a: { key: keys/ec-p256.pub }', 'signed-by: a\nrequire: { timestamps: 2 }');
    assert.deepEqual((await loadPolicy(folder.policy(yaml))).rules[0]?.require, { timestamps: 2, logs: 0 });
  });

  it('asks for the key of a KMS by its ARN, with its scheme', async () => {
    const asked: unknown[] = [];
    const resolveKms = async (...question: readonly unknown[]) => {
      asked.push(question);
      return keyTrust({ pem: keyFile('ed25519.pub'), where: ARN });
    };
    const yaml = policyOf(`a: { kms: "${ARN}", not-after: 2026-12-31 }`);
    const [first] = (await loadPolicy(folder.policy(yaml), { resolveKms })).principals[0]?.trust ?? [];
    assert.ok(first?.kind === 'key');
    assert.deepEqual([first.where, first.notAfter?.getUTCFullYear()], [ARN, 2026]);
    await loadPolicy(folder.policy(policyOf(`a: { kms: "${ARN}", scheme: ed25519 }`)), { resolveKms });
    assert.deepEqual(asked, [
      [ARN, undefined],
      [ARN, 'ed25519'],
    ]);
  });

  it('a KMS key is also a key: no two principals have the same one', async () => {
    const resolveKms = async () => keyTrust({ pem: keyFile('ed25519.pub'), where: ARN });
    const yaml = policyOf(`a: { kms: "${ARN}" }\nb: { key: keys/ed25519.pub }`);
    await assert.rejects(
      loadPolicy(folder.policy(yaml), { resolveKms }),
      mlsignError('policy-invalid', /principals\.b\.key: expected a key that no other entry has, got the same as a has/),
    );
  });

  it('what the KMS answers is no fault of the policy', async () => {
    const resolveKms = () => Promise.reject(unavailable('kms-access-denied', 'kms:GetPublicKey is missing'));
    const yaml = policyOf(`a: { kms: "${ARN}" }`);
    await assert.rejects(
      loadPolicy(folder.policy(yaml), { resolveKms }),
      mlsignError('kms-access-denied', 'kms:GetPublicKey is missing', { outcome: 'unavailable' }),
    );
    await assert.rejects(
      loadPolicy(folder.policy(yaml)),
      mlsignError('policy-invalid', /principals\.a\.kms: expected a public key: keys of a KMS cannot be read here/),
    );
  });

  const one = (identity: string): string => `a: { ${identity} }`;
  const WRONG: readonly (readonly [string, string, RegExp])[] = [
    [
      'an identity without its issuer',
      one('identity: dev'),
      /principals\.a\.issuer: expected the URL of the issuer, such as .*, got nothing/,
    ],
    ['an issuer that is no URL', one('identity: dev, issuer: accounts'), /principals\.a\.issuer: expected the URL of the issuer/],
    ['an identity and a pattern', one('identity: a, identity-pattern: b, issuer: "https://x"'), /expected exactly one of/],
    [
      'a pattern that is none',
      one('identity-pattern: "[", issuer: "https://x"'),
      /identity-pattern: expected a regular expression for the whole identity/,
    ],
    ['no claims', one('identity: a, issuer: "https://x", claims: {}'), /claims: expected at least one claim/],
    [
      'an unknown claim',
      one('identity: a, issuer: "https://x", claims: { comit: x }'),
      /claims\.comit: expected no such field \(did you mean "commit"\?\)/,
    ],
    [
      'a claim that is a number',
      one('identity: a, issuer: "https://x", claims: { owner-id: 1 }'),
      /claims\.owner-id: expected a non-empty string, got 1/,
    ],
    [
      'an alias of a KMS key',
      one('kms: "arn:aws:kms:eu-central-1:123456789012:alias/x"'),
      /kms: expected the ARN of a key, and not of an alias/,
    ],
    ['a day that is none', one('key: keys/ec-p256.pub, not-after: 2026-02-30'), /not-after: expected a day such as/],
    ['an end of an identity', one('identity: a, issuer: "https://x", not-after: 2026-02-28'), /not-after: expected no such field/],
    [
      'two that are one signer',
      `a: { identity: d, issuer: "https://x" }\nb: { identity-pattern: ".", issuer: "https://x" }`,
      /expected an identity that no other entry has, got the same as a has/,
    ],
  ];
  for (const [name, principals, message] of WRONG) {
    it(`refuses ${name}`, () => folder.refuses(policyOf(principals), message));
  }

  for (const [name, value, message] of [
    ['nothing', '{}', /require: expected timestamps, logs or max-age/],
    ['none', '{ timestamps: 0 }', /require\.timestamps: expected an integer from 1 to 16, got 0/],
    ['too many', '{ logs: 17 }', /require\.logs: expected an integer from 1 to 16, got 17/],
    ['another name', '{ timestamp: 1 }', /require\.timestamp: expected no such field \(did you mean "timestamps"\?\)/],
  ] as const) {
    it(`refuses to require ${name}`, () =>
      folder.refuses(policyOf('a: { key: keys/ec-p256.pub }', `signed-by: a\nrequire: ${value}`), message));
  }

  it('the schema has the schemes and the claims that the parser has', () => {
    const schema = parseJson(readFileSync(new URL('../../schemas/policy.schema.json', import.meta.url)), 'schema');
    const definitions = isJsonObject(schema) && isJsonObject(schema.$defs) ? schema.$defs : {};
    assert.ok(isJsonObject(definitions.scheme) && isJsonObject(definitions.claims) && isJsonObject(definitions.claims.properties));
    assert.deepEqual(definitions.scheme.enum, SCHEME_NAMES);
    assert.deepEqual(Object.keys(definitions.claims.properties), CLAIM_NAMES);
  });
});
