import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { MlsignError } from '../../src/core/index.ts';
import { rootDigest, type Serialization } from '../../src/formats/index.ts';
import {
  hashModel,
  MAX_MANIFEST_BYTES,
  type ManifestDocument,
  manifestDocument,
  manifestOf,
  modelId,
  openSource,
  parseManifestDocument,
} from '../../src/model/index.ts';
import { Sandbox } from '../helpers/sandbox.ts';
import { assertValid } from '../helpers/schemas.ts';

const FILES: Serialization = { method: 'files', hashType: 'sha256', allowSymlinks: false, ignorePaths: ['cache'] };
const SHARDS: Serialization = { method: 'shards', hashType: 'sha256', shardSize: 4, allowSymlinks: false, ignorePaths: [] };
const CONTENT = { 'b.bin': '0123456789', 'a/z': 'zz', 'a-b': 'ab', empty: '', '.git/HEAD': 'ref', 'cache/x': 'x' };

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

describe('manifests', () => {
  const sandbox = new Sandbox();
  after(() => sandbox.remove());
  const directory = sandbox.write('my model', CONTENT);

  async function documentOf(serialization: Serialization, path = directory): Promise<ManifestDocument> {
    return manifestDocument(await hashModel(await openSource(path), { serialization, useMainThread: true, workers: 1 }));
  }

  async function bent(change: (document: Record<string, unknown>) => void, serialization = FILES): Promise<MlsignError> {
    const document: Record<string, unknown> = structuredClone({ ...(await documentOf(serialization)) });
    change(document);
    try {
      parseManifestDocument(Buffer.from(JSON.stringify(document)), 'm.json');
    } catch (error) {
      assert.ok(error instanceof MlsignError && error.outcome === 'refused', `${error}`);
      assert.equal(error.subject, 'm.json');
      return error;
    }
    assert.fail('was read');
  }

  it('lists whole files by name', async () => {
    const hashed = await hashModel(await openSource(directory), { serialization: FILES, useMainThread: true, workers: 1 });
    assert.deepEqual(manifestOf(hashed), {
      serialization: FILES,
      resources: [
        { name: 'a-b', digest: digestOf('ab') },
        { name: 'a/z', digest: digestOf('zz') },
        { name: 'b.bin', digest: digestOf('0123456789') },
        { name: 'empty', digest: digestOf('') },
      ],
    });
  });

  it('lists shards by name, and no zero-byte file', async () => {
    const document = await documentOf(SHARDS);
    assert.deepEqual(document.resources, [
      { name: 'a-b:0:2', digest: digestOf('ab') },
      { name: 'a/z:0:2', digest: digestOf('zz') },
      { name: 'b.bin:0:4', digest: digestOf('0123') },
      { name: 'b.bin:4:8', digest: digestOf('4567') },
      { name: 'b.bin:8:10', digest: digestOf('89') },
      { name: 'cache/x:0:1', digest: digestOf('x') },
    ]);
    assert.deepEqual(document.unsigned, { ignored: ['.git'], empty_files: ['empty'] });
    assert.equal(document.serialization.shard_size, 4);
  });

  it('names the model, its digests and what is not signed, valid by the published schema', async () => {
    const document = await documentOf(FILES);
    assertValid('manifest', document);
    assertValid('manifest', await documentOf(SHARDS));
    assert.deepEqual(document.model, { name: 'my model', kind: 'directory', files: 4, bytes: 14 });
    assert.deepEqual(document.unsigned, { ignored: ['.git', 'cache'], empty_files: [] });
    assert.equal(document.model_digest, rootDigest(document.resources));
    const single = await documentOf(SHARDS, sandbox.path('my model', 'b.bin'));
    assertValid('manifest', single);
    assert.deepEqual(single.model, { name: 'b.bin', kind: 'file', files: 1, bytes: 10 });
  });

  it('reads back what it wrote, for every method and hash', async () => {
    for (const hashType of ['sha256', 'blake2b', 'blake3'] as const) {
      for (const serialization of [
        { ...FILES, hashType },
        { ...SHARDS, hashType },
      ]) {
        const document = await documentOf(serialization);
        const { subjectName, manifest } = parseManifestDocument(Buffer.from(JSON.stringify(document, null, 2)), 'm.json');
        assert.equal(subjectName, 'my model');
        assert.deepEqual(manifest.serialization, serialization);
        assert.deepEqual(manifest.resources, document.resources);
        assert.equal(modelId(manifest), document.model_id);
      }
    }
  });

  it('refuses a model without anything to sign', async () => {
    const ignored = sandbox.write('ignored', { '.git/x': 'x', '.gitignore': 'x' });
    await assert.rejects(documentOf(FILES, ignored), {
      outcome: 'refused',
      code: 'model-empty',
      message: 'the model holds nothing to sign',
      subject: ignored,
    });
    const empty = sandbox.write('empty-files', { a: '', 'b/c': '' });
    assert.equal((await documentOf(FILES, empty)).resources.length, 2);
    await assert.rejects(documentOf(SHARDS, empty), (error: MlsignError) => {
      assert.equal(error.code, 'model-empty');
      assert.ok(error.suggestions.some((text) => text.includes('--method files')));
      return true;
    });
  });

  it('makes no manifest of a model that was hashed in part', async () => {
    const hashed = await hashModel(await openSource(directory), {
      serialization: FILES,
      only: new Set(['a-b']),
      useMainThread: true,
      workers: 1,
    });
    assert.throws(() => manifestOf(hashed), { outcome: 'bug', code: 'not-hashed' });
  });

  it('refuses a manifest whose digests or counts do not belong to its resources', async () => {
    const cases: readonly [field: RegExp, change: (document: Record<string, unknown>) => void][] = [
      [/model_digest$/, (document) => Object.assign(document, { model_digest: '0'.repeat(64) })],
      [/model_id$/, (document) => Object.assign(document, { model_id: '0'.repeat(64) })],
      [/model_id$/, ({ resources }) => Object.assign(Array.isArray(resources) ? resources[0] : {}, { name: 'a-a' })],
      [/model_digest$/, ({ resources }) => Object.assign(Array.isArray(resources) ? resources[0] : {}, { digest: '1'.repeat(64) })],
      [/model_digest$/, ({ resources }) => Array.isArray(resources) && resources.pop()],
      [/model\.files$/, ({ model }) => Object.assign(model ?? {}, { files: 5 })],
    ];
    for (const [field, change] of cases) {
      const error = await bent(change);
      assert.equal(error.code, 'manifest-digest-wrong');
      assert.match(error.message, /^the manifest was changed after it was made: its resources do not give its /);
      assert.match(error.message, field);
    }
  });

  it('refuses wrong, missing and unknown fields, naming each', async () => {
    const cases: readonly [message: RegExp, change: (document: Record<string, unknown>) => void][] = [
      [/type: expected "https:\/\/mlsign\/manifest\/v1"/, (document) => Object.assign(document, { type: 'x' })],
      [/extra: expected no such field/, (document) => Object.assign(document, { extra: 1 })],
      [/model: expected an object/, (document) => Reflect.deleteProperty(document, 'model')],
      [/model\.kind: expected "file" or "directory"/, ({ model }) => Object.assign(model ?? {}, { kind: 'tarball' })],
      [/model\.name: expected a non-empty string/, ({ model }) => Object.assign(model ?? {}, { name: '' })],
      [/model_id: expected a non-empty string, got nothing/, (document) => Reflect.deleteProperty(document, 'model_id')],
      [/serialization\.hash_type: expected/, ({ serialization }) => Object.assign(serialization ?? {}, { hash_type: 'sha256-sharded-4' })],
      [/serialization\.shard_size: expected no such field/, ({ serialization }) => Object.assign(serialization ?? {}, { shard_size: 4 })],
      [
        /resources\[1\]\.name: .*holds a "\.\." segment/,
        ({ resources }) => Object.assign(Array.isArray(resources) ? resources[1] : {}, { name: '../x' }),
      ],
      [
        /resources\[1\]\.digest: expected 64/,
        ({ resources }) => Object.assign(Array.isArray(resources) ? resources[1] : {}, { digest: '' }),
      ],
      [/resources: expected at least 1 entries/, (document) => Object.assign(document, { resources: [] })],
      [/unsigned\.ignored\[0\]: expected a non-empty string, got 1/, ({ unsigned }) => Object.assign(unsigned ?? {}, { ignored: [1] })],
    ];
    for (const [message, change] of cases) {
      const error = await bent(change);
      assert.equal(error.code, 'manifest-malformed', error.message);
      assert.match(error.message, message);
    }
    const shards = await bent(({ resources }) => Array.isArray(resources) && resources.splice(3, 1), SHARDS);
    assert.match(shards.message, /resources: expected a shard that starts at 4 in shards of 4 bytes, got "b\.bin:8:10"/);
  });

  it('refuses a name that could not stand in a signature', async () => {
    const error = await bent((document) => {
      document.model = { ...Object(document.model), name: 'bert\nverified' };
    });
    assert.equal(error.code, 'name-invalid');
    assert.equal(error.message, 'a model may not be named so: the name holds a control character');
  });

  it('refuses a manifest that is cut off at any byte, or too large', async () => {
    const bytes = Buffer.from(JSON.stringify(await documentOf(FILES)));
    for (let length = 0; length < bytes.length; length++) {
      assert.throws(() => parseManifestDocument(bytes.subarray(0, length), 'm.json'), { code: 'json-invalid' });
    }
    assert.throws(() => parseManifestDocument(Buffer.alloc(MAX_MANIFEST_BYTES + 1, 0x20), 'm.json'), { code: 'json-too-large' });
  });
});
