import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import type { Store } from '../../src/store/index.ts';
import { loopbackTls } from '../helpers/loopback-tls.ts';
import { S3Bench } from '../helpers/s3.ts';
import { fileToUpload, SHARD, sha256, storeIn } from '../helpers/s3-files.ts';
import { Sandbox } from '../helpers/sandbox.ts';

describe('what goes to a bucket', () => {
  const sandbox = new Sandbox();
  const data = randomBytes(2 * SHARD + 100);
  const authorities = getCACertificates();
  const { leafPem, leafKeyPem, rootPem } = loopbackTls();

  let bench: S3Bench;
  let store: Store;

  before(() => setDefaultCACertificates([...authorities, rootPem]));
  afterEach(async () => {
    await store.close();
    await bench.stop();
  });
  after(() => {
    setDefaultCACertificates(authorities);
    sandbox.remove();
  });

  for (const [protocol, options] of [
    ['http', {}],
    ['https', { tls: { key: leafKeyPem, cert: leafPem } }],
  ] as const) {
    it(`over ${protocol} has its SHA-256 in what is signed, ${protocol === 'http' ? 'as the payload too' : 'and TLS instead of a signed payload'}`, async () => {
      bench = await S3Bench.start(options);
      store = await storeIn(bench);
      const small = Buffer.from('{}');
      const [large] = await store.upload([fileToUpload(sandbox, 'a', data, SHARD), fileToUpload(sandbox, 'b', small)], {});
      assert.ok(large);
      await store.write('c', small, 'absent');
      const sent = bench.server.seen.filter(({ operation }) => operation === 'UploadPart' || operation === 'PutObject');
      assert.equal(sent.length, 5);
      for (const { headers } of sent) {
        const payload = headers['x-amz-content-sha256'];
        const checksum = Buffer.from(String(headers['x-amz-checksum-sha256']), 'base64').toString('hex');
        assert.match(String(headers.authorization), /SignedHeaders=[^,]*;x-amz-checksum-sha256;/);
        assert.equal(payload, protocol === 'http' ? checksum : 'UNSIGNED-PAYLOAD');
      }
      const path = sandbox.path(`back-${protocol}`);
      assert.deepEqual(await store.fetch([{ object: large, path, algorithm: 'sha256', expected: [sha256(data)] }], {}), [
        { size: data.length, digests: [sha256(data)] },
      ]);
      assert.equal(sha256(readFileSync(path)), sha256(data));
    });
  }
});
