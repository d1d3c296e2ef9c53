import assert from 'node:assert/strict';
import { parseVsa, type VerificationSummary, VSA_TYPE, vsaPayload } from '../../src/formats/index.ts';
import { mlsignError } from '../helpers/keys.ts';
import { MODEL_ID, NOW } from '../helpers/releases.ts';
import { assertValid } from '../helpers/schemas.ts';
import { aSummary } from '../helpers/summaries.ts';

const FULL = aSummary(MODEL_ID, NOW, {
  subject: { name: 'llama', modelId: MODEL_ID, dirHash: 'b'.repeat(64) },
  inputs: [
    { uri: 'model.sig', sha256: 'c'.repeat(64), signer: { key: 'd'.repeat(64), authorities: [], times: [NOW] } },
    {
      sha256: 'e'.repeat(64),
      signer: {
        key: 'd'.repeat(64),
        authorities: ['f'.repeat(64)],
        identity: { identity: 'ci@example.com', issuer: 'https://issuer.example.com' },
        certificate: { subject: '', issuer: 'O=sigstore', alternativeNames: ['email:ci@example.com'] },
        times: [],
      },
    },
    { sha256: 'a'.repeat(64) },
    { uri: 'x.att', sha256: 'a'.repeat(64), statement: 'b'.repeat(64) },
  ],
  ancestors: [{ name: 'words', digest: `sha256:${'9'.repeat(64)}` }],
  revocations: [{ name: 'team', issued: NOW }],
});

/** The statement as JSON, changed. */
function statement(change: (statement: { subject: object[]; predicate: Record<string, unknown> }) => void, summary = FULL): Buffer {
  const json = JSON.parse(Buffer.from(vsaPayload(summary)).toString());
  change(json);
  return Buffer.from(JSON.stringify(json));
}

function withoutDirHash({ subject: { name, modelId }, ...summary }: VerificationSummary): VerificationSummary {
  return { ...summary, subject: { name, modelId } };
}

describe('a verification summary', () => {
  it('is read as it was written, and valid by its schema', () => {
    assert.deepEqual(parseVsa(vsaPayload(FULL), 'gate.att'), withoutDirHash(FULL));
    assertValid('vsa', JSON.parse(Buffer.from(vsaPayload(FULL)).toString()));
    assertValid('vsa', JSON.parse(Buffer.from(vsaPayload({ ...FULL, result: 'FAILED' })).toString()));
  });

  it('claims no SLSA level, and FAILED where it failed', () => {
    const levels = (result: 'PASSED' | 'FAILED') =>
      JSON.parse(Buffer.from(vsaPayload({ ...FULL, result })).toString()).predicate.verifiedLevels;
    assert.deepEqual([levels('PASSED'), levels('FAILED')], [[], ['FAILED']]);
  });

  it('is read without what SLSA leaves open, and with what it may add', () => {
    const payload = statement(({ predicate }) => {
      delete predicate.inputAttestations;
      delete predicate.slsaVersion;
      predicate.verifier = { id: 'https://example.com/gate' };
      predicate.dependencyLevels = { SLSA_BUILD_LEVEL_3: 5 };
      predicate['https://example.com/more'] = 1;
    });
    assert.deepEqual(parseVsa(payload, 'x'), { ...withoutDirHash(FULL), inputs: [], version: {} });
  });

  it('leaves annotations of other tools alone', () => {
    const payload = statement(({ predicate }) => {
      predicate.inputAttestations = [{ digest: { sha256: 'a'.repeat(64) }, annotations: { note: 1 } }];
    });
    assert.deepEqual(parseVsa(payload, 'x').inputs, [{ sha256: 'a'.repeat(64) }]);
  });

  it('refuses another statement', () => {
    const payload = Buffer.from(Buffer.from(vsaPayload(FULL)).toString().replace(VSA_TYPE, 'https://slsa.dev/verification_summary/v0.2'));
    assert.throws(() => parseVsa(payload, 'x'), mlsignError('predicate-type-unknown', /no verification summary/, { expected: VSA_TYPE }));
  });

  const WRONG: readonly (readonly [string, Parameters<typeof statement>[0]])[] = [
    ['subject: expected exactly 1 entry', (s) => s.subject.push(s.subject[0] ?? {})],
    ['subject[0].digest.mlsignModel: expected 64', (s) => Object.assign(s.subject[0] ?? {}, { digest: { sha256: MODEL_ID } })],
    ['predicate.verifier.id: expected a URI', (s) => Object.assign(s.predicate, { verifier: { id: 'gate' } })],
    ['predicate.timeVerified: expected a moment', (s) => Object.assign(s.predicate, { timeVerified: 1 })],
    ['predicate.timeVerified: expected a moment that exists', (s) => Object.assign(s.predicate, { timeVerified: '2026-13-01T00:00:00Z' })],
    ['predicate.resourceUri: expected a URI', (s) => delete s.predicate.resourceUri],
    ['predicate.policy.digest.sha256: expected 64', (s) => Object.assign(s.predicate, { policy: { uri: 'p', digest: { sha512: 'a' } } })],
    ['predicate.policy.uri: expected a URI', (s) => Object.assign(s.predicate, { policy: { digest: { sha256: MODEL_ID } } })],
    ['predicate.verificationResult: expected "PASSED" or "FAILED"', (s) => Object.assign(s.predicate, { verificationResult: 'passed' })],
    ['predicate.verifiedLevels: expected an array', (s) => delete s.predicate.verifiedLevels],
    ['predicate.verifiedLevels: expected no FAILED beside PASSED', (s) => Object.assign(s.predicate, { verifiedLevels: ['FAILED'] })],
    ['predicate.revocations[0].issued: expected a moment', (s) => Object.assign(s.predicate, { revocations: [{ name: 'team' }] })],
    ['predicate.revocations[0].name: expected a line', (s) => Object.assign(s.predicate, { revocations: [{ issued: NOW.toISOString() }] })],
    ['predicate.inputAttestations[0].digest: expected an object', (s) => Object.assign(s.predicate, { inputAttestations: [{ uri: 'x' }] })],
    [
      'predicate.inputAttestations[0].annotations.times: expected an array',
      (s) =>
        Object.assign(s.predicate, {
          inputAttestations: [{ digest: { sha256: MODEL_ID }, annotations: { key: MODEL_ID, authorities: [] } }],
        }),
    ],
  ];
  for (const [message, change] of WRONG) {
    it(`refuses one with ${message}`, () => {
      assert.throws(
        () => parseVsa(statement(change), 'gate.att'),
        mlsignError('vsa-malformed', new RegExp(message.replace(/[.[\]*+?()|]/g, '\\$&')), { subject: 'gate.att' }),
      );
    });
  }

  it('is no summary cut short at any byte', () => {
    const payload = vsaPayload(FULL);
    for (let end = 0; end < payload.length; end++) assert.throws(() => parseVsa(payload.subarray(0, end), 'x'), { name: 'MlsignError' });
  });
});
