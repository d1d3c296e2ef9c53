import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { copyFileSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { packModel, signModel, unpackModel } from '../../src/app/index.ts';
import { openToUnpack } from '../../src/archive/index.ts';
import { openSource } from '../../src/model/index.ts';
import { fixtureSigner } from '../helpers/keys.ts';
import { Sandbox } from '../helpers/sandbox.ts';
import { TRAINER, testPolicy } from '../helpers/stored-models.ts';

const MIB = 1024 * 1024;
/** Enough that somebody who looks sees them come. */
const SMALL = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`${i}.txt`, `${i}`]));

describe('what unpack writes before it is known who signed', () => {
  const sandbox = new Sandbox();
  let serial = 0;
  after(() => sandbox.remove());

  async function packed(name: string, who: string, inside: boolean, files: Readonly<Record<string, string | Uint8Array>> = SMALL) {
    const folder = `${++serial}`;
    const signing = { signer: await fixtureSigner(who) };
    const { archive } = await packModel(sandbox.write(`${folder}/model`, files), sandbox.path(folder, name), { signing, inside });
    return { archive, out: sandbox.path(folder, 'out') };
  }

  /** Unpacks, and says how many files were seen where they are staged. */
  async function unpack(archive: string, out: string) {
    let most = 0;
    let isRunning = true;
    const look = (): void => {
      try {
        most = Math.max(most, readdirSync(`${out}.mlsign-partial/files`).length);
      } catch {
        // Not there, or not any more.
      }
      if (isRunning) setImmediate(look);
    };
    look();
    const { verdict, findings, signatures } = await unpackModel(archive, out, { policy: testPolicy() }).finally(() => {
      isRunning = false;
    });
    return { verdict, codes: findings.map(({ code }) => code), signatures: signatures.map(({ path }) => path), most };
  }

  for (const name of ['model.tar', 'model.tar.gz']) {
    for (const inside of [false, true]) {
      const where = `${name}, signed ${inside ? 'inside' : 'beside'}`;

      it(`is all of it where somebody trusted has: ${where}`, async () => {
        const { archive, out } = await packed(name, TRAINER, inside);
        const { verdict, most, signatures } = await unpack(archive, out);
        assert.equal(verdict, 'verified');
        assert.deepEqual(signatures, [inside ? `${archive}/model.sig` : `${archive}.sig`]);
        assert.ok(most > 50, `${most} files were seen`);
      });

      it(`is nothing where nobody trusted has: ${where}`, async () => {
        const { archive, out } = await packed(name, 'ec-p384', inside);
        const { verdict, most, codes } = await unpack(archive, out);
        assert.equal(verdict, 'rejected');
        assert.deepEqual(codes, ['signer-untrusted', 'signer-missing']);
        assert.equal(most, 0);
      });
    }

    it(`is nothing where there is no signature: ${name}`, async () => {
      const folder = `${++serial}`;
      const { archive } = await packModel(sandbox.write(`${folder}/model`, SMALL), sandbox.path(folder, name), {});
      const { verdict, most, codes } = await unpack(archive, sandbox.path(folder, 'out'));
      assert.equal(verdict, 'undetermined');
      assert.ok(codes.includes('signature-not-found'), `${codes}`);
      assert.equal(most, 0);
    });

    it(`is all of it where the one who signed beside it is not trusted, and the one inside is: ${name}`, async () => {
      const { archive, out } = await packed(name, TRAINER, true);
      await signModel(archive, { signer: await fixtureSigner('ec-p384') });
      const { verdict, signatures, most } = await unpack(archive, out);
      assert.equal(verdict, 'verified');
      assert.deepEqual(signatures, [`${archive}.sig`, `${archive}/model.sig`]);
      assert.ok(most > 50, `${most} files were seen`);
    });

    it(`is not another archive than the one that the signature was read from: ${name}`, async () => {
      const { archive } = await packed(name, TRAINER, true);
      const folder = sandbox.write(`${serial}/staged`, {});
      const contents = openToUnpack(await openSource(archive), folder)?.contents;
      const options = { algorithm: 'sha256' } as const;
      assert.ok((await contents?.read('model.sig', MIB, options)) !== undefined);
      assert.deepEqual(readdirSync(folder), []);
      copyFileSync(archive, `${archive}.copy`);
      renameSync(`${archive}.copy`, archive);
      await assert.rejects(async () => await contents?.hash(() => true, options), {
        code: 'file-changed-while-read',
        message: 'the archive changed while it was read',
        subject: archive,
      });
      assert.deepEqual(readdirSync(folder), []);
    });
  }

  it('is read once where what lies beside it is enough, and the bundle inside is judged all the same', async function () {
    if (process.platform !== 'linux') this.skip();
    const { archive, out } = await packed('model.tar.gz', TRAINER, true, { 'weights.bin': randomBytes(32 * MIB) });
    await signModel(archive, { signer: await fixtureSigner(TRAINER) });
    const readSoFar = () => Number(/^rchar: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))?.[1]);
    const before = readSoFar();
    const { verdict, signatures } = await unpack(archive, out);
    const times = (readSoFar() - before) / (32 * MIB);
    assert.equal(verdict, 'verified');
    assert.deepEqual(signatures, [`${archive}.sig`, `${archive}/model.sig`]);
    assert.ok(times > 0.9 && times < 1.9, `read ${times.toFixed(1)} times`);
  });
});
