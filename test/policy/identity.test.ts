import assert from 'node:assert/strict';
import {
  CLAIM_NAMES,
  type IdentitySource,
  identityMismatch,
  identityTrust,
  policyFromFlags,
  type SigstoreIdentity,
} from '../../src/policy/index.ts';
import { keyTrust, overlaps } from '../../src/policy/principal.ts';
import { keyFile, mlsignError } from '../helpers/keys.ts';

const ISSUER = 'https://token.actions.githubusercontent.com';
const SIGNER: SigstoreIdentity = {
  identity: 'dev@example.com',
  issuer: ISSUER,
  claims: new Map([
    ['repository', ['acme/models', 'https://github.com/acme/models']],
    ['ref', ['refs/heads/main']],
  ]),
};

const trust = (source: Partial<IdentitySource>) => identityTrust({ issuer: ISSUER, where: '--identity', ...source });

describe('identity trust', () => {
  it('is exact', () => {
    assert.equal(identityMismatch(trust({ identity: 'dev@example.com' }), SIGNER), undefined);
    for (const identity of ['dev@example.co', 'dev@example.com@evil.com', 'Dev@example.com', '.*', 'dev@example.com\n']) {
      assert.equal(identityMismatch(trust({ identity }), SIGNER)?.code, 'identity-mismatch');
    }
    for (const issuer of [ISSUER.slice(0, -1), `${ISSUER}.evil.com`, ISSUER.replace('https', 'http')]) {
      assert.equal(identityMismatch(trust({ identity: 'dev@example.com', issuer }), SIGNER)?.code, 'issuer-mismatch');
    }
    assert.deepEqual(identityMismatch(trust({ identity: 'dev@example.com', issuer: `${ISSUER}/` }), SIGNER), {
      code: 'issuer-mismatch',
      message: 'the signer was authenticated by another issuer than the one that is trusted',
      expected: `${ISSUER}/`,
      got: ISSUER,
    });
  });

  it('a pattern is for the whole of it', () => {
    for (const pattern of ['dev@example[.]com', '.*@example[.]com', 'ops|dev@example[.]com', '^dev@example[.]com$', '(?<name>.+)@.+']) {
      assert.equal(identityMismatch(trust({ pattern }), SIGNER), undefined, pattern);
    }
    for (const pattern of ['dev', '@example[.]com', 'dev@example[.]com|x@', 'd|m', 'dev@example[.]com\\n']) {
      const expected = pattern === 'dev@example[.]com|x@' ? undefined : 'identity-mismatch';
      assert.equal(identityMismatch(trust({ pattern }), SIGNER)?.code, expected, pattern);
    }
    const lines = { ...SIGNER, identity: 'evil@evil.com\ndev@example.com' };
    assert.equal(identityMismatch(trust({ pattern: 'dev@example[.]com' }), lines)?.code, 'identity-mismatch');
    assert.equal(identityMismatch(trust({ pattern: '.*@example[.]com' }), lines)?.code, 'identity-mismatch');
  });

  it('claims are exact, in either form', () => {
    for (const repository of ['acme/models', 'https://github.com/acme/models']) {
      assert.equal(identityMismatch(trust({ identity: 'dev@example.com', claims: { repository } }), SIGNER), undefined);
    }
    assert.deepEqual(identityMismatch(trust({ identity: 'dev@example.com', claims: { ref: 'refs/heads/main', commit: 'abc' } }), SIGNER), {
      code: 'claim-mismatch',
      message: 'the certificate of the signer does not have the commit that is required',
      expected: 'commit abc',
      got: 'no such claim',
    });
    for (const repository of ['acme/Models', 'acme/model', 'acme/models2', 'models', '.*']) {
      assert.equal(identityMismatch(trust({ identity: 'dev@example.com', claims: { repository } }), SIGNER)?.code, 'claim-mismatch');
    }
  });

  const WRONG: readonly (readonly [string, Partial<IdentitySource>, string, RegExp])[] = [
    ['neither identity nor pattern', {}, 'identity-invalid', /by its exact identity, or by a pattern/],
    ['both', { identity: 'a', pattern: 'b' }, 'identity-invalid', /by its exact identity, or by a pattern/],
    ['an empty identity', { identity: '' }, 'identity-invalid', /by its exact identity/],
    ['no issuer', { identity: 'a', issuer: '' }, 'issuer-invalid', /only with the issuer/],
    ['an issuer that is no URL', { identity: 'a', issuer: 'accounts.example.com' }, 'issuer-invalid', /only with the issuer/],
    ['a pattern that is none', { pattern: '[' }, 'identity-pattern-invalid', /not a regular expression/],
    ['a pattern that would end the group', { pattern: 'a)|(.*' }, 'identity-pattern-invalid', /not a regular expression/],
    ['an unknown claim', { identity: 'a', claims: { repo: 'x' } }, 'claim-unknown', /certificates have no claim repo/],
    ['an inherited claim', { identity: 'a', claims: { constructor: 'x' } }, 'claim-unknown', /certificates have no claim constructor/],
    ['a claim without a value', { identity: 'a', claims: { ref: '' } }, 'claim-unknown', /the claim ref has no value/],
  ];
  for (const [name, source, code, message] of WRONG) {
    it(`refuses ${name}`, () => {
      assert.throws(() => trust(source), mlsignError(code, message, { outcome: 'usage', subject: '--identity' }));
    });
  }

  it('two overlap where one signer may be both', () => {
    const dev = trust({ identity: 'dev@example.com' });
    const main = trust({ identity: 'dev@example.com', claims: { ref: 'refs/heads/main' } });
    const release = trust({ identity: 'dev@example.com', claims: { ref: 'refs/heads/release' } });
    const all = trust({ pattern: '.*@example[.]com' });
    const overlapping = [
      [dev, dev],
      [dev, main],
      [dev, all],
      [all, main],
      [all, all],
    ] as const;
    const apart = [
      [main, release],
      [dev, trust({ identity: 'ops@example.com' })],
      [dev, trust({ identity: 'dev@example.com', issuer: 'https://x' })],
      [dev, trust({ pattern: 'dev' })],
      [all, trust({ pattern: '.*@example[.]org' })],
      [dev, keyTrust({ pem: keyFile('ed25519.pub'), where: 'x' })],
    ] as const;
    for (const [a, b] of overlapping) assert.ok(overlaps(a, b) && overlaps(b, a));
    for (const [a, b] of apart) assert.ok(!overlaps(a, b) && !overlaps(b, a));
  });
});

describe('identities and KMS keys as flags', () => {
  it('any one of them is enough', () => {
    const kms = keyTrust({ pem: keyFile('ed25519.pub'), where: 'arn:aws:kms:eu-west-1:123456789012:key/x' });
    const { principals, rules } = policyFromFlags({
      identities: [{ identity: 'dev@example.com', issuer: ISSUER, claims: { ref: 'x' }, where: 'dev@example.com' }],
      kmsKeys: [kms],
    });
    assert.deepEqual(
      principals.map(({ name, trust: [first] }) => [name, first?.kind]),
      [
        ['key arn:aws:kms:eu-west-1:123456789012:key/x', 'key'],
        ['identity dev@example.com', 'identity'],
      ],
    );
    assert.equal(rules[0]?.signedBy[0]?.threshold, 1);
    assert.deepEqual(rules[0]?.require, { timestamps: 0, logs: 0 });
  });

  it('claims have names that do not change', () => {
    assert.deepEqual(CLAIM_NAMES, [
      'repository',
      'repository-id',
      'owner',
      'owner-id',
      'visibility',
      'ref',
      'commit',
      'workflow',
      'workflow-commit',
      'workflow-name',
      'builder',
      'builder-commit',
      'trigger',
      'runner',
      'run',
      'environment',
      'subject',
    ]);
  });
});
