import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { mlsign } from '../helpers/cli.ts';
import { Sandbox } from '../helpers/sandbox.ts';
import { assertValid } from '../helpers/schemas.ts';
import { runJson, STORE_BEDS, type StoreBed } from '../helpers/store-bed.ts';
import { keyPath, RELEASER, signingAs, TRAINER, TRUST } from '../helpers/stored-models.ts';

interface SignJson {
  readonly verdict: string;
  readonly model_id?: string;
  readonly read?: { readonly files: number };
  readonly signatures: readonly { readonly path: string }[];
  readonly findings: readonly { readonly code: string; readonly subject: string; readonly severity: string }[];
}

const SECURITY = 'ec-p384';
const FILES = { 'config.json': '{}', 'weights/a.bin': Buffer.alloc(200_000, 1), empty: '' };

for (const [kind, open] of Object.entries(STORE_BEDS)) {
  describe(`mlsign sign of a release in ${kind}`, () => {
    const sandbox = new Sandbox();
    const policy = sandbox.path('policy.yaml');
    let bed: StoreBed;
    let serial = 0;

    before(async () => {
      bed = await open();
      const key = (name: string) => keyPath(`${name}.pub`);
      writeFileSync(
        policy,
        `version: 1
principals:
  trainer: { key: ${key(TRAINER)} }
  security: { key: ${key(SECURITY)} }
  releaser: { key: ${key(RELEASER)} }
rules:
  - model: "s3://**"
    signed-by: 2 of [trainer, security]
    released-by: releaser
  - model: "/**"
    signed-by: 2 of [trainer, security]
    released-by: releaser
`,
      );
    });
    after(async () => {
      sandbox.remove();
      await bed.close();
    });

    async function push(name: string, ...flags: readonly string[]): Promise<string> {
      const model = sandbox.write(`${++serial}/model`, FILES);
      assert.equal((await mlsign(['sign', model, ...signingAs(TRAINER), ...flags])).code, 0);
      const args = ['push', model, bed.url(name), ...TRUST, ...signingAs(RELEASER)];
      return (await runJson<{ model_id: string }>(bed, 0, args)).model_id;
    }

    async function sign(code: number, what: string, ...flags: readonly string[]): Promise<SignJson> {
      const document = await runJson<SignJson>(bed, code, ['sign', bed.url(what), ...signingAs(SECURITY), ...flags]);
      assertValid('sign-release', document);
      return document;
    }

    it('adds the signature that a rule still asks for, over the same manifest, with every byte read', async () => {
      const id = await push('two', '--shard-size', '64KiB');
      const before = ['verify', `${bed.url('two')}@1`, '--policy', policy];
      assert.equal((await runJson<{ verdict: string }>(bed, 1, before)).verdict, 'rejected');
      const signed = await sign(0, 'two@1', '--policy', policy);
      assert.deepEqual([signed.verdict, signed.model_id, signed.read?.files], ['verified', id, 2]);
      assert.match(signed.signatures[0]?.path ?? '', new RegExp(`two/\\.mlsign/bundles/${id}/[0-9a-f]{64}\\.sig$`));
      const after = await runJson<{ verdict: string; model_id: string }>(bed, 0, before);
      assert.deepEqual([after.verdict, after.model_id], ['verified', id]);
    });

    it('counts a signature that was written over or deleted later', async () => {
      const id = await push('buried');
      await sign(0, 'buried@1', '--policy', policy);
      const keys = bed.keys().filter((key) => key.startsWith(`buried/.mlsign/bundles/${id}/`));
      for (const key of keys) bed.overwrite(key, 'junk');
      const verified = ['pull', `${bed.url('buried')}@1`, sandbox.path(`${serial}/buried`), '--policy', policy];
      assert.equal((await runJson<{ verdict: string }>(bed, 0, verified)).verdict, 'verified');
      for (const key of keys) bed.delete(key);
      assert.equal(
        (await runJson<{ verdict: string }>(bed, 0, ['verify', `${bed.url('buried')}@1`, '--policy', policy])).verdict,
        'verified',
      );
    });

    it('signs again beside itself, and brings the new signatures back with a pull', async () => {
      await push('again');
      for (let i = 0; i < 2; i++) await sign(0, 'again@1', ...TRUST);
      const bundles = bed.keys().filter((key) => key.startsWith('again/.mlsign/bundles/'));
      assert.equal(bundles.length, 3);
      const directory = sandbox.path('pulled');
      await runJson(bed, 0, ['pull', `${bed.url('again')}@1`, directory, '--policy', policy]);
      const verified = await mlsign(['verify', directory, '--policy', policy]);
      assert.equal(verified.code, 0, verified.stdout);
    });

    it('signs nothing whose bytes are not what was signed first', async () => {
      const id = await push('spoiled');
      await bed.corrupt(`spoiled/${id}/weights/a.bin`);
      const refused = await sign(1, 'spoiled@1', ...TRUST);
      assert.deepEqual(refused.signatures, []);
      assert.deepEqual(
        refused.findings.map(({ code, subject }) => `${code} ${subject}`),
        ['file-changed weights/a.bin'],
      );
      assert.equal(bed.keys().filter((key) => key.startsWith('spoiled/.mlsign/bundles/')).length, 1);
    });

    it('signs nothing that nobody trusted has signed before, and asks whom to trust', async () => {
      await push('foreign');
      const refused = await sign(1, 'foreign@1', '--trust-key', keyPath(`${SECURITY}.pub`), '--trust-release', keyPath(`${RELEASER}.pub`));
      assert.ok(refused.findings.some(({ code }) => code === 'signer-untrusted'));
      const error = await runJson<{ code: string }>(bed, 2, ['sign', `${bed.url('foreign')}@1`, ...signingAs(SECURITY)]);
      assert.equal(error.code, 'trust-missing');
    });

    it('refuses flags of the disk', async () => {
      const args = ['sign', `${bed.url('foreign')}@1`, ...signingAs(SECURITY), ...TRUST, '--shard-size', '1GB'];
      assert.equal((await runJson<{ code: string }>(bed, 2, args)).code, 'flag-without-use');
      const local = await runJson<{ code: string }>(bed, 2, ['sign', sandbox.root, ...signingAs(SECURITY), ...TRUST]);
      assert.equal(local.code, 'flag-without-use');
    });
  });
}
