import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { certificateSigner, generateKeyPair, localKeySigner, type SignModelOptions, signModel } from '../../src/index.ts';
import { makeChain, VALID_AT } from '../helpers/certificates.ts';
import { omsErrors, omsErrorsOfBundle } from '../helpers/oms-schemas.ts';
import { FIXTURES, fixtureCases } from '../interop/fixture.ts';

describe('the official OMS schemas', () => {
  let folder = '';

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mlsign-schemas-'));
    await mkdir(join(folder, 'model', 'sub'), { recursive: true });
    await writeFile(join(folder, 'model', 'weights.bin'), Buffer.alloc(2500, 1));
    await writeFile(join(folder, 'model', 'sub', 'ünïcode and space.txt'), 'x');
    await writeFile(join(folder, 'model', 'empty'), '');
  });

  afterEach(() => rm(folder, { recursive: true, force: true }));

  async function signed(options: Partial<SignModelOptions>, model = 'model'): Promise<string> {
    const key = join(folder, 'key');
    await generateKeyPair(key, { type: 'ec-p256' });
    const signer = await localKeySigner(await readFile(key), { where: key });
    const { signatures } = await signModel(join(folder, model), { signer, workers: 1, ...options });
    return readFile(signatures[0].path, 'utf8');
  }

  const ways: readonly (readonly [name: string, options: Partial<SignModelOptions>])[] = [
    ['files, sha256', {}],
    ['files, blake2b', { algorithm: 'blake2b' }],
    ['files, blake3', { algorithm: 'blake3' }],
    ['shards, sha256', { method: 'shards', shardSize: 1000 }],
    ['shards, blake3', { method: 'shards', shardSize: 1000, algorithm: 'blake3' }],
    ['shards of the default size', { method: 'shards' }],
    ['links allowed', { allowSymlinks: true }],
    ['ignored paths', { ignorePaths: ['sub'] }],
  ];
  for (const [name, options] of ways) {
    it(`accept what mlsign signs: ${name}`, async () => {
      assert.deepEqual(omsErrorsOfBundle(await signed(options)), []);
    });
  }

  it('accept what mlsign signs: a single file', async () => {
    assert.deepEqual(omsErrorsOfBundle(await signed({}, 'model/weights.bin')), []);
  });

  it('accept what mlsign signs: with a certificate chain', async () => {
    const { leafPem, leafKeyPem, chainPem } = makeChain({ intermediates: [{}] });
    const signer = certificateSigner(await localKeySigner(leafKeyPem, { where: 'key' }), {
      certificate: { pem: leafPem, where: 'leaf' },
      chain: [{ pem: chainPem, where: 'chain' }],
      now: VALID_AT,
    });
    assert.deepEqual(omsErrorsOfBundle(await signed({ signer })), []);
  });

  it('refuse the shards of the reference implementation, which names their hash after their size', async () => {
    const fixture = (await fixtureCases()).find(({ name, by }) => name === 'shards-sha256' && by === '1.1.1');
    assert.ok(fixture);
    const [error] = omsErrorsOfBundle(await readFile(join(FIXTURES, fixture.bundle), 'utf8'));
    assert.match(error ?? '', /algorithm must be equal to one of the allowed values/u);
  });

  it('see a missing field in each document', () => {
    for (const schema of ['bundle', 'envelope', 'statement', 'predicate'] as const) {
      assert.match(omsErrors(schema, {}), /must have required property/u);
    }
  });
});
