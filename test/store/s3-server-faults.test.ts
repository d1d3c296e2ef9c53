import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { CompleteMultipartUploadCommand, type GetObjectCommandOutput } from '@aws-sdk/client-s3';
import { FaultProxy } from '../helpers/fault-proxy.ts';
import { type HttpFault, INTERNAL_ERROR, SLOW_DOWN } from '../helpers/http-faults.ts';
import { S3Bench } from '../helpers/s3.ts';
import { base64Sha256, refusedBy, S3Caller } from '../helpers/s3-caller.ts';
import { S3_ADMIN } from '../helpers/s3-server.ts';

const BODY = randomBytes(300_000);

/** A place where faults are made, and a client that meets them. */
interface FaultPlace {
  readonly caller: S3Caller;
  /** At the next request. */
  readonly fail: (fault: HttpFault) => void;
}

/** Everything that may go wrong; in one process, and on the way to one. */
const PLACES: Readonly<Record<string, (bench: S3Bench, proxy: FaultProxy) => FaultPlace>> = {
  'in the S3 server': (bench) => ({
    caller: callerOf(bench, bench.server.endpoint),
    fail: (fault) => bench.server.fail('*', fault, { times: 1 }),
  }),
  'in the proxy': (bench, proxy) => ({
    caller: callerOf(bench, proxy.endpoint),
    fail: (fault) => proxy.fail(() => true, fault, { times: 1 }),
  }),
};

function callerOf({ server: { region } }: S3Bench, endpoint: string): S3Caller {
  const requestHandler = { requestTimeout: 400, throwOnRequestTimeout: true };
  const checksums = { requestChecksumCalculation: 'WHEN_REQUIRED', responseChecksumValidation: 'WHEN_REQUIRED' } as const;
  return new S3Caller('models', { endpoint, region, requestHandler, ...checksums }, S3_ADMIN);
}

for (const [name, open] of Object.entries(PLACES)) {
  describe(`faults ${name}`, () => {
    let bench: S3Bench;
    let proxy: FaultProxy;
    let caller: S3Caller;
    let fail: FaultPlace['fail'];
    before(async () => {
      bench = await S3Bench.start({ minPartSize: 5 });
      proxy = await FaultProxy.start(bench.server.endpoint);
      ({ caller, fail } = open(bench, proxy));
      bench.behind.overwrite('body', BODY);
    });
    after(async () => {
      caller.close();
      await proxy.stop();
      await bench.stop();
    });

    const broken = async (promise: Promise<unknown>): Promise<Error> => {
      try {
        await promise;
      } catch (error) {
        assert.ok(error instanceof Error);
        return error;
      }
      assert.fail('expected a broken connection');
    };
    const bytesOf = async ({ Body }: GetObjectCommandOutput): Promise<Buffer> => Buffer.from((await Body?.transformToByteArray()) ?? []);

    it('do not come by themselves', async () => {
      assert.deepEqual(await bytesOf(await caller.get('body')), BODY);
      assert.deepEqual(await bytesOf(await caller.get('body', { Range: 'bytes=9-99' })), BODY.subarray(9, 100));
      await refusedBy(caller.head('none'), 'NotFound', 404);
      await caller.put('fresh', BODY);
      await caller.delete('fresh');
    });

    it('cut the connection before anything is done, or after it was', async () => {
      fail({ kind: 'reset' });
      assert.match(String((await broken(caller.put('reset', 'x'))).message), /ECONNRESET|socket hang up/);
      assert.equal(bench.behind.history('reset').length, 0);
      fail({ kind: 'reset-after' });
      assert.match(String((await broken(caller.put('reset', 'x'))).message), /ECONNRESET|socket hang up/);
      assert.equal(bench.behind.history('reset').length, 1);
    });

    it('give no answer, before anything is done, or after it was', async () => {
      fail({ kind: 'stall' });
      assert.match((await broken(caller.put('stall', 'x'))).name, /TimeoutError|AbortError/);
      assert.equal(bench.behind.history('stall').length, 0);
      fail({ kind: 'stall-after' });
      assert.match((await broken(caller.put('stall', 'x'))).name, /TimeoutError|AbortError/);
      assert.equal(bench.behind.history('stall').length, 1);
    });

    it('answer with an error of the service', async () => {
      fail(INTERNAL_ERROR);
      await refusedBy(caller.put('error', 'x'), 'InternalError', 500);
      fail(SLOW_DOWN);
      await refusedBy(caller.get('error'), 'SlowDown', 503);
      fail({ kind: 'error', status: 409, code: 'ConditionalRequestConflict' });
      await refusedBy(caller.put('error', 'x', { IfNoneMatch: '*' }), 'ConditionalRequestConflict', 409);
      fail({ kind: 'raw', status: 502, contentType: 'text/html', body: '<html>Bad gateway' });
      assert.match((await broken(caller.get('error'))).message, /Deserialization error|char|Unknown/i);
      assert.equal(bench.behind.history('error').length, 0);
    });

    it('answer 200 and then an error, with all that was asked for done', async () => {
      const input = await caller.upload('late', ['x']);
      fail({ kind: 'late-error', code: 'InternalError' });
      assert.equal((await broken(caller.s3.send(new CompleteMultipartUploadCommand(input)))).name, 'InternalError');
      assert.equal(bench.behind.history('late').length, 1);
    });

    it('end a body in its middle', async () => {
      for (const kind of ['truncated', 'reset-midway', 'stall-midway'] as const) {
        fail({ kind });
        const answer = await caller.get('body');
        assert.equal(answer.ContentLength, BODY.length);
        const read = bytesOf(answer);
        if (kind === 'stall-midway') {
          const waited = await Promise.race([read.catch(() => 'ended'), new Promise((resolve) => setTimeout(resolve, 200, 'waits'))]);
          assert.equal(waited, 'waits');
        } else assert.match(String((await broken(read)).message), /aborted|ECONNRESET/, kind);
      }
      fail({ kind: 'truncated' });
      await broken(caller.head('body'));
      fail({ kind: 'short' });
      const short = await caller.get('body');
      assert.deepEqual(await bytesOf(short), BODY.subarray(0, BODY.length / 2));
    });

    it('change one byte of an answer, or its range', async () => {
      fail({ kind: 'corrupt', offset: 7 });
      const changed = await bytesOf(await caller.get('body'));
      const at = [...BODY.keys()].filter((index) => changed[index] !== BODY[index]);
      assert.deepEqual(at, [7]);
      fail({ kind: 'corrupt' });
      assert.notDeepEqual(await bytesOf(await caller.get('body')), BODY);
      fail({ kind: 'wrong-range' });
      const moved = await caller.get('body', { Range: 'bytes=0-9' });
      assert.equal(moved.ContentRange, `bytes 1-10/${BODY.length}`);
      assert.deepEqual(await bytesOf(moved), BODY.subarray(0, 10));
    });

    it('change one byte of a request, which is then refused', async () => {
      fail({ kind: 'corrupt-request' });
      const error = await broken(caller.put('request', BODY));
      assert.match(error.name, /BadDigest|XAmzContentSHA256Mismatch/);
      assert.equal(bench.behind.history('request').length, 0);
    });

    it('call what a test wants done, before anything is done, or after it was', async () => {
      const seen: number[] = [];
      const onFault = () => seen.push(bench.behind.history('called').length);
      for (const kind of ['pass', 'pass-after'] as const) {
        fail({ kind, onFault });
        await caller.put('called', 'x');
      }
      for (const kind of ['reset', 'reset-after'] as const) {
        fail({ kind, onFault });
        await broken(caller.put('called', 'x'));
      }
      assert.deepEqual(seen, [0, 2, 2, 3]);
    });
  });
}

describe('faults of one request of many', () => {
  let bench: S3Bench;
  let caller: S3Caller;
  before(async () => {
    bench = await S3Bench.start();
    caller = callerOf(bench, bench.server.endpoint);
  });
  afterEach(() => bench.server.heal());
  after(async () => {
    caller.close();
    await bench.stop();
  });

  it('meet the operation that is meant, after so many and so many times', async () => {
    bench.server.fail('PutObject', SLOW_DOWN, { after: 1, times: 1 });
    await caller.put('k', '1');
    assert.equal(await caller.text('k'), '1');
    await refusedBy(caller.put('k', '2'), 'SlowDown', 503);
    await caller.put('k', '3');
    bench.server.fail(({ key, method }) => method === 'GET' && key === 'k', SLOW_DOWN);
    await refusedBy(caller.get('k'), 'SlowDown', 503);
    await refusedBy(caller.get('k'), 'SlowDown', 503);
    bench.server.heal();
    assert.equal(await caller.text('k'), '3');
    assert.deepEqual(bench.server.takeSeen(), ['PutObject', 'GetObject', 'PutObject', 'PutObject', 'GetObject', 'GetObject', 'GetObject']);
  });

  it('give the bytes of another version under the name of the one that was asked for', async () => {
    const old = bench.behind.overwrite('v', 'old bytes');
    const { VersionId } = await caller.put('v', 'new bytes');
    bench.server.fail('GetObject', { kind: 'other-version', version: old.id });
    const answer = await caller.get('v', { VersionId, Range: 'bytes=0-2' });
    assert.deepEqual([answer.VersionId, await answer.Body?.transformToString()], [VersionId, 'old']);
  });

  it('are counted from 1 in the proxy', async () => {
    const proxy = await FaultProxy.start(bench.server.endpoint);
    const proxied = callerOf(bench, proxy.endpoint);
    proxy.fail(2, SLOW_DOWN);
    await proxied.put('n', '1');
    await refusedBy(proxied.get('n'), 'SlowDown', 503);
    assert.equal(await proxied.text('n'), '1');
    assert.deepEqual(
      proxy.requests.map(({ number, method }) => `${number} ${method}`),
      ['1 PUT', '2 GET', '3 GET'],
    );
    proxied.close();
    await proxy.stop();
  });

  it('are also made where the bytes lie', async () => {
    const { VersionId = '' } = await caller.put('rot', 'sound');
    await bench.behind.corrupt('rot', VersionId, 1);
    assert.equal(await caller.text('rot'), 'snund');
    assert.equal((await caller.head('rot', { ChecksumMode: 'ENABLED' })).ChecksumSHA256, base64Sha256('sound'));
    assert.equal((await bench.behind.read('rot', VersionId)).toString(), 'snund');
    bench.behind.deleteMarker('rot');
    assert.deepEqual(bench.behind.keys('rot'), []);
    bench.behind.erase('rot', VersionId);
    assert.equal(bench.behind.history('rot').length, 1);
  });
});
