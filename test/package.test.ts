import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { mkdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Sandbox } from './helpers/sandbox.ts';

const root = join(import.meta.dirname, '..');
const run = promisify(execFile);

/** Runs npm: the one that runs us, or the one on the PATH. */
function npm(cwd: string, ...args: readonly string[]): Promise<{ readonly stdout: string }> {
  const cli = process.env.npm_execpath;
  if (cli !== undefined) return run(process.execPath, [cli, ...args], { cwd });
  return run('npm', [...args], { cwd, shell: process.platform === 'win32' });
}

describe('the package, packed and installed', function () {
  this.timeout(60_000);
  const sandbox = new Sandbox();
  const folder = sandbox.path('project');
  const installed = join(folder, 'node_modules/mlsign');
  let packed: readonly string[] = [];

  before(async () => {
    // The scripts of npm test have built dist.
    const { stdout } = await npm(root, 'pack', '--json', '--ignore-scripts', '--pack-destination', sandbox.root);
    const [{ filename, files }] = JSON.parse(stdout);
    packed = files.map((file: { path: string }) => file.path);
    sandbox.write('project', { 'package.json': '{ "private": true, "type": "module" }' });
    // Nothing to fetch: what mlsign needs is in its bundle.
    await npm(folder, 'install', '--offline', '--ignore-scripts', '--no-audit', '--no-fund', sandbox.path(filename));
  });
  after(() => sandbox.remove());

  const mlsign = (...args: readonly string[]) => run(process.execPath, [join(installed, 'bin/run.js'), ...args], { cwd: folder });

  it('holds what runs and what explains it, and nothing else', () => {
    const tops = [...new Set(packed.map((path) => path.split('/')[0]))].sort();
    assert.deepEqual(tops, ['CHANGELOG.md', 'LICENSE', 'README.md', 'bin', 'dist', 'oclif.manifest.json', 'package.json', 'schemas']);
    for (const path of ['dist/index.js', 'dist/main.js', 'dist/worker.js', 'dist/commands/verify.js', 'dist/types/index.d.ts']) {
      assert.ok(packed.includes(path), path);
    }
  });

  it('names the licence of each package whose code it contains', async () => {
    const notices = await readFile(join(installed, 'dist/THIRD-PARTY-NOTICES.txt'), 'utf8');
    for (const name of ['@oclif/core', '@oclif/plugin-autocomplete', '@inquirer/password', 'hash-wasm', 'pkijs', 'asn1js', 'yaml']) {
      const section = new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ \\(.+\\)\\n\\n([\\s\\S]*?)(?:={80}|$(?![\\s\\S]))`, 'm').exec(notices);
      assert.match(section?.[1] ?? '', /copyright/i, name);
    }
  });

  it('links the command', async () => {
    const shim = join(folder, 'node_modules/.bin', process.platform === 'win32' ? 'mlsign.cmd' : 'mlsign');
    const { stdout } = await run(shim, ['--version'], { shell: process.platform === 'win32', env: { ...process.env } });
    assert.match(stdout, /^mlsign\/\d+\.\d+\.\d+ /);
  });

  it('hashes a large file on worker threads, with both engines', async () => {
    const size = 80 * 2 ** 20;
    await writeFile(join(folder, 'large.bin'), 'weights');
    await truncate(join(folder, 'large.bin'), size);
    const hash = createHash('sha256');
    await once(
      createReadStream(join(folder, 'large.bin')).on('data', (chunk) => hash.update(chunk)),
      'end',
    );
    const digest = hash.digest('hex');
    for (const engine of ['native', 'wasm']) {
      const { stdout } = await mlsign('hash', 'large.bin', '--json', '--workers', '2', '--engine', engine);
      assert.deepEqual(JSON.parse(stdout).resources, [{ name: 'large.bin', digest }], engine);
    }
  });

  it('signs and verifies, with a key and with a certificate authority', async () => {
    await mkdir(join(folder, 'model'));
    await writeFile(join(folder, 'model/weights.bin'), 'weights');
    await mlsign('keygen', 'release.key');
    await mlsign('sign', 'model', '--key', 'release.key');
    const { stdout } = await mlsign('verify', 'model', '--trust-key', 'release.key.pub', '--json');
    assert.equal(JSON.parse(stdout).verdict, 'verified');
    const policy = 'version: 1\nprincipals:\n  release: {}\n';
    await writeFile(join(folder, 'policy.yaml'), policy);
    const refused: unknown = await mlsign('verify', 'model', '--policy', 'policy.yaml', '--json').catch((error: unknown) => error);
    assert.ok(typeof refused === 'object' && refused !== null && 'code' in refused && 'stdout' in refused);
    assert.equal(refused.code, 2);
    assert.equal(JSON.parse(String(refused.stdout)).code, 'policy-invalid');
  });

  it('is a library that hashes on worker threads', async () => {
    const program = `import { hashModel, MlsignError } from 'mlsign';
const { modelId } = await hashModel('large.bin', { workers: 2 });
const error = await hashModel('nowhere').catch((error) => error);
console.log(JSON.stringify({ modelId, ours: error instanceof MlsignError, code: error.code }));`;
    await writeFile(join(folder, 'program.js'), program);
    const [{ stdout }, cli] = await Promise.all([
      run(process.execPath, ['program.js'], { cwd: folder }),
      mlsign('hash', 'large.bin', '--quiet'),
    ]);
    assert.deepEqual(JSON.parse(stdout), { modelId: cli.stdout.trim(), ours: true, code: 'file-not-found' });
  });

  it('signs with KMS and Sigstore as a library, whose SDKs are loaded when they are used', async () => {
    const program = `import { registerHooks } from 'node:module';
import { readFileSync } from 'node:fs';
const packages = new Set();
registerHooks({
  load(url, context, next) {
    if (url.startsWith('file:')) {
      for (const [, name] of readFileSync(new URL(url), 'utf8').matchAll(/^\\/\\/ node_modules\\/((?:@[^/]+\\/)?[^/]+)\\//gm)) packages.add(name);
    }
    return next(url, context);
  },
});
const { KmsClient, KmsTrust, SIGSTORE_INSTANCES, ambientToken, chooseServices, instanceTrustedRoot, kmsSigner, parseKmsKey, readTrustedRoot,
  rekorWitness, sigstoreSigner, timestampWitness } = await import('mlsign');
const atStart = [...packages];
const client = new KmsClient({ region: 'eu-central-1', endpoint: 'http://127.0.0.1:9', retries: { attempts: 1 } });
new KmsTrust(() => client);
const error = await kmsSigner({ key: parseKmsKey('alias/models'), client }).catch((error) => error);
await client.close();
const { logs } = chooseServices(SIGSTORE_INSTANCES['public-good'], new Date(), 'sigstore');
const witnesses = [rekorWitness({ fetch, ...logs[0] }), timestampWitness({ fetch, url: 'https://tsa.example.com' })].map(({ name }) => name);
const token = await ambientToken({ fetch, env: {}, productName: async () => '' });
const offline = await instanceTrustedRoot({ instance: 'public-good', offline: true, cacheDirectory: '', now: new Date() });
const kinds = [readTrustedRoot, sigstoreSigner].map((each) => typeof each);
console.log(JSON.stringify({ atStart, later: [...packages], code: error.code, witnesses: witnesses.length, token: token ?? null, kinds,
  offline: offline.description }));`;
    await writeFile(join(folder, 'cloud.js'), program);
    const env = { ...process.env, AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };
    const { stdout } = await run(process.execPath, ['cloud.js'], { cwd: folder, env });
    const { atStart, later, code, witnesses, token, kinds, offline } = JSON.parse(stdout);
    const sdks = (names: readonly string[]) => names.filter((name) => /^(@aws-sdk|@smithy|@sigstore|tuf-js|pkijs|yaml)(\/|$)/.test(name));
    assert.deepEqual(sdks(atStart), []);
    assert.ok(later.includes('@aws-sdk/client-kms'), later.join(' '));
    assert.match(code, /^(kms|aws)-/);
    assert.deepEqual([witnesses, token, kinds], [2, null, ['function', 'function']]);
    assert.match(offline, /^trusted root of Sigstore's public-good instance, as shipped/);
  });

  it('has types that stand alone', async () => {
    const program = `import { KmsClient, KmsTrust, type Signer, type Witness, kmsSigner, parseKmsKey, timestampWitness } from 'mlsign';
import { instanceTrustedRoot, sigstoreSigner, type TrustedRootSource } from 'mlsign';
const client = new KmsClient({ region: 'eu-central-1' });
const signer: Signer = await kmsSigner({ key: parseKmsKey('alias/models'), client });
const witness: Witness = timestampWitness({ fetch, url: 'https://tsa.example.com' });
const root = (): Promise<TrustedRootSource> =>
  instanceTrustedRoot({ instance: 'public-good', offline: true, cacheDirectory: '', now: new Date() });
export { KmsTrust, root, signer, sigstoreSigner, witness };
import { type Finding, hashModel, loadPolicy, MlsignError, verifyModel } from 'mlsign';
const { modelId }: { modelId: string } = await hashModel('large.bin', { algorithm: 'blake3', signal: new AbortController().signal });
const { verdict, findings } = await verifyModel('model', { policy: await loadPolicy('policy.yaml') });
const rejected: readonly Finding[] = verdict === 'rejected' ? findings : [];
type Algorithm = NonNullable<Parameters<typeof hashModel>[1]>['algorithm'];
const isMd5Known: 'md5' extends Algorithm ? true : false = false;
export { isMd5Known, MlsignError, modelId, rejected };`;
    await writeFile(join(folder, 'program.ts'), program);
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    const options = ['--strict', '--noEmit', '--skipLibCheck', 'false', '--module', 'nodenext', '--target', 'es2024', '--types', 'node'];
    const types = ['--typeRoots', join(root, 'node_modules/@types')];
    await run(process.execPath, [tsc, ...options, ...types, 'program.ts'], { cwd: folder });
  });
});
