import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { isJsonObject, type JsonObject, type JsonValue, parseJson } from '../../src/core/index.ts';
import { parseBundle } from '../../src/formats/index.ts';
import { type IdentitySource, identityTrust } from '../../src/policy/index.ts';
import { instanceTrustedRoot, readTrustedRoot, verifyEnvelope } from '../../src/verify/index.ts';
import { withField } from '../helpers/forged-log.ts';

const FOLDER = new URL('../../fixtures/sigstore/', import.meta.url);
const NOW = new Date('2026-11-01T00:00:00Z');
const WORKFLOW = 'https://github.com/sigstore/sigstore-js/.github/workflows/release.yml@refs/heads/main';
const ACTIONS = 'https://token.actions.githubusercontent.com';
const EMAIL = { identity: 'cody@soyland.com', issuer: 'https://github.com/login/oauth' };

function fixture(name: string): JsonObject {
  const document = parseJson(readFileSync(new URL(`bundles/${name}.sigstore.json`, FOLDER)), name);
  const bundle = document;
  assert.ok(isJsonObject(bundle));
  return bundle;
}

/** Verifies with nothing but what is shipped. */
function verify(bundle: JsonObject, source: Omit<IdentitySource, 'where'>) {
  const trust = [identityTrust({ where: 'test', ...source })];
  const trustedRoot = () => instanceTrustedRoot({ instance: 'public-good', offline: true, cacheDirectory: '', now: NOW });
  return verifyEnvelope(parseBundle(Buffer.from(JSON.stringify(bundle)), 'bundle'), 'bundle', 'dsse', [{ name: 'signer', trust }], {
    now: NOW,
    trustedRoot,
  });
}

async function rejects(bundle: JsonObject, source: Omit<IdentitySource, 'where'>, code: string): Promise<void> {
  const { matches, findings } = await verify(bundle, source);
  assert.deepEqual([matches, findings.map((finding) => finding.code)], [[], [code]], findings[0]?.message);
}

describe('bundles of the public-good instance, offline', () => {
  it('an e-mail address', async () => {
    const { matches, checks } = await verify(fixture('email-v0.3'), EMAIL);
    assert.equal(matches[0]?.identity?.identity, EMAIL.identity);
    assert.deepEqual(
      checks.map(({ name, status, detail }) => [name, status, detail]),
      [
        [
          'trusted-root',
          'passed',
          "trusted root of Sigstore's public-good instance, as shipped with TUF root 16, good until 2027-04-22, " +
            'sha256 6494e21ea73fa7ee769f85f57d5a3e6a08725eae1e38c755fc3517c9e6bc0b66',
        ],
        ['transparency-log', 'passed', 'bundle: entry 175508996 of https://rekor.sigstore.dev at 2025-02-28T19:18:11.000Z'],
        ['certificate', 'passed', 'bundle: issued by CN=sigstore-intermediate,O=sigstore.dev'],
        ['certificate-transparency', 'passed', 'bundle: promised by https://ctfe.sigstore.dev/2022 at 2025-02-28T19:18:11.145Z'],
        ['signature', 'passed', 'bundle: made by key 0dcdc941a0a1b1c41bf04f1723c6ee43c62ed92e97d844e47769e23e1ea99854'],
        ['identity', 'passed', 'bundle: cody@soyland.com, authenticated by https://github.com/login/oauth'],
      ],
    );
  });

  it('a workflow with its claims', async () => {
    const claims = {
      repository: 'sigstore/sigstore-js',
      ref: 'refs/heads/main',
      commit: '0b8d07e2e67ff73da3cd1ae2dc3b5ae2a8e5cb5d',
      workflow: WORKFLOW,
      builder: WORKFLOW,
      trigger: 'push',
      runner: 'github-hosted',
      visibility: 'public',
    };
    const { matches } = await verify(fixture('workflow-v0.1'), { identity: WORKFLOW, issuer: ACTIONS });
    const found = matches[0]?.identity?.claims;
    claims.commit = found?.get('commit')?.[0] ?? '';
    assert.match(claims.commit, /^[0-9a-f]{40}$/);
    assert.equal((await verify(fixture('workflow-v0.1'), { identity: WORKFLOW, issuer: ACTIONS, claims })).matches.length, 1);
    assert.deepEqual(found?.get('repository'), ['sigstore/sigstore-js', 'https://github.com/sigstore/sigstore-js']);
    await rejects(fixture('workflow-v0.1'), { identity: WORKFLOW, issuer: ACTIONS, claims: { ref: 'refs/tags/v2' } }, 'claim-mismatch');
  });

  it('a promise without a proof is no entry', () =>
    rejects(fixture('workflow-promise-only-v0.1'), { identity: WORKFLOW, issuer: ACTIONS }, 'log-proof-missing'));

  it('another identity, issuer or instance', async () => {
    await rejects(fixture('email-v0.3'), { ...EMAIL, identity: 'cody@soyland.co' }, 'identity-mismatch');
    await rejects(fixture('email-v0.3'), { ...EMAIL, issuer: 'https://accounts.google.com' }, 'issuer-mismatch');
    const staging = readTrustedRoot(readFileSync(new URL('staging.trusted-root.json', FOLDER)), 'staging');
    const trust = [identityTrust({ where: 'test', ...EMAIL })];
    const bundle = parseBundle(Buffer.from(JSON.stringify(fixture('email-v0.3'))), 'bundle');
    const options = { now: NOW, trustedRoot: async () => staging };
    const { findings } = await verifyEnvelope(bundle, 'bundle', 'dsse', [{ name: 'signer', trust }], options);
    assert.deepEqual(
      findings.map(({ code }) => code),
      ['log-untrusted'],
    );
  });

  it('any change to what the log or Fulcio has signed', async () => {
    const bundle = fixture('email-v0.3');
    const material = bundle.verificationMaterial;
    assert.ok(isJsonObject(material) && Array.isArray(material.tlogEntries));
    const [entry] = material.tlogEntries;
    assert.ok(isJsonObject(entry));
    const changes: readonly (readonly [string, JsonValue | undefined, string])[] = [
      ['integratedTime', '1740770290', 'log-promise-invalid'],
      ['logIndex', '175508997', 'log-promise-invalid'],
      ['inclusionPromise', undefined, 'time-unproven'],
      ['inclusionProof.logIndex', '53604733', 'log-proof-invalid'],
      ['inclusionProof.hashes', [], 'log-proof-invalid'],
      ['inclusionProof', undefined, 'log-proof-missing'],
      ['kindVersion.version', '0.0.2', 'log-entry-mismatch'],
    ];
    for (const [path, value, code] of changes) {
      const changed = withField(bundle, 'verificationMaterial.tlogEntries', [withField(entry, path, value)]);
      await rejects(changed, EMAIL, code);
    }
    await rejects(withField(bundle, 'verificationMaterial.tlogEntries', []), EMAIL, 'time-unproven');
  });
});
