import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { unavailable } from '../../src/core/index.ts';
import { publicKeyHint, serializeBundle } from '../../src/formats/index.ts';
import { type Revocation, Revocations } from '../../src/lineage/index.ts';
import { type Signer, seal } from '../../src/sign/index.ts';
import { type OpenedStatement, openBundle, type ProvenTime, type VerifiedSigner } from '../../src/verify/index.ts';
import { chainSigner, STATEMENT, trustKeys, trustRoots } from '../helpers/bundles.ts';
import { makeChain, VALID_AT } from '../helpers/certificates.ts';
import { fixtureSigner, keyFile } from '../helpers/keys.ts';
import { MODEL_ID } from '../helpers/releases.ts';
import { anEntry } from '../helpers/revocations.ts';
import { TimestampAuthority } from '../helpers/sigstore/index.ts';

const SIGNED_AT = new Date('2026-05-01T00:00:00.000Z');
const NOW = new Date('2026-06-01T00:00:00.000Z');
const days = (count: number): Date => new Date(SIGNED_AT.getTime() + count * 86_400_000);

const revoking = (...entries: Partial<Revocation>[]): Revocations => new Revocations([{ name: 'team', entries: entries.map(anEntry) }]);

describe('what a revocation list says', () => {
  let tsa: TimestampAuthority;
  before(async () => {
    tsa = await TimestampAuthority.start('tsa');
    await tsa.server.close();
  });

  async function open(signer: Signer, principals: ReturnType<typeof trustKeys>, revocations: Revocations, stamped?: Date, now = NOW) {
    const bundle = await seal(STATEMENT, signer);
    const timestamps = stamped === undefined ? [] : [tsa.timestamp(bundle.envelope.signature, { time: stamped })];
    const bytes = Buffer.from(serializeBundle({ ...bundle, timestamps }));
    return openBundle(bytes, 'model.sig', principals, {
      now,
      allowLegacy: false,
      timestampRoots: [tsa.root.der],
      refuseSigner: revocations.signer,
    });
  }

  function refused({ verified, findings, checks }: OpenedStatement, code: string, message: RegExp) {
    assert.equal(verified, undefined, 'nothing counts');
    const [finding] = findings;
    assert.ok(finding);
    assert.deepEqual([findings.length, finding.code, finding.severity, finding.subject], [1, code, 'rejected', 'model.sig']);
    assert.match(finding.message, message);
    assert.ok(checks.some(({ name, status }) => name === 'revocation' && status === 'failed'));
    return finding;
  }

  describe('of a key', () => {
    const trust = () => trustKeys('ec-p256');
    let signer: Signer;
    let hint: string;
    before(async () => {
      signer = await fixtureSigner('ec-p256');
      const { verified } = await open(signer, trust(), revoking());
      assert.ok(verified);
      hint = verified.signer.hint;
    });

    it('takes every signature away, old ones too, where it does not say since when', async () => {
      const revoked = revoking({ kind: 'key', value: hint, reason: 'laptop stolen' });
      refused(await open(signer, trust(), revoked), 'revoked-key', /the key that made this signature is revoked: laptop stolen/);
      refused(await open(signer, trust(), revoked, days(-100)), 'revoked-key', /revoked/);
    });

    it('leaves those that are proven to be older than it says, and no others', async () => {
      const revoked = revoking({ kind: 'key', value: hint, since: SIGNED_AT });
      const old = await open(signer, trust(), revoked, days(-1));
      assert.ok(old.verified, JSON.stringify(old.findings));
      const late = refused(await open(signer, trust(), revoked, days(1)), 'revoked-key', /revoked/);
      assert.equal(late.expected, 'a signature that is proven to be older than 2026-05-01T00:00:00.000Z');
      assert.match(late.got ?? '', /^signed at 2026-05-02T00:00:00.000Z or before, says /);
      refused(await open(signer, trust(), revoked, SIGNED_AT), 'revoked-key', /revoked/);
    });

    it('believes no claim of an older time that nobody trusted has made', async () => {
      const revoked = revoking({ kind: 'key', value: hint, since: SIGNED_AT });
      assert.equal(refused(await open(signer, trust(), revoked), 'revoked-key', /revoked/).got, 'no proven time');
      const bundle = await seal(STATEMENT, signer);
      const timestamps = [tsa.timestamp(bundle.envelope.signature, { time: days(-1) })];
      const bytes = Buffer.from(serializeBundle({ ...bundle, timestamps }));
      const options = { now: NOW, allowLegacy: false, checkEvidence: true, refuseSigner: revoked.signer };
      refused(await openBundle(bytes, 'model.sig', trust(), options), 'revoked-key', /revoked/);
    });

    it('says nothing of other keys', async () => {
      const revoked = revoking({ kind: 'key', value: 'f'.repeat(64) });
      assert.ok((await open(signer, trust(), revoked)).verified);
      assert.ok((await open(await fixtureSigner('ed25519'), trustKeys('ed25519'), revoking({ kind: 'key', value: hint }))).verified);
    });

    it('is as strict as the strictest of several lists', async () => {
      const since = (at: Date | undefined) => ({
        name: 'team',
        entries: [anEntry({ kind: 'key', value: hint, ...(at && { since: at }) })],
      });
      for (const lists of [
        [since(SIGNED_AT), since(undefined)],
        [since(undefined), since(SIGNED_AT)],
        [since(SIGNED_AT), since(days(-3))],
      ]) {
        refused(await open(signer, trust(), new Revocations(lists), days(-2)), 'revoked-key', /revoked/);
      }
    });
  });

  it('of the key in a certificate takes what it signed away, whatever certificate is around it', async () => {
    const chain = makeChain();
    const principals = trustRoots(chain.root.pem);
    const good = await open(await chainSigner(chain), principals, revoking(), undefined, VALID_AT);
    assert.ok(good.verified, JSON.stringify(good.findings));
    const revoked = revoking({ kind: 'key', value: good.verified.signer.hint });
    refused(await open(await chainSigner(chain), principals, revoked, undefined, VALID_AT), 'revoked-key', /revoked/);
  });

  it('of the key of an authority reaches every certificate beneath it that is trusted by it', async () => {
    const chain = makeChain({ intermediates: [{}] });
    const [intermediate] = chain.intermediates;
    const principals = trustRoots(chain.root.pem);
    for (const authority of [chain.root, intermediate]) {
      assert.ok(authority);
      const value = publicKeyHint(authority.publicKey);
      const finding = refused(
        await open(await chainSigner(chain), principals, revoking({ kind: 'key', value }), undefined, VALID_AT),
        'revoked-key',
        /^the key of an authority above the certificate of this signature is revoked: /,
      );
      assert.equal(finding.got, value);
      const since = new Date(VALID_AT.getTime() - 86_400_000);
      const revoked = revoking({ kind: 'key', value, since });
      const older = new Date(since.getTime() - 86_400_000);
      assert.ok((await open(await chainSigner(chain), principals, revoked, older, VALID_AT)).verified, 'proven to be older');
      refused(await open(await chainSigner(chain), principals, revoked, VALID_AT, VALID_AT), 'revoked-key', /authority/);
    }
    const other = makeChain();
    const elsewhere = revoking({ kind: 'key', value: publicKeyHint(other.root.publicKey) });
    assert.ok((await open(await chainSigner(chain), principals, elsewhere, undefined, VALID_AT)).verified);
  });

  it('leaves it open whether a signature is older where the trusted root that would tell cannot be had', async () => {
    const signer = await fixtureSigner('ec-p256');
    const bundle = await seal(STATEMENT, signer);
    const timestamps = [tsa.timestamp(bundle.envelope.signature, { time: days(-1) })];
    const bytes = Buffer.from(serializeBundle({ ...bundle, timestamps }));
    const trustedRoot = () => Promise.reject(unavailable('trusted-root-unavailable', 'the trusted root cannot be had'));
    const hint = publicKeyHint(createPublicKey(keyFile('ec-p256.pub')));
    const opened = async (entry: Partial<Revocation>) =>
      openBundle(bytes, 'model.sig', trustKeys('ec-p256'), {
        now: NOW,
        allowLegacy: false,
        checkEvidence: true,
        trustedRoot,
        refuseSigner: revoking({ kind: 'key', value: hint, ...entry }).signer,
      });
    const { findings, checks } = await opened({ since: SIGNED_AT });
    assert.deepEqual(
      findings.map(({ code, severity }) => `${severity} ${code}`),
      ['undetermined revoked-key'],
    );
    assert.match(findings[0]?.message ?? '', /whether the signature is older cannot be told: the trusted root cannot be had$/);
    assert.ok(checks.some(({ name, status }) => name === 'revocation' && status === 'could-not-run'));
    refused(await opened({}), 'revoked-key', /the key that made this signature is revoked/);
  });

  describe('of an identity', () => {
    const by = (fields: Partial<VerifiedSigner>): VerifiedSigner => ({
      kind: 'sigstore',
      id: '',
      description: '',
      hint: 'e'.repeat(64),
      scheme: 'ecdsa-p256-sha256',
      ...fields,
    });
    const sigstore = by({ identity: { identity: 'ci@example.com', issuer: 'https://issuer.example', claims: new Map() } });
    const at = (time: Date): ProvenTime => ({ time, by: 'transparency-log', authority: 'rekor', id: 'x' });
    const codeOf = (entry: Partial<Revocation>, signer: VerifiedSigner, times: readonly ProvenTime[] = []) =>
      revoking({ kind: 'identity', ...entry }).signer(signer, times, 'model.sig')?.code;

    it('is exact, and of one issuer where it names one', () => {
      assert.equal(codeOf({ value: 'ci@example.com' }, sigstore), 'revoked-identity');
      assert.equal(codeOf({ value: 'ci@example.com', issuer: 'https://issuer.example' }, sigstore), 'revoked-identity');
      assert.equal(codeOf({ value: 'ci@example.com', issuer: 'https://other.example' }, sigstore), undefined);
      for (const value of ['ci@example.co', 'ci@example.com ', 'CI@example.com', '.*', 'i@example.com']) {
        assert.equal(codeOf({ value }, sigstore), undefined, value);
      }
    });

    it('leaves signatures that are proven to be older', () => {
      const entry = { value: 'ci@example.com', since: SIGNED_AT };
      assert.equal(codeOf(entry, sigstore, [at(days(-1))]), undefined);
      assert.equal(codeOf(entry, sigstore, [at(days(1))]), 'revoked-identity');
      assert.equal(codeOf(entry, sigstore, [at(days(1)), at(days(-1))]), undefined);
      assert.equal(codeOf(entry, sigstore), 'revoked-identity');
    });

    it("is a certificate's subject, or one of its alternative names, too", async () => {
      const chain = makeChain({ leaf: { subject: 'release bot' } });
      const { verified } = await open(await chainSigner(chain), trustRoots(chain.root.pem), revoking(), undefined, VALID_AT);
      const { signer } = verified ?? {};
      assert.ok(signer?.certificate);
      assert.equal(codeOf({ value: signer.certificate.subject }, signer), 'revoked-identity');
      const named = { ...signer, certificate: { ...signer.certificate, alternativeNames: ['email:bot@example.com'] } };
      assert.equal(codeOf({ value: 'bot@example.com' }, named), 'revoked-identity');
      assert.equal(codeOf({ value: 'email:bot@example.com' }, named), 'revoked-identity');
      assert.equal(codeOf({ value: 'example.com' }, named), undefined);
    });
  });

  it('of a digest is about a model, a file, or what a model was made from', () => {
    const revocations = revoking({ reason: 'poisoned' }, { value: `sha256:${'b'.repeat(64)}`, reason: 'malware' });
    assert.deepEqual(
      [revocations.model(MODEL_ID, 'llama')?.code, revocations.model('f'.repeat(64), 'llama')],
      ['revoked-model', undefined],
    );
    assert.match(revocations.file('sha256', 'b'.repeat(64), 'llama/a.bin')?.message ?? '', /this file is revoked: malware/);
    assert.equal(revocations.file('blake3', 'b'.repeat(64), 'llama/a.bin'), undefined);
    const finding = revocations.ancestor(`sha256:${MODEL_ID}`, 'adapter', ['adapter', 'merge', 'base']);
    assert.equal(finding?.code, 'revoked-ancestor');
    assert.match(finding.message, /adapter ← merge ← base: poisoned$/);
  });
});
