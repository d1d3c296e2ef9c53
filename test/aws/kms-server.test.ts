import assert from 'node:assert/strict';
import { constants, createHash, createPublicKey, verify } from 'node:crypto';
import type { SigningAlgorithmSpec } from '@aws-sdk/client-kms';
import { KMSClient, SignCommand } from '@aws-sdk/client-kms';
import { ed25519ph } from '@noble/curves/ed25519.js';
import { mlDsaMu } from '../../src/formats/index.ts';
import { HAS_ML_DSA } from '../helpers/keys.ts';
import { KmsBench } from '../helpers/kms.ts';
import { SPECS } from '../helpers/kms-server-keys.ts';

// What the other tests stand on: the server signs, refuses and insists as AWS does.

const MESSAGE = Buffer.from('hello model');
const sha = (bits: string, data: Uint8Array) => createHash(`sha${bits}`).update(data).digest();

describe('the KMS of the tests', () => {
  let bench: KmsBench;
  let kms: KMSClient;
  before(async () => {
    bench = await KmsBench.start();
    kms = new KMSClient({ region: bench.server.region, endpoint: bench.server.endpoint, maxAttempts: 1 });
  });
  after(async () => {
    kms.destroy();
    await bench.stop();
  });

  const sign = async (KeyId: string, algorithm: string, MessageType: 'RAW' | 'DIGEST' | 'EXTERNAL_MU', Message: Uint8Array) => {
    const SigningAlgorithm = algorithm as SigningAlgorithmSpec;
    const { Signature = new Uint8Array() } = await kms.send(new SignCommand({ KeyId, Message, MessageType, SigningAlgorithm }));
    return Signature;
  };

  for (const [spec, { algorithms, usages }] of Object.entries(SPECS)) {
    if (usages[0] !== 'SIGN_VERIFY') continue;
    it(`signs with ${spec}, the message and its digest alike`, async function () {
      if (spec.startsWith('ML_DSA') && !HAS_ML_DSA) this.skip();
      const { arn, privateKey } = bench.server.account.addKey(spec);
      const key = createPublicKey(privateKey ?? '');
      for (const algorithm of algorithms) {
        const bits = algorithm.slice(-3);
        if (algorithm === 'ED25519_PH_SHA_512') {
          const raw = key.export({ type: 'spki', format: 'der' }).subarray(-32);
          const signature = await sign(arn, algorithm, 'DIGEST', sha('512', MESSAGE));
          assert.equal(ed25519ph.verify(signature, sha('512', MESSAGE), raw), true, 'KMS hashes the digest once more');
          await refuses(sign(arn, algorithm, 'RAW', MESSAGE), 'ValidationException', /Message type RAW is incompatible/);
          await refuses(sign(arn, algorithm, 'DIGEST', MESSAGE), 'ValidationException', /Digest is invalid length/);
          continue;
        }
        const isPure = algorithm === 'ED25519_SHA_512' || algorithm === 'ML_DSA_SHAKE_256';
        const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
        const input = algorithm.startsWith('RSASSA_PSS') ? { key, ...pss } : { key };
        const verifies = (signature: Uint8Array) => verify(isPure ? null : `sha${bits}`, MESSAGE, input, signature);
        assert.equal(verifies(await sign(arn, algorithm, 'RAW', MESSAGE)), true, `${algorithm} RAW`);
        if (algorithm === 'ML_DSA_SHAKE_256') {
          assert.equal(verifies(await sign(arn, algorithm, 'EXTERNAL_MU', mlDsaMu(key, MESSAGE))), true);
          await refuses(sign(arn, algorithm, 'EXTERNAL_MU', MESSAGE), 'ValidationException', /64 bytes/);
        } else if (!isPure) {
          assert.equal(verifies(await sign(arn, algorithm, 'DIGEST', sha(bits, MESSAGE))), true, `${algorithm} DIGEST`);
          await refuses(sign(arn, algorithm, 'DIGEST', MESSAGE), 'ValidationException', /Digest is invalid length for algorithm/);
          await refuses(sign(arn, algorithm, 'EXTERNAL_MU', Buffer.alloc(64)), 'ValidationException', /Message type EXTERNAL_MU/);
        }
        await sign(arn, algorithm, 'RAW', Buffer.alloc(4096));
        await refuses(sign(arn, algorithm, 'RAW', Buffer.alloc(4097)), 'ValidationException', /less than or equal to 4096/);
        await refuses(sign(arn, algorithm, 'RAW', Buffer.alloc(0)), 'ValidationException', /greater than or equal to 1/);
      }
      const foreign = spec.startsWith('RSA') ? 'ECDSA_SHA_256' : 'RSASSA_PSS_SHA_256';
      await refuses(sign(arn, foreign, 'RAW', MESSAGE), 'InvalidKeyUsageException', /is incompatible with key spec/);
    }).timeout(60_000);
  }

  for (const [what, headers, body, violation] of [
    ['an operation that KMS does not have', { 'x-amz-target': 'TrentService.Steal' }, '{}', /no operation Steal/],
    ['a parameter that KMS does not have', { 'x-amz-target': 'TrentService.ListKeys' }, '{"Everything":true}', /Everything/],
    ['another service', { 'x-amz-target': 'DynamoDB.ListTables' }, '{}', /the target DynamoDB/],
    ['a header that nobody sends', { 'x-amz-target': 'TrentService.ListKeys', 'x-evil': '1' }, '{}', /the headers x-evil/],
    ['another content type', { 'x-amz-target': 'TrentService.ListKeys', 'content-type': 'text/plain' }, '{}', /content-type text\/plain/],
  ] as const) {
    it(`counts ${what} as a violation`, async () => {
      const strict = await KmsBench.start();
      try {
        const client = strict.client();
        await client
          .call({ action: 'test', subject: 'test' }, async (sdk, { ListKeysCommand }) => {
            sdk.middlewareStack.add(
              (next) => (args) => {
                const { request } = args;
                if (typeof request === 'object' && request !== null && 'headers' in request && 'body' in request) {
                  Object.assign(Object(request.headers), { 'content-length': String(body.length) }, headers);
                  request.body = body;
                }
                return next(args);
              },
              { step: 'build', priority: 'low' },
            );
            return sdk.send(new ListKeysCommand({}));
          })
          .catch(() => undefined);
      } finally {
        await assert.rejects(strict.stop(), violation);
      }
    });
  }

  it('takes no request without a signature, nor one that was changed after it was signed', async () => {
    const post = async (headers: Record<string, string>) => {
      const answer = await fetch(bench.server.endpoint, {
        method: 'POST',
        headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': 'TrentService.ListKeys', accept: '*/*', ...headers },
        body: '{}',
      });
      return Reflect.get(Object(await answer.json()), '__type');
    };
    bench.server.allowHeaders('accept-language', 'sec-fetch-mode');
    assert.equal(await post({}), 'MissingAuthenticationTokenException');
    const scope = `20260101/${bench.server.region}/kms/aws4_request`;
    const credential = `Credential=AKIAIOSFODNN7EXAMPLE/${scope}, SignedHeaders=host;x-amz-date;x-amz-target`;
    const authorization = `AWS4-HMAC-SHA256 ${credential}, Signature=${'0'.repeat(64)}`;
    assert.equal(await post({ authorization, 'x-amz-date': '20260101T000000Z' }), 'InvalidSignatureException');
  });
});

async function refuses(running: Promise<unknown>, name: string, message: RegExp): Promise<void> {
  await assert.rejects(running, { name, message });
}
