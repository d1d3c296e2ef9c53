import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getPublicKey, KmsClient, listKeys, parseKmsKey } from '../../src/aws/index.ts';
import { mlsignError } from '../helpers/keys.ts';
import { KmsBench } from '../helpers/kms.ts';
import { ADMIN } from '../helpers/kms-server.ts';

describe('a connection to KMS', () => {
  let bench: KmsBench;
  beforeEach(async () => {
    bench = await KmsBench.start();
  });
  afterEach(() => bench.stop());

  it('takes credentials and region from the chain of the SDK: environment, profile, defaults', async () => {
    bench.addPrincipal('signer', ['kms:ListKeys']);
    await listKeys(bench.client());
    await listKeys(bench.client({ profile: 'signer' }));
    process.env.AWS_PROFILE = 'signer';
    await listKeys(bench.client());
    await listKeys(new KmsClient({ endpoint: bench.server.endpoint, profile: 'default' }));
    assert.deepEqual(
      bench.server.seen.map(({ arn }) => arn?.split('/').at(-1)),
      ['admin', 'signer', 'signer', 'admin'],
    );
  });

  it('takes the role of a profile', async () => {
    const role = {
      ...ADMIN,
      accessKeyId: 'ASIAROLE',
      secretAccessKey: 'role-secret',
      sessionToken: 'role-token',
      arn: 'arn:aws:sts::111122223333:assumed-role/r/s',
    };
    bench.server.principals.push(role);
    const program = bench.sandbox.path('credentials.mjs');
    const { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken } = role;
    writeFileSync(program, `console.log(${JSON.stringify(JSON.stringify({ Version: 1, AccessKeyId, SecretAccessKey, SessionToken }))});`);
    writeFileSync(bench.sandbox.path('config'), `[profile role]\ncredential_process = "${process.execPath}" "${program}"\n`);
    await listKeys(bench.client({ profile: 'role' }));
    assert.equal(bench.server.seen[0]?.arn, role.arn);
  });

  it('takes the role of a workload identity, asked for through the proxy', async () => {
    const role = {
      ...ADMIN,
      accessKeyId: 'ASIAWEB',
      secretAccessKey: 'web-secret',
      sessionToken: 'web-token',
      arn: 'arn:aws:sts::111122223333:assumed-role/ci/s',
    };
    bench.server.principals.push(role);
    const asked: string[] = [];
    const proxy = createServer((incoming, outgoing) => {
      if (!incoming.url?.startsWith('http://sts.test/')) return forward(incoming, outgoing, asked);
      asked.push(incoming.url);
      outgoing.writeHead(200, { 'content-type': 'text/xml' }).end(
        `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult><Credentials>
        <AccessKeyId>${role.accessKeyId}</AccessKeyId><SecretAccessKey>${role.secretAccessKey}</SecretAccessKey><SessionToken>${role.sessionToken}</SessionToken>
        <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`,
      );
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => proxy.once('listening', resolve));
    writeFileSync(bench.sandbox.path('token'), 'a.b.c');
    writeFileSync(bench.sandbox.path('credentials'), '');
    Object.assign(process.env, {
      AWS_ROLE_ARN: 'arn:aws:iam::111122223333:role/ci',
      AWS_WEB_IDENTITY_TOKEN_FILE: bench.sandbox.path('token'),
      AWS_ENDPOINT_URL_STS: 'http://sts.test',
    });
    try {
      await listKeys(bench.client({ proxies: { HTTP_PROXY: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}` } }));
      assert.equal(bench.server.seen[0]?.arn, role.arn);
      assert.deepEqual(asked, ['http://sts.test/', `${bench.server.endpoint}/ undefined`]);
    } finally {
      proxy.closeAllConnections();
      proxy.close();
    }
  });

  it('says what is missing', async () => {
    await assert.rejects(
      listKeys(bench.client({ profile: 'nobody' })),
      mlsignError('aws-credentials-missing', 'there are no AWS credentials', { outcome: 'unavailable' }),
    );
    writeFileSync(bench.sandbox.path('credentials'), '');
    writeFileSync(bench.sandbox.path('config'), '');
    process.env.AWS_CONFIG_FILE = bench.sandbox.path('other-config');
    await assert.rejects(
      listKeys(new KmsClient({ endpoint: bench.server.endpoint })),
      mlsignError('aws-region-missing', 'the AWS region is not known', { outcome: 'usage' }),
    );
    process.env.AWS_SHARED_CREDENTIALS_FILE = bench.sandbox.path('other-credentials');
    await assert.rejects(listKeys(bench.client()), mlsignError('aws-credentials-missing', 'there are no AWS credentials'));
    assert.deepEqual(bench.server.takeSeen(), []);
  });

  it('shows nothing of a credential process that fails', async () => {
    const program = bench.sandbox.path('fails.mjs');
    writeFileSync(program, `console.error('the password is hunter2'); process.exit(1);`);
    writeFileSync(
      bench.sandbox.path('config'),
      `[profile broken]\ncredential_process = "${process.execPath}" "${program}" --secret hunter2\n`,
    );
    await assert.rejects(listKeys(bench.client({ profile: 'broken' })), (error: unknown) => {
      mlsignError('aws-credentials-missing', 'there are no AWS credentials')(error);
      assert.doesNotMatch(everything(error), /hunter2/);
      return true;
    });
  });

  for (const [type, code] of [
    ['UnrecognizedClientException', 'aws-credentials-refused'],
    ['InvalidSignatureException', 'aws-credentials-refused'],
    ['IncompleteSignature', 'aws-credentials-refused'],
    ['ExpiredTokenException', 'aws-credentials-expired'],
  ] as const) {
    it(`${type}: repeats neither the request nor what a server says of it`, async () => {
      bench.addPrincipal('session', ['kms:*'], { sessionToken: 'session-token-value' });
      const client = bench.client({ profile: 'session' });
      bench.server.fail('ListKeys', { kind: 'error', type, message: `x-amz-security-token:session-token-value secret-of-session-0001` }, 1);
      await assert.rejects(listKeys(client), (error: unknown) => {
        mlsignError(code, /AWS/, { outcome: 'unavailable' })(error);
        assert.doesNotMatch(everything(error), /session-token-value|secret-of-session/);
        return true;
      });
      assert.equal(bench.server.takeSeen().length, 1);
    });
  }

  it('takes credentials out of what any server says', async () => {
    bench.addPrincipal('session', ['kms:*'], { sessionToken: 'session-token-value' });
    const client = bench.client({ profile: 'session' });
    for (const type of ['AccessDeniedException', 'ValidationException', 'SomethingElse', 'KMSInternalException']) {
      bench.server.fail('ListKeys', {
        kind: 'error',
        type,
        message: 'token session-token-value and secret-of-session-0001',
        status: type.startsWith('KMS') ? 500 : 400,
      });
      await assert.rejects(listKeys(client), (error: unknown) => {
        assert.doesNotMatch(everything(error), /session-token-value|secret-of-session/, type);
        assert.match(everything(error), /token … and …/);
        return true;
      });
      bench.server.faults.length = 0;
    }
  });

  it('a wrong secret key is refused by the server, and not tried again', async () => {
    writeFileSync(
      bench.sandbox.path('credentials'),
      `[default]\naws_access_key_id = ${ADMIN.accessKeyId}\naws_secret_access_key = wrong\n`,
    );
    process.env.AWS_PROFILE = 'default';
    await assert.rejects(listKeys(bench.client()), mlsignError('aws-credentials-refused', 'AWS does not accept the credentials'));
    assert.equal(bench.server.takeSeen().length, 1);
  });

  it('a clock that is wrong is put right by the answer', async () => {
    const slow = await KmsBench.start({ clock: () => new Date(Date.now() + 3_600_000) });
    try {
      slow.server.principals.push(...bench.server.principals);
      await listKeys(slow.client());
      assert.deepEqual(slow.server.takeSeen(), ['ListKeys', 'ListKeys']);
      assert.deepEqual(
        slow.retries.map(({ reason }) => reason),
        ['InvalidSignatureException'],
      );
    } finally {
      await slow.stop();
    }
  });

  it('says which permission is missing, after time for a new grant', async () => {
    bench.addPrincipal('weak', []);
    bench.addPrincipal('banned', ['kms:*'], { deny: ['kms:GetPublicKey'] });
    const { arn } = bench.server.account.addKey('ECC_NIST_P256');
    await assert.rejects(getPublicKey(bench.client({ profile: 'weak' }), parseKmsKey(arn)), (error: unknown) => {
      mlsignError('kms-access-denied', 'AWS does not allow kms:GetPublicKey', {
        outcome: 'unavailable',
        subject: arn,
        expected: 'kms:GetPublicKey',
      })(error);
      assert.match(everything(error), /user\/weak is not authorized to perform: kms:GetPublicKey on resource: arn:/);
      assert.match(everything(error), /allow kms:GetPublicKey on the key/);
      return true;
    });
    assert.equal(bench.server.takeSeen().length, 3);
    await assert.rejects(
      getPublicKey(bench.client({ profile: 'banned' }), parseKmsKey(arn)),
      mlsignError('kms-access-denied', 'AWS does not allow kms:GetPublicKey', {
        suggestions: [
          'find what denies kms:GetPublicKey: a service control policy, a boundary, the key policy',
          'or pin the public key in a file, and nothing is asked',
        ],
      }),
    );
    assert.equal(bench.server.takeSeen().length, 1);
  });

  it('goes through a proxy where the environment names one', async () => {
    const seen: string[] = [];
    const proxy = createServer((incoming, outgoing) => forward(incoming, outgoing, seen)).listen(0, '127.0.0.1');
    await new Promise((resolve) => proxy.once('listening', resolve));
    const url = `http://user:pass@127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    try {
      await listKeys(bench.client({ proxies: { HTTP_PROXY: url } }));
      assert.deepEqual(seen, [`${bench.server.endpoint}/ Basic dXNlcjpwYXNz`]);
      await listKeys(bench.client({ proxies: { HTTP_PROXY: url, NO_PROXY: '127.0.0.1' } }));
      await listKeys(bench.client({ proxies: { HTTPS_PROXY: url } }));
      await listKeys(bench.client());
      assert.equal(seen.length, 1);
    } finally {
      proxy.closeAllConnections();
      proxy.close();
    }
  });

  it('loads no SDK before the first call, and can be closed before it', async () => {
    await new KmsClient({ region: 'eu-central-1' }).close();
  });
});

describe('a connection to KMS as the root of trust', () => {
  let bench: KmsBench;
  beforeEach(async () => {
    bench = await KmsBench.start();
  });
  afterEach(() => bench.stop());

  const refused = mlsignError('kms-endpoint-configured', 'the environment or the profile names an endpoint of its own for KMS', {
    outcome: 'usage',
    expected: 'kms.eu-central-1.amazonaws.com',
    got: '127.0.0.1',
  });

  it('does not believe an endpoint of the environment', async () => {
    for (const name of ['AWS_ENDPOINT_URL', 'AWS_ENDPOINT_URL_KMS']) {
      process.env[name] = bench.server.endpoint;
      const connection = { region: 'eu-central-1', refuseConfiguredEndpoint: true };
      await assert.rejects(listKeys(new KmsClient(connection)), refused, name);
      delete process.env[name];
    }
    assert.deepEqual(bench.server.takeSeen(), []);
  });

  it('does not believe an endpoint of the profile', async () => {
    writeFileSync(bench.sandbox.path('config'), `[default]\nregion = eu-central-1\nendpoint_url = ${bench.server.endpoint}\n`);
    await assert.rejects(listKeys(new KmsClient({ region: 'eu-central-1', refuseConfiguredEndpoint: true })), refused);
  });

  it('believes one that was asked for by name; and when signing, that of the environment', async () => {
    await listKeys(bench.client({ refuseConfiguredEndpoint: true }));
    process.env.AWS_ENDPOINT_URL = bench.server.endpoint;
    await listKeys(new KmsClient({ region: 'eu-central-1' }));
    assert.deepEqual(bench.server.takeSeen(), ['ListKeys', 'ListKeys']);
  });
});

/** An error with all that hangs on it, as a careless logger would show it. */
function everything(error: unknown): string {
  const seen = new Set<unknown>();
  const walk = (value: unknown): string => {
    if (typeof value !== 'object' || value === null) return String(value);
    if (seen.has(value)) return '';
    seen.add(value);
    return [String(value), ...Reflect.ownKeys(value).map((key) => `${String(key)}: ${walk(Reflect.get(value, key))}`)].join('\n');
  };
  return walk(error);
}

function forward(incoming: IncomingMessage, outgoing: ServerResponse, seen: string[]): void {
  const { 'proxy-authorization': authorization, 'proxy-connection': _, ...headers } = incoming.headers;
  seen.push(`${incoming.url} ${authorization}`);
  const { port } = new URL(incoming.url ?? '');
  const onward = request({ host: '127.0.0.1', port, method: 'POST', path: '/', headers }, (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(outgoing);
  });
  incoming.pipe(onward);
}
