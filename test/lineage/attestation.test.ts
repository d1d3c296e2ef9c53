import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import type { Finding } from '../../src/core/index.ts';
import { sha256Hex } from '../../src/core/index.ts';
import { predicatePayload, provenancePayload } from '../../src/formats/index.ts';
import {
  type AttestationSource,
  attestationName,
  claimedAttestation,
  localAttestations,
  MOST_ATTESTATIONS,
  openProvenance,
  storedAttestations,
} from '../../src/lineage/index.ts';
import { layoutOf, openStore, parseLocation, type Store } from '../../src/store/index.ts';
import { sealed, trustKeys } from '../helpers/bundles.ts';
import { fixtureSigner, mlsignError } from '../helpers/keys.ts';
import { Sandbox } from '../helpers/sandbox.ts';

const MODEL = 'a'.repeat(64);
const SUBJECT = { name: 'model', modelId: MODEL };
const NOW = new Date('2026-03-01T12:00:00Z');
const PAYLOAD = provenancePayload({
  subject: SUBJECT,
  buildType: 'https://mlsign/build/v1',
  materials: [],
  parameters: {},
  metrics: {},
  builder: 'https://example.com/b',
});

describe('openProvenance', () => {
  it('opens what a trusted signer signed', async () => {
    const bytes = await sealed(await fixtureSigner('ed25519'), PAYLOAD);
    const { verified, findings } = await openProvenance(bytes, 'a.att', [trustKeys('ed25519')], { now: NOW });
    assert.deepEqual(findings, []);
    assert.deepEqual(verified?.statement.subject, SUBJECT);
    assert.equal(verified?.bundleDigest, sha256Hex(bytes));
  });

  it('reads nothing of what anybody else signed', async () => {
    const bytes = await sealed(await fixtureSigner('ec-p256'), Buffer.from('no JSON'));
    const { verified, findings } = await openProvenance(bytes, 'a.att', [trustKeys('ed25519')], { now: NOW });
    assert.equal(verified, undefined);
    assert.deepEqual(
      findings.map(({ code, severity }) => [code, severity]),
      [['signer-untrusted', 'rejected']],
    );
  });

  it('rejects another statement of a trusted signer', async () => {
    const scan = predicatePayload(SUBJECT, 'https://example.com/scan/v1', Buffer.from('{}'));
    const { findings } = await openProvenance(await sealed(await fixtureSigner('ed25519'), scan), 'a.att', [trustKeys('ed25519')], {
      now: NOW,
    });
    assert.deepEqual(
      findings.map(({ code, severity, got }) => [code, severity, got]),
      [['predicate-type-unknown', 'rejected', 'https://example.com/scan/v1']],
    );
  });
});

describe('claimedAttestation', () => {
  it('tells what a statement says it is about', async () => {
    const bytes = await sealed(await fixtureSigner('ed25519'), PAYLOAD);
    assert.deepEqual(claimedAttestation(bytes, 'a.att'), { predicateType: 'https://slsa.dev/provenance/v1', modelIds: [MODEL] });
    assert.deepEqual(claimedAttestation(await sealed(await fixtureSigner('ed25519')), 'a.att').modelIds, []);
    assert.throws(() => claimedAttestation(Buffer.from('{}'), 'a.att'), mlsignError('bundle-malformed', /malformed/, { subject: 'a.att' }));
  });
});

describe('the attestations of a model', () => {
  const sandbox = new Sandbox();
  const location = parseLocation(`file:${sandbox.path('store')}/llama`);
  const layout = layoutOf(location);
  let store: Store;
  let attestation: Buffer;

  before(async () => {
    store = await openStore(location.store);
    attestation = await sealed(await fixtureSigner('ed25519'), PAYLOAD);
  });
  after(async () => {
    await store.close();
    sandbox.remove();
  });

  async function put(key: string, bytes: Uint8Array) {
    const written = await store.write(key, bytes, 'absent');
    assert.ok(written, key);
    return written;
  }

  async function stored(
    pinned: Parameters<typeof storedAttestations>[3] = [],
  ): Promise<readonly [readonly AttestationSource[], readonly Finding[]]> {
    const findings: Finding[] = [];
    return [await storedAttestations(store, location, MODEL, pinned, findings), findings];
  }

  it('beside it are those that are named so, in name order', async () => {
    const companion = sandbox.write('model.mlsign', { 'b.att': 'b', 'a.att': 'a', 'c.sig': 's', 'lock.json': '{}' });
    const findings: Finding[] = [];
    const found = await localAttestations(companion, findings);
    assert.deepEqual(await Promise.all(found.map(async ({ read }) => Buffer.from(await read()).toString())), ['a', 'b']);
    assert.deepEqual(findings, []);
    assert.deepEqual(await localAttestations(sandbox.path('nowhere'), findings), []);
  });

  it('beside it are looked at up to a number, and more are told of', async () => {
    const companion = sandbox.path('many.mlsign');
    mkdirSync(companion);
    for (let i = 0; i <= MOST_ATTESTATIONS; i++) writeFileSync(`${companion}/${String(i).padStart(4, '0')}.att`, '');
    const findings: Finding[] = [];
    assert.equal((await localAttestations(companion, findings)).length, MOST_ATTESTATIONS);
    assert.deepEqual(
      findings.map(({ code, severity, subject }) => [code, severity, subject]),
      [['too-many-attestations', 'undetermined', companion]],
    );
  });

  it('in a store are those under their digests, pinned or added later, and no signatures', async () => {
    const digest = sha256Hex(attestation);
    const { version } = await put(layout.attestation(MODEL, digest), attestation);
    await put(layout.bundle(MODEL, digest), attestation);
    await put(layout.attestation('b'.repeat(64), digest), attestation);
    const [listed] = await stored();
    assert.deepEqual(
      listed.map((source) => source.digest),
      [digest],
    );
    assert.deepEqual(Buffer.from((await listed[0]?.read()) ?? ''), attestation);
    const [pinned] = await stored([{ digest, version, size: attestation.length }]);
    assert.equal(pinned.length, 1);
    assert.equal(attestationName(digest), `${digest.slice(0, 16)}.att`);
  });

  it('in a store are refused where they are not what their names say', async () => {
    const digest = 'c'.repeat(64);
    await put(layout.attestation(MODEL, digest), attestation);
    const [listed] = await stored();
    await assert.rejects(
      async () => listed.find((source) => source.digest === digest)?.read(),
      mlsignError('attestation-changed', 'an attestation is not the one that its name says', {
        expected: digest,
        got: sha256Hex(attestation),
      }),
    );
  });

  it('in a store are those that are pinned, where nothing may be listed', async () => {
    const digest = sha256Hex(attestation);
    const current = await store.current(layout.attestation(MODEL, digest));
    assert.ok(current);
    const forbidding: Store = Object.create(store, {
      history: {
        value: async function* () {
          await store.read({ key: `${layout.model}none`, version: current.version }, 1);
          yield undefined;
        },
      },
    });
    const findings: Finding[] = [];
    const pinned = [{ digest, version: current.version, size: attestation.length }];
    const found = await storedAttestations(forbidding, location, MODEL, pinned, findings);
    assert.equal(found.length, 1);
    assert.deepEqual(
      findings.map(({ code, severity }) => [code, severity]),
      [['attestations-not-listed', 'note']],
    );
  });
});
