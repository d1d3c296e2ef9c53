import assert from 'node:assert/strict';
import { appendFileSync, cpSync, mkdirSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { inspectModel, signModel, type Verification, verifyModel } from '../../src/app/index.ts';
import { loadPolicy, policyFromFlags } from '../../src/policy/index.ts';
import { chainSigner } from '../helpers/bundles.ts';
import { makeChain, VALID_AT } from '../helpers/certificates.ts';
import { fixtureSigner, keyFile } from '../helpers/keys.ts';
import { Sandbox } from '../helpers/sandbox.ts';

const TRUST = { trustKeys: [{ pem: keyFile('ec-p256.pub'), where: 'ec-p256.pub' }] };
const FILES = { 'a.bin': 'alpha', 'b.bin': 'beta', 'c.bin': 'gamma' };

describe('verifyModel', () => {
  const sandbox = new Sandbox();
  after(() => sandbox.remove());
  let serial = 0;

  /** A signed model of its own for a test. */
  async function signed(options: Partial<Parameters<typeof signModel>[1]> = {}): Promise<string> {
    const model = sandbox.write(`model-${serial++}`, FILES);
    await signModel(model, { signer: await fixtureSigner('ec-p256'), ...options });
    return model;
  }

  const verify = (model: string, flags = {}): Promise<Verification> =>
    verifyModel(model, { policy: policyFromFlags({ ...TRUST, ...flags }) });
  const decisive = ({ findings }: Verification) =>
    findings
      .filter(({ severity }) => severity === 'rejected' || severity === 'undetermined')
      .map(({ code, subject }) => `${code} ${subject}`);
  const countedOf = ({ signatures }: Verification) => signatures.map(({ path, counted }) => [path.slice(sandbox.root.length + 1), counted]);

  describe('with bundles over several models', () => {
    it('takes the one that the files fit: an older bundle in the place of the signature rejects nothing', async () => {
      const model = await signed();
      mkdirSync(`${model}.mlsign`);
      appendFileSync(`${model}/a.bin`, ' of the next version');
      const own = `${model}.mlsign/own.sig`;
      await signModel(model, { signer: await fixtureSigner('ec-p256'), signature: own });
      const result = await verify(model);
      assert.deepEqual([result.verdict, decisive(result)], ['verified', []]);
      const name = model.slice(sandbox.root.length + 1);
      assert.deepEqual(countedOf(result), [
        [`${name}/model.sig`, false],
        [`${name}.mlsign/own.sig`, true],
      ]);
      const other = result.checks.filter((check) => check.name === 'other-model');
      assert.equal(other.length, 1);
      assert.match(other[0]?.detail ?? '', /model\.sig: not counted: about model id [0-9a-f]{64}, /);
    });

    it('says what is wrong with the one that the files come closest to', async () => {
      const model = await signed();
      mkdirSync(`${model}.mlsign`);
      writeFileSync(`${model}/a.bin`, 'next');
      writeFileSync(`${model}/b.bin`, 'next');
      await signModel(model, { signer: await fixtureSigner('ec-p256'), signature: `${model}.mlsign/own.sig` });
      writeFileSync(`${model}/c.bin`, 'changed');
      const result = await verify(model);
      assert.deepEqual([result.verdict, decisive(result)], ['rejected', ['file-changed c.bin']]);
      assert.deepEqual(
        result.signatures.map(({ counted }) => counted),
        [false, true],
      );
    });

    it('takes the one hashed in another way', async () => {
      const model = await signed({ shardSize: 2 });
      mkdirSync(`${model}.mlsign`);
      writeFileSync(`${model}/a.bin`, 'next');
      await signModel(model, { signer: await fixtureSigner('ec-p256'), signature: `${model}.mlsign/own.sig`, algorithm: 'blake2b' });
      assert.equal((await verify(model)).verdict, 'verified');
    });

    it('is not misled by a path to ignore that only the other one signs', async () => {
      const model = await signed();
      mkdirSync(`${model}.mlsign`);
      await signModel(model, {
        signer: await fixtureSigner('ec-p256'),
        signature: `${model}.mlsign/own.sig`,
        ignorePaths: ['c.bin'],
      });
      writeFileSync(`${model}/c.bin`, 'anything');
      assert.equal((await verify(model, { unsignedPaths: ['c.bin'] })).verdict, 'verified');
      rmSync(`${model}.mlsign`, { recursive: true });
      await assert.rejects(verify(model, { unsignedPaths: ['c.bin'] }), { code: 'ignore-path-signed' });
    });
  });

  describe('with files that nobody signed', () => {
    it('does not read them: the largest is rejected at once', async function () {
      this.timeout(60_000);
      const model = await signed();
      writeFileSync(`${model}/extra`, '');
      truncateSync(`${model}/extra`, 2 ** 42);
      const result = await verify(model);
      assert.deepEqual([result.verdict, decisive(result)], ['rejected', ['file-extra extra']]);
      assert.equal(result.read?.bytes, 14);
    });

    it('reads none of them where a signed file is missing and they are larger than what was read', async function () {
      this.timeout(60_000);
      const model = await signed();
      rmSync(`${model}/a.bin`);
      writeFileSync(`${model}/extra`, '');
      truncateSync(`${model}/extra`, 2 ** 42);
      assert.deepEqual(decisive(await verify(model)), ['file-missing a.bin', 'file-extra extra']);
    });

    for (const [how, options] of [
      ['files', {}],
      ['shards', { shardSize: 2 }],
    ] as const) {
      it(`tells a renamed file among them, signed as ${how}`, async () => {
        const model = await signed(options);
        renameSync(`${model}/a.bin`, `${model}/z.bin`);
        writeFileSync(`${model}/extra`, 'another size than any');
        const result = await verify(model);
        assert.deepEqual(decisive(result), ['file-extra extra', 'file-misnamed z.bin']);
        assert.equal(result.read?.files, how === 'files' ? 4 : 3);
      });
    }

    it('says first what is unsigned where it accepts some', async () => {
      const model = await signed({ shardSize: 2 });
      writeFileSync(`${model}/empty`, '');
      const detail = async (flags = {}) => (await verify(model, flags)).checks.find(({ name }) => name === 'unsigned-files');
      assert.deepEqual(await detail(), { name: 'unsigned-files', status: 'passed', detail: 'not signed, and accepted: 1 zero-byte file' });
      writeFileSync(`${model}/extra`, 'extra');
      assert.deepEqual(await detail({ ignoreUnsigned: true }), {
        name: 'unsigned-files',
        status: 'skipped',
        detail: 'not signed, and accepted: 1 file; 1 zero-byte file; any unsigned file is accepted',
      });
      assert.deepEqual((await verify(model, { ignoreUnsigned: true })).unsigned, { ignored: [], empty: ['empty'], extra: ['extra'] });
    });
  });

  it('counts one certificate with the names of two principals once', async () => {
    const chain = makeChain({ leaf: { subjectAlternativeNames: { email: ['a@example.com', 'b@example.com'] } } });
    const model = sandbox.write(`model-${serial++}`, FILES);
    await signModel(model, { signer: await chainSigner(chain) });
    const policyOf = (threshold: number) =>
      `version: 1\nprincipals:\n  a: { ca: root.pem, alternative-name: "email:a@example.com" }\n  b: { ca: root.pem, alternative-name: "email:b@example.com" }\n` +
      `rules:\n  - { model: "**", signed-by: "${threshold} of [a, b]" }\n`;
    const verdictFor = async (threshold: number) => {
      sandbox.write('names', { 'root.pem': chain.rootPem, 'policy.yaml': policyOf(threshold) });
      return verifyModel(model, { policy: await loadPolicy(sandbox.path('names', 'policy.yaml')), clock: () => VALID_AT });
    };
    assert.equal((await verdictFor(1)).verdict, 'verified');
    assert.deepEqual(decisive(await verdictFor(2)), ['signer-missing rule **']);
  });

  describe('with more signatures beside the model than any has', () => {
    it('looks at 64 of them, and says so', async () => {
      const model = await signed();
      mkdirSync(`${model}.mlsign`);
      for (let i = 0; i < 80; i++) writeFileSync(`${model}.mlsign/${String(i).padStart(3, '0')}.sig`, '{}');
      const result = await verify(model);
      assert.equal(result.verdict, 'verified');
      assert.equal(result.signatures.length, 65);
      const [tooMany] = result.findings.filter(({ code }) => code === 'too-many-signatures');
      assert.deepEqual(
        [tooMany?.severity, tooMany?.message, tooMany?.expected, tooMany?.got],
        ['warning', 'of 80 further signatures only the first 64 by name were looked at', 'at most 64', '80'],
      );
      const { signatures, findings } = await inspectModel(model);
      assert.equal(signatures.length, 1);
      assert.equal(findings.filter(({ code }) => code === 'too-many-signatures').length, 1);
      renameSync(`${model}/model.sig`, `${model}.mlsign/x.sig`);
      assert.ok(decisive(await verify(model)).includes(`too-many-signatures ${model}.mlsign`), 'the one that counts was not among them');
    });

    it('reads the statement of copies once', async () => {
      const model = await signed();
      mkdirSync(`${model}.mlsign`);
      for (let i = 0; i < 3; i++) cpSync(`${model}/model.sig`, `${model}.mlsign/${i}.sig`);
      const { signatures } = await verify(model);
      assert.deepEqual(
        signatures.map(({ counted }) => counted),
        [true, true, true, true],
      );
      assert.equal(new Set(signatures.map(({ statement }) => statement?.statement)).size, 1);
    });
  });
});
