import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { generateKeyPair, MlsignError } from '../../src/index.ts';
import type { Hashing } from './driver.ts';
import { forge, readStatement, type WrittenStatement } from './forge.ts';
import { type Files, treeModel } from './models.ts';
import { inWords, rejections, signWithMlsign, type Tolerance, verifyWithMlsign } from './ours.ts';
import { useWorkbench } from './workbench.ts';

const SIGNER = { key: 'p256' } as const;
const SHARDS: Hashing = { method: 'shards', shard_size: 1000 };

// Each row of docs/interop.md: it must change when the reference does.
describe('where the reference departs from the specification', () => {
  const workbench = useWorkbench();

  async function reference(model: string, signature: string, options: Hashing & { ignore_unsigned?: boolean; guess?: boolean } = {}) {
    const answer = await workbench().verifyWithReference(model, signature, SIGNER, options);
    return answer.ok ? 'accepts' : answer.error;
  }

  async function ours(model: string, signature: string, tolerance: Tolerance = {}): Promise<string> {
    const verification = await verifyWithMlsign(model, signature, workbench().trust(SIGNER), tolerance);
    return verification.verdict === 'rejected' ? rejections(verification).join() : inWords(verification);
  }

  async function signedByMlsign(model: string, hashing: Hashing = {}): Promise<string> {
    const signature = workbench().fresh('ours');
    await signWithMlsign(model, signature, await workbench().signing(SIGNER), hashing);
    return signature;
  }

  async function forged(signature: string, change: Parameters<typeof forge>[3]): Promise<string> {
    const path = workbench().fresh('forged');
    await forge(signature, (await workbench().signing(SIGNER)).key, path, change);
    return path;
  }

  it('names the hash of shards after their size, and so refuses shards named as OMS says', async () => {
    const model = await workbench().model(treeModel());
    const statement = await readStatement(await workbench().theirs(model, SIGNER, SHARDS));
    assert.ok(statement.predicate.resources.every(({ algorithm }) => algorithm === 'sha256-sharded-1000'));
    assert.match(await reference(model, await signedByMlsign(model, SHARDS), SHARDS), /Signature mismatch/u);
  });

  it('cannot tell from its own bundles how shards and blake2b were hashed', async () => {
    const model = await workbench().model(treeModel());
    const shards = await workbench().theirs(model, SIGNER, SHARDS);
    assert.match(await reference(model, shards, { guess: true }), /'float' object cannot be interpreted as an integer/u);
    const blake2b = await workbench().theirs(model, SIGNER, { algorithm: 'blake2b' });
    assert.match(await reference(model, blake2b, { guess: true }), /Unsupported hashing method blake2b/u);
  });

  it('hashes whole files where it is asked for shards in blake3', async () => {
    const model = await workbench().model(treeModel());
    const statement = await readStatement(await workbench().theirs(model, SIGNER, { ...SHARDS, algorithm: 'blake3' }));
    assert.ok(statement.predicate.resources.every(({ name }) => !name.includes(':')));
  });

  it('names a single file "." and so refuses one named as OMS says', async () => {
    const model = join(await workbench().model(treeModel()), 'weights.bin');
    const statement = await readStatement(await workbench().theirs(model, SIGNER));
    assert.deepEqual(
      statement.predicate.resources.map(({ name }) => name),
      ['.'],
    );
    assert.match(await reference(model, await signedByMlsign(model)), /Signature mismatch/u);
  });

  it('lists resources by the parts of their paths', async () => {
    const model = await workbench().model(treeModel());
    const names = (statement: WrittenStatement) =>
      statement.predicate.resources.map(({ name }) => name).filter((name) => /^d[/.-]/u.test(name));
    assert.deepEqual(names(await readStatement(await workbench().theirs(model, SIGNER))), ['d/f', 'd-x/f', 'd.txt']);
    assert.deepEqual(names(await readStatement(await signedByMlsign(model))), ['d-x/f', 'd.txt', 'd/f']);
  });

  it('signs and accepts an empty model', async () => {
    const model = workbench().fresh('empty');
    await mkdir(model);
    const signature = await workbench().theirs(model, SIGNER);
    assert.equal(await reference(model, signature), 'accepts');
    assert.match(await ours(model, signature), /^statement-malformed$/u);
    await assert.rejects(signedByMlsign(model), { code: 'model-empty' });
  });

  it('does not see empty files added to a model in shards; mlsign lists them as unsigned', async () => {
    const model = await workbench().model(treeModel());
    const signature = await workbench().theirs(model, SIGNER, SHARDS);
    await workbench().addTo(model, new Map([['added-empty', Buffer.alloc(0)]]));
    assert.equal(await reference(model, signature, SHARDS), 'accepts');
    const verification = await verifyWithMlsign(model, signature, workbench().trust(SIGNER));
    assert.deepEqual([...verification.unsigned.empty].sort(), ['added-empty', 'empty.bin', 'empty/in/folder.bin']);
  });

  it('cannot ignore unsigned files beside shards', async () => {
    const model = await workbench().model(treeModel());
    const signature = await workbench().theirs(model, SIGNER, SHARDS);
    assert.match(await reference(model, signature, { ...SHARDS, ignore_unsigned: true }), /Cannot use/u);
    assert.match(await ours(model, signature, { ignoreUnsigned: true }), /^verified/u);
  });

  for (const type of ['rsa-3072', 'ed25519', 'ml-dsa-65'] as const) {
    it(`knows no ${type} keys, which OMS does not require`, async function () {
      const key = workbench().fresh('key');
      try {
        await generateKeyPair(key, { type });
      } catch (error) {
        if (error instanceof MlsignError && error.code === 'ml-dsa-unavailable') this.skip();
        throw error;
      }
      const model = await workbench().model(treeModel());
      const signature = workbench().fresh('ours');
      await signWithMlsign(model, signature, { key });
      const answer = await workbench().driver.verify({ model, signature, key: `${key}.pub` });
      assert.match(answer.ok ? '' : answer.error, /has no attribute 'curve'/u);
      assert.equal((await verifyWithMlsign(model, signature, { key: `${key}.pub` })).verdict, 'verified');
    });
  }

  it('reads bundles of version 0.3 only', async () => {
    const model = await workbench().model(treeModel());
    const signature = await forged(await workbench().theirs(model, SIGNER), (_, bundle) => {
      bundle.mediaType = 'application/vnd.dev.sigstore.bundle+json;version=0.2';
    });
    assert.match(await reference(model, signature), /Invalid sigstore bundle/u);
    assert.match(await ours(model, signature), /^verified/u);
  });

  const hostile: readonly (readonly [name: string, code: string, change: Parameters<typeof forge>[3]])[] = [
    ['the same resource twice', 'statement-malformed', ({ predicate: { resources } }) => resources.push(...resources.slice(0, 1))],
    ['an unknown field in the predicate', 'statement-malformed', ({ predicate }) => Object.assign(predicate, { extra: 1 })],
    [
      'an algorithm other than hash_type',
      'statement-malformed',
      ({ predicate }) => Object.assign(predicate.serialization, { hash_type: 'blake3' }),
    ],
    [
      'digests in upper case',
      'statement-malformed',
      ({ predicate }) => {
        for (const resource of predicate.resources) resource.digest = resource.digest.toUpperCase();
      },
    ],
    [
      'a name with "./"',
      'statement-malformed',
      ({ predicate }) => {
        for (const resource of predicate.resources) resource.name = `./${resource.name}`;
      },
    ],
    ['a second signature', 'bundle-malformed', (_, { dsseEnvelope }) => dsseEnvelope.signatures.push({ sig: 'AAAA', keyid: '' })],
    [
      'everything ignored, nothing signed',
      'statement-malformed',
      ({ predicate }) => {
        predicate.resources = [];
        predicate.serialization.ignore_paths = ['.'];
      },
    ],
  ];
  for (const [name, code, change] of hostile) {
    it(`accepts ${name}`, async () => {
      const model = await workbench().model(treeModel());
      const signature = await forged(await workbench().theirs(model, SIGNER), change);
      assert.equal(await reference(model, signature), 'accepts');
      assert.equal(await ours(model, signature), code);
    });
  }

  it('reads a file outside the model that a name with ".." leads to', async () => {
    const bench = workbench();
    const folder = await bench.model(new Map([...treeModel()].map(([path, bytes]) => [`model/${path}`, bytes])));
    const outside = Buffer.from('outside');
    await writeFile(join(folder, 'outside.txt'), outside);
    const model = join(folder, 'model');
    const signature = await forged(await bench.theirs(model, SIGNER), ({ predicate }) => {
      predicate.resources = [{ name: '../outside.txt', algorithm: 'sha256', digest: createHash('sha256').update(outside).digest('hex') }];
    });
    assert.equal(await reference(model, signature, { ignore_unsigned: true }), 'accepts');
    assert.equal(await ours(model, signature, { ignoreUnsigned: true }), 'statement-malformed');
  });

  it('accepts JSON with the same key twice, and base64 with a line break', async () => {
    const model = await workbench().model(treeModel());
    const bundle = await readFile(await workbench().theirs(model, SIGNER), 'utf8');
    const twice = workbench().fresh('twice');
    await writeFile(twice, bundle.replace('"mediaType"', '"mediaType":"x","mediaType"'));
    assert.equal(await reference(model, twice), 'accepts');
    assert.equal(await ours(model, twice), 'json-duplicate-key');
    const broken = workbench().fresh('broken');
    await writeFile(broken, bundle.replace(/("payload": ?"[^"]{40})/u, '$1\\n'));
    assert.equal(await reference(model, broken), 'accepts');
    assert.equal(await ours(model, broken), 'bundle-malformed');
  });

  it('records glob characters in ignored paths, which OMS forbids, and takes them literally', async () => {
    const model = await workbench().model(treeModel());
    const signature = await workbench().theirs(model, SIGNER, { ignore_paths: ['*.bin'] });
    assert.equal(await reference(model, signature), 'accepts');
    assert.equal(await ours(model, signature), 'statement-malformed');
  });

  describe('on systems with such names and links', () => {
    before(function () {
      if (process.platform === 'win32') this.skip();
    });

    const names: Files = new Map([['a\nb', Buffer.from('x')]]);
    it('signs and accepts control characters in names', async () => {
      const model = await workbench().model(names);
      const signature = await workbench().theirs(model, SIGNER);
      assert.equal(await reference(model, signature), 'accepts');
      assert.equal(await ours(model, signature), 'statement-malformed');
      await assert.rejects(signedByMlsign(model), { code: 'name-invalid' });
    });

    it('cannot verify shards of a file with a colon in its name; mlsign can', async () => {
      const model = await workbench().model(new Map([['a:b', Buffer.from('x')]]));
      const signature = await workbench().theirs(model, SIGNER, SHARDS);
      assert.match(await reference(model, signature, SHARDS), /expected 3 components/u);
      assert.match(await ours(model, signature), /^verified/u);
    });

    it('does not look behind a link to a folder, so that what lies there is not signed', async () => {
      const outside = await workbench().model(new Map([['secret', Buffer.from('1')]]));
      const model = await workbench().model(treeModel(), [{ path: 'linked', target: outside }]);
      const links = { allow_symlinks: true };
      const signature = await workbench().theirs(model, SIGNER, links);
      await writeFile(join(outside, 'secret'), '2');
      await writeFile(join(outside, 'new'), '2');
      assert.equal(await reference(model, signature, links), 'accepts');
      assert.equal(await ours(model, signature, { allowSymlinks: true }), 'file-extra');
      await rm(join(outside, 'new'));
      assert.match(await reference(model, await signedByMlsign(model, links), links), /Missing files/u);
    });

    it('refuses its own bundles with links unless it is told of them again', async () => {
      const model = await workbench().model(treeModel(), [{ path: 'linked', target: 'weights.bin' }]);
      const signature = await workbench().theirs(model, SIGNER, { allow_symlinks: true });
      assert.match(await reference(model, signature, { guess: true }), /because it is a symlink/u);
    });
  });
});
