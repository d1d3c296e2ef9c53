import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import type { PartedObject, Store } from '../../src/store/index.ts';
import { mlsignError } from '../helpers/keys.ts';
import { S3Bench } from '../helpers/s3.ts';
import { fileToUpload, SHARD, sha256, storeIn } from '../helpers/s3-files.ts';
import { Sandbox } from '../helpers/sandbox.ts';

describe('a download from S3', () => {
  const sandbox = new Sandbox();
  const data = randomBytes(2 * SHARD + 100);
  const whole = { algorithm: 'sha256', expected: [sha256(data)] } as const;
  let bench: S3Bench;
  let store: Store;
  let object: PartedObject;
  let tests = 0;
  let path: string;

  before(async () => {
    bench = await S3Bench.start();
    store = await storeIn(bench, { timeoutMs: 2000 });
    const [uploaded] = await store.upload([fileToUpload(sandbox, 'download/a', data, SHARD)], {});
    assert.ok(uploaded);
    object = uploaded;
  });
  beforeEach(() => {
    path = sandbox.path(`fetched-${++tests}`);
    bench.server.takeSeen();
  });
  afterEach(() => bench.server.heal());
  after(async () => {
    await store.close();
    sandbox.remove();
    await bench.stop();
  });

  const gets = () => bench.server.seen.filter(({ operation }) => operation === 'GetObject').length;
  const isRight = (result: unknown) => {
    assert.deepEqual(result, { size: data.length, digests: whole.expected });
    assert.equal(sha256(readFileSync(path)), sha256(data));
  };

  it('asks for ranges of the pinned version, and writes them in place', async () => {
    const [result] = await store.fetch([{ object, path, ...whole }], {});
    isRight(result);
    assert.equal(gets(), 3);
    for (const { url, headers } of bench.server.seen) {
      assert.ok(url.includes(`versionId=${encodeURIComponent(object.version)}`), url);
      assert.match(String(headers.range), /^bytes=\d+-\d+$/);
    }
  });

  for (const fault of [
    { kind: 'reset' },
    { kind: 'reset-midway' },
    { kind: 'stall' },
    { kind: 'stall-midway' },
    { kind: 'truncated' },
    { kind: 'short' },
    { kind: 'wrong-range' },
    { kind: 'error', status: 500, code: 'InternalError' },
    { kind: 'error', status: 503, code: 'SlowDown' },
    { kind: 'raw', status: 200, contentType: 'text/html', body: '<html>log in</html>' },
  ] as const) {
    it(`asks again after ${fault.kind}${'code' in fault ? ` ${fault.code}` : ''}`, async () => {
      bench.server.fail('GetObject', fault, { times: 2 });
      const [result] = await store.fetch([{ object, path, ...whole }], {});
      isRight(result);
      assert.equal(gets(), 5);
    });
  }

  it('takes no bytes of another version', async () => {
    const other = bench.behind.overwrite('download/a', randomBytes(data.length));
    bench.server.fail('GetObject', { kind: 'other-version', version: other.id }, { times: 2 });
    const [result] = await store.fetch([{ object, path, ...whole }], {});
    isRight(result);
    bench.server.fail('GetObject', { kind: 'other-version', version: other.id });
    const [never] = await store.fetch([{ object, ...whole }], {});
    assert.ok(never && !('error' in never));
    assert.notDeepEqual(never.digests, whole.expected);
  });

  it('reads those parts again that changed on their way, and no others', async () => {
    bench.server.fail(({ headers }) => headers.range === `bytes=${SHARD}-${2 * SHARD - 1}`, { kind: 'corrupt' }, { times: 1 });
    const [result] = await store.fetch([{ object, path, ...whole }], {});
    isRight(result);
    assert.equal(gets(), 4, 'three parts, and one of them once more');
    bench.server.takeSeen();
    bench.server.fail('GetObject', { kind: 'corrupt' }, { times: 1 });
    const [hashed] = await store.fetch([{ object, ...whole }], {});
    assert.deepEqual(hashed, { size: data.length, digests: whole.expected }, 'without a file, all of them');
    assert.equal(gets(), 6);
  });

  it('gives the digests of what it read where that stays wrong', async () => {
    bench.server.fail('GetObject', { kind: 'corrupt' });
    const [result] = await store.fetch([{ object, path, ...whole }], {});
    assert.ok(result && !('error' in result));
    assert.notDeepEqual(result.digests, whole.expected);
    bench.server.heal();
    await bench.behind.corrupt('download/a', object.version, 7);
    const [rotten] = await store.fetch([{ object, ...whole }], {});
    assert.ok(rotten && !('error' in rotten));
    assert.notDeepEqual(rotten.digests, whole.expected);
    await bench.behind.corrupt('download/a', object.version, 7);
  });

  it('goes on with what an interrupted run left', async () => {
    const stop = new AbortController();
    bench.server.fail(({ headers }) => headers.range === `bytes=${SHARD}-${2 * SHARD - 1}`, {
      kind: 'stall-midway',
      onFault: () => setTimeout(() => stop.abort(), 500),
    });
    await assert.rejects(store.fetch([{ object, path, ...whole }], { signal: stop.signal }), mlsignError('interrupted', 'interrupted'));
    bench.server.heal();
    bench.server.takeSeen();
    truncateSync(path, Math.min(statSync(path).size, SHARD));
    const [result] = await store.fetch([{ object, path, ...whole }], {});
    isRight(result);
    assert.equal(gets(), 2, 'the first part is there');
  });

  it('keeps nothing of a file that is another one', async () => {
    writeFileSync(path, randomBytes(data.length + 10));
    const [result] = await store.fetch([{ object, path, ...whole }], {});
    isRight(result);
    assert.equal(statSync(path).size, data.length);
  });

  it('tells of an object that is not of its recorded size', async () => {
    for (const size of [data.length - 1, data.length + 1]) {
      const [result] = await store.fetch([{ object: { ...object, size }, ...whole }], {});
      assert.ok(result && 'error' in result);
      mlsignError('object-truncated', 'the object is not of the recorded size', {
        outcome: 'refused',
        subject: 's3://models/download/a',
        expected: `${size} bytes`,
      })(result.error);
    }
    const empty = { ...object, size: 0, parts: [sha256(Buffer.of())] };
    const [result] = await store.fetch([{ object: empty, algorithm: 'sha256' }], {});
    assert.ok(result && 'error' in result && result.error.code === 'object-truncated');
  });

  it('tells where it cannot write, and writes through no link', async () => {
    const [result] = await store.fetch([{ object, path: sandbox.path('none', 'a'), ...whole }], {});
    assert.ok(result && 'error' in result);
    mlsignError('file-not-found', /^cannot write the file/)(result.error);
    assert.ok(!existsSync(sandbox.path('none')));
  });

  it('brings many small objects, in their order', async () => {
    const many = await store.upload(
      Array.from({ length: 200 }, (_, i) => fileToUpload(sandbox, `download/small/${i}`, randomBytes(i))),
      {},
    );
    const results = await store.fetch(
      many.map((each) => ({ object: each, path: sandbox.path(`small-${each.key.split('/').at(-1)}`), algorithm: 'sha256' as const })),
      {},
    );
    assert.deepEqual(
      results.map((result) => ('error' in result ? result.error.code : result.digests[0])),
      many.map(({ parts }) => parts[0]),
    );
  });
});
