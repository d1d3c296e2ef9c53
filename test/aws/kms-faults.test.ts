import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { createKey, getPublicKey, type KmsClient, listAliases, listKeys, parseKmsKey } from '../../src/aws/index.ts';
import { kmsSigner } from '../../src/sign/index.ts';
import { mlsignError } from '../helpers/keys.ts';
import { KmsBench } from '../helpers/kms.ts';
import type { KmsFaultKind } from '../helpers/kms-server.ts';

const raw = (status: number, body: string, contentType = 'text/html'): KmsFaultKind => ({ kind: 'raw', status, contentType, body });
const json = (body: string) => raw(200, body, 'application/x-amz-json-1.1');

/** What may go wrong at any request, and how the operation ends when it stays so. */
const FAULTS: readonly (readonly [what: string, fault: KmsFaultKind, code: string, reason: RegExp])[] = [
  ['a connection that is cut', { kind: 'reset' }, 'aws-unreachable', /^ECONNRESET$/],
  ['a connection that is cut in an answer', { kind: 'reset-midway' }, 'aws-unreachable', /^ECONNRESET$/],
  ['no answer', { kind: 'stall' }, 'aws-unreachable', /^no answer in time$/],
  ['half an answer', { kind: 'stall-midway' }, 'aws-unreachable', /^no answer in time$/],
  ['an answer without an end', { kind: 'endless' }, 'aws-answer-malformed', /^not the protocol of KMS$/],
  ['429', raw(429, 'slow down'), 'aws-throttled', /./],
  ['500', { kind: 'error', type: 'KMSInternalException', status: 500 }, 'aws-service-error', /^500 KMSInternalException/],
  ['500 of another kind', raw(500, '<html>'), 'aws-service-error', /^HTTP 500$/],
  ['503', { kind: 'error', type: 'DependencyTimeoutException', status: 503, message: 'later' }, 'aws-service-error', /^503 .*later$/],
  ['throttling', { kind: 'error', type: 'ThrottlingException', message: 'Rate exceeded' }, 'aws-throttled', /^ThrottlingException$/],
  ['a web page', raw(200, '<html>Welcome</html>'), 'aws-answer-malformed', /^not the protocol of KMS$/],
  ['a redirection', raw(302, ''), 'aws-answer-malformed', /^HTTP 302$/],
  ['a proxy that wants a password', raw(407, 'no'), 'aws-answer-malformed', /^HTTP 407$/],
  ['JSON that is cut off', json('{"KeyId":'), 'aws-answer-malformed', /./],
  ['JSON of another kind', json('[1]'), 'aws-answer-malformed', /./],
  ['fields that are not there', json('{}'), 'aws-answer-malformed', /./],
  [
    'fields of other types',
    json('{"KeyId":7,"PublicKey":"QUJD","Signature":"QUJD","Keys":[null],"Aliases":"x"}'),
    'aws-answer-malformed',
    /./,
  ],
];

describe('faults at every request', () => {
  let bench: KmsBench;
  let client: KmsClient;
  let arn: string;
  before(async () => {
    bench = await KmsBench.start();
    client = bench.client({ timeoutMs: 250, retries: { attempts: 2 } });
    arn = bench.server.account.addKey('ECC_NIST_P256').arn;
  });
  afterEach(() => {
    bench.server.faults.length = 0;
    bench.retries.length = 0;
  });
  after(() => bench.stop());

  const operations = {
    GetPublicKey: (kms: KmsClient) => getPublicKey(kms, parseKmsKey(arn)),
    Sign: async (kms: KmsClient) => {
      const signer = await kmsSigner({ key: parseKmsKey(arn), client: kms });
      return signer.sign(Buffer.from('m'));
    },
    ListKeys: listKeys,
    ListAliases: listAliases,
  } as const;

  for (const [operation, run] of Object.entries(operations) as [keyof typeof operations, (kms: KmsClient) => Promise<unknown>][]) {
    for (const [what, fault, code, reason] of FAULTS) {
      const timeoutMs = fault.kind.startsWith('stall') ? 250 : 10_000;
      it(`${operation}: ${what}: is tried again, with a reason, and ends with exit code 3`, async () => {
        bench.server.fail(operation, fault, 1);
        // Attempts to spare: a busy machine may take longer than the time that a stalled answer is given here.
        await run(bench.client({ timeoutMs, retries: { attempts: 8 } }));
        assert.equal(bench.retries[0]?.action, `kms:${operation}`);
        assert.notEqual(bench.retries[0]?.reason, '');
        bench.server.fail(operation, fault);
        await assert.rejects(run(bench.client({ timeoutMs, retries: { attempts: 2 } })), (error: unknown) => {
          mlsignError(code, new RegExp(`kms:${operation}.* 2 times`), { outcome: 'unavailable' })(error);
          assert.match(String(Reflect.get(Object(error), 'got')), reason);
          return true;
        });
      });
    }
  }

  it('CreateKey: is not repeated where the key may have been made', async () => {
    const made = () => createKey(client, { spec: 'ECC_NIST_P256', alias: 'alias/fault', description: '', tags: {}, signers: [] });
    for (const fault of [
      { kind: 'reset' },
      { kind: 'stall-midway' },
      { kind: 'error', type: 'KMSInternalException', status: 500 },
    ] as const) {
      bench.server.takeSeen();
      bench.server.fail('CreateKey', fault, 1);
      await assert.rejects(made(), mlsignError(fault.kind === 'error' ? 'aws-service-error' : 'aws-unreachable', /once$/));
      assert.deepEqual(bench.server.takeSeen(), ['CreateKey']);
    }
    bench.server.fail('CreateKey', { kind: 'error', type: 'ThrottlingException' }, 1);
    await made();
  });

  it('a server that is not there', async () => {
    const socket = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => socket.once('listening', resolve));
    const address = socket.address();
    await new Promise((resolve) => socket.close(resolve));
    const gone = bench.client({ endpoint: `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}` });
    await assert.rejects(
      listKeys(gone),
      mlsignError('aws-unreachable', 'AWS cannot be reached for kms:ListKeys, tried 5 times', {
        outcome: 'unavailable',
        got: 'ECONNREFUSED',
      }),
    );
    assert.deepEqual(
      bench.retries.map(({ reason }) => reason),
      Array(4).fill('ECONNREFUSED'),
    );
  });

  it('an interruption ends a call that waits for its answer, and says so', async () => {
    const controller = new AbortController();
    bench.server.fail('ListKeys', { kind: 'stall' }, 1);
    setTimeout(() => controller.abort(), 30);
    await assert.rejects(listKeys(bench.client(), controller.signal), mlsignError('interrupted', 'interrupted'));
  });

  it('a list that does not come to an end', async () => {
    bench.server.fail('ListKeys', json(`{"Keys":[],"Truncated":true,"NextMarker":"page-0"}`), 5000);
    await assert.rejects(
      listKeys(bench.client()),
      mlsignError('aws-answer-malformed', /does not come to an end/, { outcome: 'unavailable' }),
    );
  });
});
