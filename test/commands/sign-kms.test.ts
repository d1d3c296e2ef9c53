import assert from 'node:assert/strict';
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { type CliRun, mlsign } from '../helpers/cli.ts';
import { HAS_ML_DSA } from '../helpers/keys.ts';
import { KmsBench } from '../helpers/kms.ts';
import { Sandbox } from '../helpers/sandbox.ts';
import { assertValid } from '../helpers/schemas.ts';

describe('mlsign sign --kms', function () {
  this.timeout(60_000);
  const sandbox = new Sandbox();
  let bench: KmsBench;
  const arns: Record<string, string> = {};
  let serial = 0;

  before(async () => {
    bench = await KmsBench.start();
    for (const [alias, spec] of [
      ['alias/classical', 'ECC_NIST_P256'],
      ['alias/quantum', HAS_ML_DSA ? 'ML_DSA_65' : 'ECC_NIST_P384'],
      ['alias/edwards', 'ECC_NIST_EDWARDS25519'],
    ] as const) {
      const run = await kms(['keys', 'create', '--alias', alias, '--spec', spec, '--quiet']);
      arns[alias] = run.stdout.trim();
      assert.match(arns[alias] ?? '', /^arn:aws:kms:/);
    }
  });
  afterEach(() => {
    bench.server.takeSeen();
    bench.server.faults.length = 0;
  });
  after(async () => {
    await bench.stop();
    sandbox.remove();
  });

  const kms = (args: readonly string[], env: Record<string, string> = {}): Promise<CliRun> =>
    mlsign([...args, '--kms-endpoint-url', bench.server.endpoint], { env: { ...bench.environment(), ...env } });
  // More than 4,096 bytes of manifest: KMS takes digests of it only.
  const model = (): string =>
    sandbox.write(`m${serial++}`, Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`file-${i}.bin`, `${i}`])));

  it('signs with one Sign call, and is verified without any cloud', async () => {
    const path = model();
    bench.server.takeSeen();
    const signed = await kms(['sign', path, '--kms', 'alias/classical', '--json']);
    assert.equal(signed.code, 0, signed.stderr);
    assertValid('sign', JSON.parse(signed.stdout));
    assert.deepEqual(bench.server.takeSeen(), ['GetPublicKey', 'Sign']);
    const pub = sandbox.path('classical.pub');
    assert.equal((await kms(['keys', 'public', 'alias/classical', '--output-file', pub])).code, 0);
    assert.equal((await mlsign(['verify', path, '--trust-key', pub])).code, 0);
    const byArn = await kms(['verify', path, '--trust-kms', arns['alias/classical'] ?? '', '--json']);
    assert.equal(byArn.code, 0, byArn.stdout);
    assertValid('verification', JSON.parse(byArn.stdout));
  });

  it('marks a signature that few other verifiers know', async () => {
    const small = sandbox.write(`m${serial++}`, { a: 'a' });
    for (const [path, alias, marked] of [
      [model(), 'alias/edwards', true],
      [small, 'alias/edwards', false],
      [model(), 'alias/classical', false],
    ] as const) {
      const text = await kms(['sign', path, '--kms', alias]);
      assert.equal(text.code, 0, text.stderr);
      assert.equal(/^note {7}Ed25519ph over SHA-512: few verifiers but mlsign know this form$/m.test(text.stdout), marked, text.stdout);
      const json = await kms(['sign', path, '--kms', alias, '--force', '--json']);
      const document = JSON.parse(json.stdout);
      assertValid('sign', document);
      assert.equal(document.signatures[0].signer.prehashed, marked);
    }
  });

  it('needs kms:Sign alone where the public key is pinned', async () => {
    bench.addPrincipal('signer-only', ['kms:Sign']);
    const pub = sandbox.path('pinned.pub');
    assert.equal((await kms(['keys', 'public', 'alias/classical', '--output-file', pub])).code, 0);
    const path = model();
    const env = { AWS_PROFILE: 'signer-only' };
    const without = await kms(['sign', path, '--kms', arns['alias/classical'] ?? ''], env);
    assert.equal(without.code, 3);
    assert.match(without.stderr, /kms:GetPublicKey/);
    assert.equal(existsSync(`${path}/model.sig`), false);
    bench.server.takeSeen();
    const pinned = await kms(['sign', path, '--kms', arns['alias/classical'] ?? '', '--public-key', pub], env);
    assert.equal(pinned.code, 0, pinned.stderr);
    assert.deepEqual(bench.server.takeSeen(), ['Sign']);
    const uneven = await kms(['sign', path, '--kms', 'alias/a', '--kms', 'alias/b', '--public-key', pub]);
    assert.equal(uneven.code, 2);
    assert.match(uneven.stderr, /\[public-key-count\]/);
  });

  it('makes one bundle a signer, and a policy may ask for all of them', async () => {
    const path = model();
    const signed = await kms(['sign', path, '--kms', 'alias/classical', '--kms', 'alias/quantum']);
    assert.equal(signed.code, 0, signed.stderr);
    const further = readdirSync(`${path}.mlsign`);
    assert.equal(further.length, 1);
    const policy = sandbox.path('hybrid.yaml');
    const principals = `  classical: { kms: "${arns['alias/classical']}" }\n  quantum: { kms: "${arns['alias/quantum']}" }\n`;
    writeFileSync(policy, `version: 1\nprincipals:\n${principals}rules:\n  - { model: "**", signed-by: "2 of [classical, quantum]" }\n`);
    assert.equal((await kms(['verify', path, '--policy', policy])).code, 0);
    const stripped = await kms(['verify', path, '--policy', policy, '--signature', `${path}/model.sig`, '--json']);
    assert.equal(stripped.code, 1, 'the post-quantum signature is gone');
    assert.ok(JSON.parse(stripped.stdout).findings.some(({ code }: { code: string }) => code === 'signer-missing'));
    const offline = await mlsign(['verify', path, '--policy', policy, '--offline']);
    assert.equal(offline.code, 2, offline.stderr);
  });

  it('asks nobody to sign where a further signature is there already', async () => {
    const path = model();
    const twice = ['sign', path, '--kms', 'alias/classical', '--kms', 'alias/quantum'];
    assert.equal((await kms(twice)).code, 0);
    rmSync(`${path}/model.sig`);
    bench.server.takeSeen();
    const again = await kms(twice);
    assert.equal(again.code, 1);
    assert.match(again.stderr, /the further signature already exists.*\[file-exists\]/s);
    assert.ok(!bench.server.takeSeen().includes('Sign'));
    assert.equal(existsSync(`${path}/model.sig`), false);
  });

  it('writes nothing when one of several signers fails', async () => {
    const path = model();
    const run = await kms(['sign', path, '--kms', 'alias/classical', '--kms', 'alias/no-such-key']);
    assert.notEqual(run.code, 0);
    assert.equal(existsSync(`${path}/model.sig`), false);
    assert.equal(existsSync(`${path}.mlsign`), false);
  });

  it('trusts no alias, and no endpoint that only the environment names', async () => {
    const path = model();
    assert.equal((await kms(['sign', path, '--kms', 'alias/classical'])).code, 0);
    const alias = await kms(['verify', path, '--trust-kms', 'alias/classical']);
    assert.equal(alias.code, 2);
    assert.match(alias.stderr, /\[kms-arn-needed\]/);
    const env = { ...bench.environment(), AWS_ENDPOINT_URL_KMS: bench.server.endpoint };
    const hostile = await mlsign(['verify', path, '--trust-kms', arns['alias/classical'] ?? ''], { env });
    assert.equal(hostile.code, 2);
    assert.match(hostile.stderr, /\[kms-endpoint-configured\]/);
  });
});
