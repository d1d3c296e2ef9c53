import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { type CliRun, mlsign } from '../helpers/cli.ts';
import { Sandbox } from '../helpers/sandbox.ts';
import { assertValid } from '../helpers/schemas.ts';
import { startSigstore, type TestSigstore } from '../helpers/sigstore/index.ts';

const WORKFLOW = 'https://github.com/acme/models/.github/workflows/release.yml@refs/heads/main';

describe('mlsign sign --sigstore, --timestamp and --rekor', function () {
  this.timeout(60_000);
  const sandbox = new Sandbox();
  const config = sandbox.path('trust-config.json');
  const root = sandbox.path('trusted-root.json');
  const key = sandbox.path('k');
  let sigstore: TestSigstore;
  let serial = 0;

  before(async () => {
    sigstore = await startSigstore();
    writeFileSync(config, JSON.stringify(sigstore.trustConfig));
    writeFileSync(root, JSON.stringify(sigstore.trustedRoot));
    assert.equal((await mlsign(['keygen', key])).code, 0);
  });
  after(async () => {
    await sigstore.close();
    sandbox.remove();
  });

  const model = (): string => sandbox.write(`m${serial++}`, { 'weights.bin': Buffer.alloc(5000, serial), 'config.json': '{}' });
  const issuer = (kind: 'email' | 'github'): string => sigstore.issuer.issuerOf(kind);
  const withToken = (kind: 'email' | 'github') => ({ env: { SIGSTORE_ID_TOKEN: sigstore.mintToken(kind) } });

  async function signed(kind: 'email' | 'github' = 'email'): Promise<string> {
    const path = model();
    const run = await mlsign(['sign', path, '--sigstore', '--trust-config', config, '--json'], withToken(kind));
    assert.equal(run.code, 0, run.stderr);
    assertValid('sign', JSON.parse(run.stdout));
    return path;
  }

  const verify = (path: string, flags: readonly string[]): Promise<CliRun> =>
    mlsign(['verify', path, '--trusted-root', root, '--offline', ...flags]);

  it('signs as the identity of the job, and is verified offline by exactly that identity and issuer', async () => {
    const path = await signed();
    const run = await verify(path, ['--identity', 'alice@example.com', '--issuer', issuer('email'), '--json']);
    assert.equal(run.code, 0, run.stdout);
    const document = JSON.parse(run.stdout);
    assertValid('verification', document);
    const [signature] = document.signatures;
    assert.equal(signature.signer.identity.name, 'alice@example.com');
    assert.equal(signature.logs.length, 1);
    assert.ok(signature.times.length >= 1);
    for (const [identity, by] of [
      ['alice@example.co', issuer('email')],
      ['lice@example.com', issuer('email')],
      ['Alice@example.com', issuer('email')],
      ['.*', issuer('email')],
      ['alice@example.com', issuer('email').slice(0, -1)],
      ['alice@example.com', issuer('github')],
    ] as const) {
      const other = await verify(path, ['--identity', identity, '--issuer', by]);
      assert.equal(other.code, 1, `${identity} ${by}: ${other.stdout}`);
    }
    assert.equal((await verify(path, ['--identity', 'alice@example.com'])).code, 2, 'an identity counts only with its issuer');
  });

  it('requires the claims of a workflow by name', async () => {
    const path = await signed('github');
    const flags = ['--identity', WORKFLOW, '--issuer', issuer('github')];
    assert.equal((await verify(path, [...flags, '--claim', 'repository=acme/models', '--claim', 'ref=refs/heads/main'])).code, 0);
    const wrong = await verify(path, [...flags, '--claim', 'repository=acme/model']);
    assert.equal(wrong.code, 1);
    assert.match(wrong.stdout, /\[claim-mismatch\]/);
    const pattern = ['--identity-pattern', 'https://github\\.com/acme/models/.*', '--issuer', issuer('github')];
    assert.equal((await verify(path, pattern)).code, 0);
    assert.equal((await verify(path, ['--identity-pattern', 'acme/models', '--issuer', issuer('github')])).code, 1, 'the whole identity');
    assert.equal((await verify(path, [...flags, '--claim', 'repo=acme/models'])).code, 2);
  });

  it('is rejected under the root of another instance', async () => {
    const path = await signed();
    const run = await mlsign(['verify', path, '--identity', 'alice@example.com', '--issuer', issuer('email'), '--offline', '--json']);
    assert.equal(run.code, 1, run.stderr);
    assertValid('verification', JSON.parse(run.stdout));
  });

  it('finds no log where the instance has none', async () => {
    const { signingConfig, ...rest } = JSON.parse(readFileSync(config, 'utf8'));
    const { rekorTlogConfig: _, rekorTlogUrls: __, ...others } = signingConfig;
    const without = sandbox.path('no-log.json');
    writeFileSync(without, JSON.stringify({ ...rest, signingConfig: others }));
    const run = await mlsign(['sign', model(), '--key', key, '--rekor', '--trust-config', without, '--json']);
    const error = JSON.parse(run.stdout);
    assert.deepEqual([run.code, error.code, error.message], [2, 'log-missing', 'the instance has no transparency log']);
  });

  it('proves when a key signed, in a log and by an authority, and a policy may ask for both', async () => {
    const path = model();
    const run = await mlsign(['sign', path, '--key', key, '--timestamp', sigstore.urls.tsa, '--rekor-url', sigstore.urls.rekorV1]);
    assert.equal(run.code, 0, run.stderr);
    assert.match(run.stdout, /proof {6}1 timestamp, 1 log entry/);
    const policy = sandbox.path('evidence.yaml');
    const rule = (require: string) =>
      `version: 1\nprincipals:\n  release: { key: k.pub }\nrules:\n  - { model: "**", signed-by: release, require: ${require} }\n`;
    writeFileSync(policy, rule('{ timestamps: 1, logs: 1 }'));
    const good = await verify(path, ['--policy', policy]);
    assert.equal(good.code, 0, good.stdout);
    assert.match(good.stdout, /signed at {2}20\d\d-/);
    assert.match(good.stdout, /logged in /);
    writeFileSync(policy, rule('{ timestamps: 2, logs: 1 }'));
    assert.equal((await verify(path, ['--policy', policy])).code, 1, 'one authority twice is one');
    assert.equal((await mlsign(['verify', path, '--key', `${key}.pub`])).code, 0, 'other evidence does not matter where none is asked for');
  });

  it('refuses a log that cannot take the key before anything is signed', async () => {
    const rsa = sandbox.path('rsa');
    assert.equal((await mlsign(['keygen', rsa, '--type', 'rsa-3072'])).code, 0);
    const path = model();
    const run = await mlsign(['sign', path, '--key', rsa, '--rekor-url', sigstore.urls.rekorV2, '--rekor-version', '2']);
    assert.equal(run.code, 1, run.stderr);
    assert.match(run.stderr, /\[log-cannot-take-key\]/);
    assert.equal(existsSync(`${path}/model.sig`), false);
  });

  it('says which identities it looked for where there is none, and writes no token anywhere', async () => {
    const path = model();
    const none = await mlsign(['sign', path, '--sigstore', '--trust-config', config]);
    assert.equal(none.code, 3);
    assert.match(none.stderr, /\[identity-missing\]/);
    const token = sigstore.mintToken('email', { email_verified: false });
    const unverified = await mlsign(['sign', path, '--sigstore', '--trust-config', config], { env: { SIGSTORE_ID_TOKEN: token } });
    assert.notEqual(unverified.code, 0);
    for (const part of token.split('.')) assert.ok(!`${unverified.stdout}${unverified.stderr}`.includes(part));
    assert.equal(existsSync(`${path}/model.sig`), false);
    const file = sandbox.path('token');
    writeFileSync(file, sigstore.mintToken('email'));
    const run = await mlsign(['sign', path, '--sigstore', '--identity-token-file', file, '--trust-config', config]);
    assert.equal(run.code, 0, run.stderr);
    assert.ok(!readFileSync(`${path}/model.sig`, 'utf8').includes(readFileSync(file, 'utf8').split('.')[2] ?? ''));
  });
});
