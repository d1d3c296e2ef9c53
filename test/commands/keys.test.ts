import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { type CliRun, mlsign } from '../helpers/cli.ts';
import { KmsBench } from '../helpers/kms.ts';
import { loopbackTls } from '../helpers/loopback-tls.ts';
import { assertValid } from '../helpers/schemas.ts';

describe('mlsign keys', () => {
  let bench: KmsBench;
  before(async () => {
    bench = await KmsBench.start();
    bench.addPrincipal('nobody', []);
  });
  afterEach(() => {
    bench.server.takeSeen();
    bench.server.faults.length = 0;
  });
  after(() => bench.stop());

  const keys = (args: readonly string[], env: Record<string, string> = {}): Promise<CliRun> =>
    mlsign(['keys', ...args, '--kms-endpoint-url', bench.server.endpoint], { env: { ...bench.environment(), ...env } });
  const arnOf = (name: string) => bench.server.account.keys.get(bench.server.account.aliases.get(name) ?? '')?.arn ?? '';

  it('alone: shows its commands; a wrong word is told the right ones', async () => {
    const help = await mlsign(['keys']);
    assert.equal(help.code, 0);
    for (const name of ['keys create', 'keys list', 'keys public']) assert.ok(help.stdout.includes(name), help.stdout);
    const wrong = await mlsign(['keys', 'lits']);
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /no such command.*\[unknown-command\][\s\S]*got {7}keys lits\n {2}try {7}mlsign keys list/);
  });

  it('create: makes a key, and tells its ARN', async () => {
    const run = await keys(['create', '--alias', 'alias/one', '--tag', 'team=ml', '--description', 'one', '--json']);
    assert.equal(run.code, 0, run.stderr);
    const document = JSON.parse(run.stdout);
    assertValid('keys-create', document);
    assert.deepEqual(document, {
      type: 'https://mlsign/keys-create-result/v1',
      arn: arnOf('alias/one'),
      alias: 'alias/one',
      spec: 'ECC_NIST_P256',
      signers: [],
    });
    const made = bench.server.account.keys.get(String(document.arn).slice(-36));
    assert.equal(made?.description, 'one');
    assert.deepEqual([...(made?.tags ?? [])], [['team', 'ml']]);
    const quiet = await keys(['create', '--alias', 'alias/quiet', '--spec', 'ECC_NIST_EDWARDS25519', '--quiet']);
    assert.equal(quiet.stdout, `${arnOf('alias/quiet')}\n`);
    const text = await keys(['create', '--alias', 'alias/text', '--signer', 'arn:aws:iam::111122223333:role/release']);
    assert.equal(text.code, 0, text.stderr);
    assert.match(
      text.stdout,
      /^created {2}alias\/text {2}ECC_NIST_P256\nkey {6}arn:aws:kms:.*\nsigners {2}arn:aws:iam::111122223333:role\/release\n/,
    );
  });

  for (const [flags, code, message] of [
    [['--alias', 'one'], 'kms-alias-malformed', /not a name that an alias may have: one/],
    [['--alias', 'alias/aws/mine'], 'kms-alias-malformed', /not a name/],
    [['--alias', 'alias/x', '--tag', 'team'], 'kms-tag-malformed', /NAME=VALUE/],
    [['--alias', 'alias/x', '--tag', 'a=1', '--tag', 'a=2'], 'kms-tag-malformed', /each name once/],
    [['--alias', 'alias/x', '--tag', 'aws:a=1'], 'kms-tag-malformed', /NAME=VALUE/],
    [['--alias', 'alias/x', '--signer', 'release'], 'kms-signer-malformed', /ARN of a role or a user/],
    [['--alias', 'alias/x', '--spec', 'HMAC_256'], 'usage', /--spec/],
    [[], 'usage', /alias/],
  ] as const) {
    it(`create ${flags.join(' ')}: is a usage error, and asks for nothing`, async () => {
      const run = await keys(['create', ...flags]);
      assert.equal(run.code, 2);
      assert.match(run.stderr, message);
      assert.ok(run.stderr.includes(`[${code}]`), run.stderr);
      assert.deepEqual(bench.server.takeSeen(), []);
    });
  }

  it('create: does not take an alias that there is', async () => {
    await keys(['create', '--alias', 'alias/taken']);
    const run = await keys(['create', '--alias', 'alias/taken', '--json']);
    assert.equal(run.code, 1);
    const document = JSON.parse(run.stdout);
    assertValid('error', document);
    assert.equal(document.code, 'kms-alias-exists');
    assert.match(document.suggestions.at(-1), /^the new key arn:.* will be deleted in 7 days$/);
  });

  it('list: gives ARNs and aliases, and nothing that AWS manages', async () => {
    await keys(['create', '--alias', 'alias/listed']);
    const managed = bench.server.account.addKey('SYMMETRIC_DEFAULT');
    bench.server.account.aliases.set('alias/aws/s3', managed.id);
    const bare = bench.server.account.addKey('RSA_2048');
    const run = await keys(['list', '--json']);
    assert.equal(run.code, 0, run.stderr);
    const document = JSON.parse(run.stdout);
    assertValid('keys-list', document);
    const listed: readonly { readonly arn: string; readonly aliases: readonly string[] }[] = document.keys;
    assert.deepEqual(listed.find(({ arn }) => arn === arnOf('alias/listed'))?.aliases, ['alias/listed']);
    assert.deepEqual(listed.find(({ arn }) => arn === bare.arn)?.aliases, []);
    assert.ok(!run.stdout.includes(managed.id));
    const text = await keys(['list']);
    assert.match(text.stdout, /^arn:aws:kms:eu-central-1:111122223333:key\/\S+ {2}alias\/listed$/m);
    assert.ok((await keys(['list', '--quiet'])).stdout.split('\n').includes(bare.arn));
  });

  it('public: prints the public key, by id, ARN, alias and URI', async () => {
    await keys(['create', '--alias', 'alias/exported']);
    const arn = arnOf('alias/exported');
    const { id, privateKey } = [...bench.server.account.keys.values()].find((key) => key.arn === arn) ?? {};
    const pem = createPublicKey(privateKey ?? '').export({ type: 'spki', format: 'pem' });
    for (const name of [String(id), arn, 'alias/exported', 'awskms:///alias/exported']) {
      const run = await keys(['public', name]);
      assert.equal(run.code, 0, run.stderr);
      assert.equal(run.stdout, pem);
    }
    const document = JSON.parse((await keys(['public', arn, '--json'])).stdout);
    assertValid('keys-public', document);
    assert.equal(document.public_key, pem);
    assert.equal(document.arn, arn);
    const file = bench.sandbox.path('models.pub');
    await keys(['public', arn, '--output-file', file]);
    assert.equal(readFileSync(file, 'utf8'), pem);
  });

  it('public: says what is wrong with the name', async () => {
    const malformed = await keys(['public', 'models']);
    assert.equal(malformed.code, 2);
    assert.match(malformed.stderr, /this is not the name of a KMS key: models \[kms-key-malformed\]/);
    const contradicted = await keys([
      'public',
      'arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab',
      '--region',
      'eu-central-1',
    ]);
    assert.equal(contradicted.code, 2);
    assert.match(contradicted.stderr, /--region says something else than the name of the key.*\[kms-flag-contradicts-key\]/s);
    const elsewhere = await keys(['public', 'awskms://localhost:4566/alias/models']);
    assert.equal(elsewhere.code, 2);
    assert.match(elsewhere.stderr, /--kms-endpoint-url says something else.*\[kms-flag-contradicts-key\]/s);
    assert.deepEqual(bench.server.takeSeen(), []);
  });

  it('tells of attempts that are made again, and ends with exit code 3', async () => {
    bench.server.fail('ListKeys', { kind: 'error', type: 'ThrottlingException', message: 'Rate exceeded' }, 1);
    const passed = await keys(['list']);
    assert.equal(passed.code, 0);
    assert.match(passed.stderr, /^kms:ListKeys: ThrottlingException; trying again in \d+ ms$/m);
    const denied = await keys(['list', '--profile', 'nobody', '--quiet']);
    assert.equal(denied.code, 3);
    assert.match(denied.stderr, /AWS does not allow kms:List(Keys|Aliases)/);
    assert.doesNotMatch(denied.stderr, /trying again/);
  }).timeout(30_000);

  it('goes by HTTPS through the proxy of the environment, with the certificates that Node trusts', async () => {
    const { leafPem, leafKeyPem, rootPem } = loopbackTls();
    const secure = await KmsBench.start({ tls: { key: leafKeyPem, cert: leafPem } });
    const seen: string[] = [];
    const proxy = createServer().listen(0, '127.0.0.1');
    proxy.on('connect', (request, socket) => {
      seen.push(request.url ?? '');
      const [host = '', port] = (request.url ?? '').split(':');
      const onward = connect(Number(port), host, () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        onward.pipe(socket).pipe(onward);
      });
      for (const end of [onward, socket]) end.on('error', () => undefined);
    });
    await new Promise((resolve) => proxy.once('listening', resolve));
    const ca = bench.sandbox.path('ca.pem');
    writeFileSync(ca, rootPem);
    try {
      const HTTPS_PROXY = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
      const list = (env: Record<string, string>) =>
        mlsign(['keys', 'list', '--kms-endpoint-url', secure.server.endpoint], { env: { ...secure.environment(), ...env } });
      const proxied = await list({ HTTPS_PROXY, NODE_EXTRA_CA_CERTS: ca });
      assert.equal(proxied.code, 0, proxied.stderr);
      assert.ok(seen.length >= 1 && seen.every((place) => place === `127.0.0.1:${secure.server.port}`), seen.join());
      const unchecked = await list({ NODE_TLS_REJECT_UNAUTHORIZED: '0' });
      assert.equal(unchecked.code, 3, unchecked.stdout);
      assert.match(unchecked.stderr, /aws-unreachable/);
      const direct = await list({ HTTPS_PROXY, NO_PROXY: '127.0.0.1', NODE_EXTRA_CA_CERTS: ca });
      assert.equal(direct.code, 0, direct.stderr);
      const before = seen.length;
      const untrusted = await list({});
      assert.equal(untrusted.code, 3);
      assert.match(untrusted.stderr, /AWS cannot be reached for kms:List(Keys|Aliases), tried once.*\[aws-unreachable\]/);
      assert.equal(seen.length, before);
    } finally {
      proxy.closeAllConnections();
      proxy.close();
      await secure.stop();
    }
  }).timeout(30_000);
});
