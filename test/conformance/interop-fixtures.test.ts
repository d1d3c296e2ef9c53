import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, truncate, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FIXTURES, type FixtureCase, fixtureCases, prepareModel } from '../interop/fixture.ts';
import { inWords, rejections, verifyWithMlsign } from '../interop/ours.ts';

const cases = await fixtureCases();
const verified = cases.filter(({ verdict }) => verdict === 'verified');

describe('bundles made by the reference implementation', () => {
  let folder = '';

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mlsign-interop-'));
  });

  afterEach(() => rm(folder, { recursive: true, force: true }));

  for (const fixture of cases) {
    it(`${fixture.by} ${fixture.name}: ${fixture.verdict}`, async function () {
      const { verification } = await verify(fixture, await prepared(this, fixture, folder));
      assert.equal(verification.verdict, fixture.verdict, inWords(verification));
      assert.deepEqual(rejections(verification), fixture.codes ?? []);
    });
  }

  describe('reject what was tampered with', () => {
    for (const fixture of verified) {
      const single = fixture.model.endsWith('.bin');

      it(`${fixture.by} ${fixture.name}: a changed byte`, async function () {
        const model = await prepared(this, fixture, folder);
        const path = single ? model : join(model, 'weights.bin');
        const bytes = await readFile(path);
        bytes[1500] = (bytes[1500] ?? 0) ^ 1;
        await writeFile(path, bytes);
        const { verification } = await verify(fixture, model);
        assert.equal(verification.verdict, 'rejected');
        assert.deepEqual(rejections(verification), ['file-changed']);
      });

      it(`${fixture.by} ${fixture.name}: a flipped bit in the signature`, async function () {
        const model = await prepared(this, fixture, folder);
        const bundle = JSON.parse(await readFile(join(FIXTURES, fixture.bundle), 'utf8'));
        const signature = Buffer.from(bundle.dsseEnvelope.signatures[0].sig, 'base64');
        signature[signature.length - 1] = (signature.at(-1) ?? 0) ^ 1;
        bundle.dsseEnvelope.signatures[0].sig = signature.toString('base64');
        const forged = join(folder, 'forged.sig');
        await writeFile(forged, JSON.stringify(bundle));
        const { verification } = await verify(fixture, model, forged);
        assert.equal(verification.verdict, 'rejected');
        assert.deepEqual(rejections(verification), ['signature-invalid']);
        assert.equal(verification.read, undefined, 'no byte of the model may be read');
      });
    }
  });

  it('verify what older signers should have left out, and leave out the rest of it', async () => {
    const fixture = verified.find(({ name, by }) => name === 'git-files' && by === '1.0.1');
    assert.ok(fixture);
    const model = await prepareModel(fixture, folder);
    await writeFile(join(model, '.git', 'HEAD'), 'x');
    const trust = { key: join(FIXTURES, 'trust', 'p256.pub') };
    const verify = () => verifyWithMlsign(model, join(FIXTURES, fixture.bundle), trust, { ignorePaths: ['elsewhere'] });
    const verification = await verify();
    assert.equal(verification.verdict, 'verified', inWords(verification));
    assert.deepEqual(verification.unsigned.ignored, ['.git']);
    await writeFile(join(model, '.git', 'config'), '[core]!');
    assert.deepEqual(rejections(await verify()), ['file-changed']);
    await unlink(join(model, '.git', 'config'));
    assert.deepEqual(rejections(await verify()), ['file-missing']);
  });

  it('reports a truncated, a missing and an extra file together', async () => {
    const fixture = verified.find(({ name }) => name === 'shards-sha256');
    assert.ok(fixture);
    const model = await prepareModel(fixture, folder);
    await truncate(join(model, 'weights.bin'), 1000);
    await unlink(join(model, 'd.txt'));
    await writeFile(join(model, 'extra.bin'), 'x');
    const { verification } = await verify(fixture, model);
    assert.deepEqual(rejections(verification), ['file-extra', 'file-missing', 'file-truncated']);
  });

  it('trusts no other key', async () => {
    const [fixture] = verified;
    assert.ok(fixture);
    const verification = await verifyWithMlsign(await prepareModel(fixture, folder), join(FIXTURES, fixture.bundle), {
      key: join(FIXTURES, 'trust', 'p384.pub'),
    });
    assert.equal(verification.verdict, 'rejected');
    assert.deepEqual(rejections(verification), ['signer-untrusted']);
  });
});

/** A copy of the model with what it has besides; skips where this system lets nobody make links. */
async function prepared(test: Mocha.Context, fixture: FixtureCase, folder: string): Promise<string> {
  try {
    return await prepareModel(fixture, folder);
  } catch (error) {
    if (fixture.links !== undefined && process.platform === 'win32') test.skip();
    throw error;
  }
}

async function verify(fixture: FixtureCase, model: string, bundle = join(FIXTURES, fixture.bundle)) {
  const trust = 'key' in fixture.trust ? { key: join(FIXTURES, fixture.trust.key) } : { roots: join(FIXTURES, fixture.trust.roots) };
  return { verification: await verifyWithMlsign(model, bundle, trust, fixture) };
}
