import assert from 'node:assert/strict';
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sha256Hex } from '../../src/core/index.ts';
import { type CliOptions, type CliRun, mlsign } from '../helpers/cli.ts';
import { Sandbox } from '../helpers/sandbox.ts';
import { assertValid } from '../helpers/schemas.ts';
import { keyPath, signingAs, TRAINER } from '../helpers/stored-models.ts';

interface AttestJson {
  readonly model_id: string;
  readonly predicate_type: string;
  readonly provenance?: {
    readonly relation?: string;
    readonly builder: string;
    readonly invocation?: string;
    readonly parameters: Readonly<Record<string, string>>;
    readonly metrics: Readonly<Record<string, number>>;
    readonly materials: readonly {
      readonly role: string;
      readonly name?: string;
      readonly uri?: string;
      readonly digests: Readonly<Record<string, string>>;
    }[];
  };
  readonly attestations: readonly { readonly path: string; readonly sha256: string }[];
  readonly checks: readonly { readonly name: string; readonly detail: string }[];
  readonly findings: readonly { readonly code: string; readonly severity: string; readonly subject: string }[];
}

const KEY = signingAs(TRAINER);
const TRUSTED = ['--key', keyPath(`${TRAINER}.pub`)];
const COMMIT = 'a'.repeat(40);
const DIGEST = 'b'.repeat(64);

function statementOf(path: string) {
  return JSON.parse(Buffer.from(JSON.parse(readFileSync(path, 'utf8')).dsseEnvelope.payload, 'base64').toString('utf8'));
}

describe('mlsign attest', () => {
  const sandbox = new Sandbox();
  let serial = 0;
  after(() => sandbox.remove());

  async function signed(files: Readonly<Record<string, string>>, name = 'model', ...flags: readonly string[]): Promise<string> {
    const path = sandbox.write(`${++serial}/${name}`, files);
    const run = await mlsign(['sign', path, ...KEY, ...flags]);
    assert.equal(run.code, 0, run.stderr);
    return path;
  }

  async function attest(model: string, flags: readonly string[], options?: CliOptions): Promise<AttestJson> {
    const run = await mlsign(['attest', model, ...KEY, ...flags, '--json'], options);
    assert.equal(run.code, 0, run.stderr);
    const document = JSON.parse(run.stdout);
    assertValid('attest', document);
    return document;
  }

  async function refused(code: number, error: string, model: string, ...flags: readonly string[]): Promise<CliRun> {
    const run = await mlsign(['attest', model, ...KEY, ...flags]);
    assert.equal(run.code, code, run.stdout + run.stderr);
    assert.match(run.stderr, new RegExp(`\\[${error}\\]`), flags.join(' '));
    assert.ok(!existsSync(`${model}.mlsign`), 'nothing is left behind');
    return run;
  }

  function attestations(model: string): readonly string[] {
    return existsSync(`${model}.mlsign`) ? readdirSync(`${model}.mlsign`) : [];
  }

  it('signs what a model was made from, and leaves the model as any verifier wants it', async () => {
    const base = await signed({ 'w.bin': 'base' }, 'llama');
    const data = sandbox.write(`${++serial}`, { 'data.jsonl': '{}' });
    const model = await signed({ 'w.bin': 'tuned' });
    const attested = await attest(model, [
      ...['--base', base, '--relation', 'finetune', '--dataset', join(data, 'data.jsonl')],
      ...['--code', `git+https://example.com/a/b@${COMMIT}`, '--container', `ghcr.io/a/b@sha256:${DIGEST}`],
      ...['--param', 'lr=0.1', '--param', 'note=a=b', '--metric', 'accuracy=0.93'],
      ...['--builder', 'https://ci.example/gpu', '--invocation', 'run 7'],
    ]);
    const [attestation] = attested.attestations;
    assert.ok(attestation);
    assert.equal(attestation.path, join(`${model}.mlsign`, `${attestation.sha256.slice(0, 16)}.att`));
    assert.equal(sha256Hex(readFileSync(attestation.path)), attestation.sha256);
    const statement = statementOf(attestation.path);
    assertValid('provenance', statement);
    assert.equal(statement.subject[0].digest.mlsignModel, attested.model_id);
    assert.deepEqual(
      attested.provenance?.materials.map(({ role, name, uri, digests }) => [role, name ?? uri, Object.keys(digests)]),
      [
        ['base-model', 'llama', ['mlsignModel']],
        ['dataset', 'data.jsonl', ['mlsignModel', 'sha256']],
        ['code', 'git+https://example.com/a/b', ['gitCommit']],
        ['container', 'oci://ghcr.io/a/b', ['sha256']],
      ],
    );
    assert.deepEqual(attested.provenance?.parameters, { lr: '0.1', note: 'a=b' });
    assert.deepEqual(attested.provenance?.metrics, { accuracy: 0.93 });
    assert.ok(!JSON.stringify(statement).includes(sandbox.root), 'no path of this machine');
    assert.deepEqual(readdirSync(model).sort(), ['model.sig', 'w.bin']);
    const verified = await mlsign(['verify', model, ...TRUSTED]);
    assert.equal(verified.code, 0, verified.stdout);
  });

  it('says so in words', async () => {
    const model = await signed({ 'w.bin': 'x' });
    const run = await mlsign(['attest', model, ...KEY, '--code', `git+https://example.com/a/b@${COMMIT}`, '--relation', 'distilled']);
    assert.match(
      run.stdout,
      /^attested {3}model {2}1 file, 1 B\nmodel id {3}[0-9a-f]{64}\nrelation {3}distilled\ncode {7}git\+https:\/\/example\.com\/a\/b {2}gitCommit aaaaaaaaaaaa…\nbuilder {4}https:\/\/mlsign\/builders\/local\nsigner .*\nstatement {2}.*\.mlsign\/[0-9a-f]{16}\.att\n$/,
    );
    assert.equal((await mlsign(['attest', model, ...KEY, '--param', 'a=b', '--quiet'])).stdout, '');
  });

  it('binds a signed base to the id that its signature gives, in the way that it was hashed, without reading it', async () => {
    const base = await signed({ 'w.bin': 'base' }, 'llama', '--algorithm', 'blake3', '--shard-size', '64KiB');
    const id = JSON.parse((await mlsign(['inspect', base, '--json'])).stdout).signatures[0].manifest.model_id;
    appendFileSync(join(base, 'w.bin'), 'changed');
    const { provenance, checks } = await attest(await signed({ 'w.bin': 'x' }), ['--base', base]);
    assert.deepEqual(provenance?.materials[0]?.digests, { mlsignModel: id });
    const check = checks.find(({ name }) => name === 'material');
    assert.match(check?.detail ?? '', /llama: model id .*, by model\.sig, whose signer was not looked at; its bytes were not read$/);
  });

  it('knows an adapter among what a merge was made from', async () => {
    const adapter = await signed({ 'adapter_config.json': '{}', 'a.safetensors': 'x' }, 'lora');
    const base = await signed({ 'w.bin': 'b' }, 'llama');
    const { provenance } = await attest(await signed({ 'w.bin': 'm' }), ['--base', base, '--base', adapter, '--relation', 'merge']);
    assert.deepEqual(
      provenance?.materials.map(({ role, name }) => [role, name]),
      [
        ['base-model', 'llama'],
        ['adapter', 'lora'],
      ],
    );
  });

  it('attests a model that nobody signed by its bytes, and says so', async () => {
    const model = sandbox.write(`${++serial}/model`, { 'w.bin': 'x' });
    const { model_id, findings } = await attest(model, ['--param', 'a=b']);
    assert.equal(model_id, JSON.parse((await mlsign(['hash', model, '--json'])).stdout).model_id);
    assert.deepEqual(
      findings.map(({ code, severity }) => [code, severity]),
      [['model-unsigned', 'warning']],
    );
  });

  it('attests a single file beside it, and a second time beside the first', async () => {
    const folder = sandbox.write(`${++serial}`, { 'model.gguf': 'x' });
    const file = join(folder, 'model.gguf');
    assert.equal((await mlsign(['sign', file, ...KEY])).code, 0);
    await attest(file, ['--param', 'a=b']);
    await attest(file, ['--param', 'a=c']);
    assert.deepEqual(readdirSync(folder).sort(), ['model.gguf', 'model.gguf.mlsign', 'model.gguf.sig']);
    assert.equal(attestations(file).length, 2);
    assert.equal((await mlsign(['verify', file, ...TRUSTED])).code, 0);
  });

  it('attests only what is there: a changed, missing or added file is refused', async () => {
    const changes: readonly ((model: string) => void)[] = [
      (model) => writeFileSync(join(model, 'w.bin'), 'y'),
      (model) => rmSync(join(model, 'w.bin')),
      (model) => writeFileSync(join(model, 'more.py'), 'evil'),
    ];
    for (const change of changes) {
      const model = await signed({ 'w.bin': 'x', 'c.json': '{}' });
      change(model);
      const run = await refused(1, 'model-differs', model, '--param', 'a=b');
      assert.match(run.stderr, /only what is there can be attested/);
    }
  });

  it('follows links only where the signer and the user want it', async () => {
    const model = sandbox.write(`${++serial}/model`, { 'a.bin': 'x' });
    symlinkSync('a.bin', join(model, 'b.bin'));
    assert.equal((await mlsign(['sign', model, ...KEY, '--allow-symlinks'])).code, 0);
    await refused(1, 'model-differs', model, '--param', 'a=b');
    await attest(model, ['--param', 'a=b', '--allow-symlinks']);
  });

  it('refuses a model as its own base, also where it is named by its id', async () => {
    const model = await signed({ 'w.bin': 'x' });
    const id = JSON.parse((await mlsign(['inspect', model, '--json'])).stdout).signatures[0].manifest.model_id;
    await refused(2, 'material-is-model', model, '--base', model);
    await refused(2, 'material-is-model', model, '--base', `hf://a/b=mlsignModel:${id}`);
  });

  it('refuses secrets, and never repeats them', async () => {
    const model = await signed({ 'w.bin': 'x' });
    for (const [code, ...flags] of [
      ['secret-in-url', '--code', `git+https://me:s3cr3t@example.com/a@${COMMIT}`],
      ['secret-in-url', '--dataset', `https://b.example/d?X-Amz-Signature=s3cr3t=sha256:${DIGEST}`],
      ['secret-in-url', '--dataset', 'https://me:s3cr3t@example.com/d'],
      ['secret-in-url', '--builder', 'https://me:s3cr3t@example.com/b', '--param', 'a=b'],
      ['secret-in-url', '--invocation', 'https://me:s3cr3t@example.com/b', '--param', 'a=b'],
      ['secret-in-parameter', '--param', 'db_password=s3cr3t'],
    ] as const) {
      const run = await refused(2, code, model, ...flags);
      assert.doesNotMatch(run.stdout + run.stderr, /s3cr3t/, flags.join(' '));
    }
  });

  it('refuses with exit code 2 what is not bound or means nothing', async () => {
    const model = await signed({ 'w.bin': 'x' });
    const predicate = join(sandbox.write(`${++serial}`, { 'p.json': '{}' }), 'p.json');
    for (const [code, ...flags] of [
      ['attestation-empty'],
      ['attestation-empty', '--relation', 'merge'],
      ['code-malformed', '--code', 'git+https://example.com/a@main'],
      ['container-malformed', '--container', 'train:latest'],
      ['material-unbound', '--dataset', 'https://example.com/data.csv'],
      ['location-malformed', '--base', 's3://models'],
      ['param-malformed', '--param', 'lr'],
      ['metric-malformed', '--metric', 'accuracy=good'],
      ['builder-malformed', '--builder', 'me', '--param', 'a=b'],
      ['environment-unknown', '--from-env'],
      ['flag-without-use', '--param', 'a=b', '--trust-key', keyPath(`${TRAINER}.pub`)],
      ['predicate-type-invalid', '--predicate', predicate, '--type', 'scan'],
      ['predicate-type-reserved', '--predicate', predicate, '--type', 'https://mlsign/release/v1'],
      ['predicate-type-reserved', '--predicate', predicate, '--type', 'https://model_signing/signature/v1.0'],
    ] as const) {
      await refused(2, code, model, ...flags);
    }
    assert.equal((await mlsign(['attest', model, ...KEY, '--predicate', predicate])).code, 2);
    assert.equal(
      (await mlsign(['attest', model, ...KEY, '--predicate', predicate, '--type', 'https://x.example/v1', '--base', model])).code,
      2,
    );
    await refused(3, 'file-not-found', model, '--base', sandbox.path('nowhere'));
  });

  it('signs any other statement, as it stands', async () => {
    const model = await signed({ 'w.bin': 'x' });
    const folder = sandbox.write(`${++serial}`, {
      'scan.json': '{ "score": 12345678901234567890 }',
      'list.json': '[]',
      'twice.json': '{"a":1,"a":2}',
    });
    const type = 'https://example.com/scan/v1';
    const { attestations: written, predicate_type } = await attest(model, ['--predicate', join(folder, 'scan.json'), '--type', type]);
    assert.equal(predicate_type, type);
    const payload = Buffer.from(JSON.parse(readFileSync(written[0]?.path ?? '', 'utf8')).dsseEnvelope.payload, 'base64').toString();
    assert.ok(payload.endsWith('"predicate":{ "score": 12345678901234567890 }}'));
    const other = await signed({ 'w.bin': 'y' });
    await refused(1, 'predicate-malformed', other, '--predicate', join(folder, 'list.json'), '--type', type);
    await refused(1, 'json-duplicate-key', other, '--predicate', join(folder, 'twice.json'), '--type', type);
    const provenance = ['--predicate', join(folder, 'scan.json'), '--type', 'https://slsa.dev/provenance/v1'];
    await refused(1, 'provenance-malformed', other, ...provenance);
  });

  it('takes code, builder and invocation from the CI job; what is given goes before it', async () => {
    const model = await signed({ 'w.bin': 'x' });
    const env = {
      GITHUB_ACTIONS: 'true',
      GITHUB_SERVER_URL: 'https://github.com',
      GITHUB_REPOSITORY: 'acme/models',
      GITHUB_SHA: COMMIT,
      GITHUB_WORKFLOW_REF: 'acme/models/.github/workflows/train.yml@refs/heads/main',
      GITHUB_RUN_ID: '17',
      GITHUB_RUN_ATTEMPT: '1',
    };
    const plain = await attest(model, ['--from-env'], { env });
    assert.equal(plain.provenance?.builder, 'https://github.com/acme/models/.github/workflows/train.yml@refs/heads/main');
    assert.deepEqual(
      plain.provenance?.materials.map(({ role, uri }) => [role, uri]),
      [['code', 'git+https://github.com/acme/models']],
    );
    const other = await attest(model, ['--from-env', '--builder', 'https://ci.example/gpu'], { env });
    assert.equal(other.provenance?.builder, 'https://ci.example/gpu');
    assert.deepEqual(
      other.findings.map(({ code, subject }) => [code, subject]),
      [['builder-differs', 'GitHub Actions']],
    );
  });

  it('takes data and parameters from DVC, and says that MD5 proves nothing', async () => {
    const model = await signed({ 'w.bin': 'x' });
    const folder = sandbox.write(`${++serial}`, { 'data.dvc': `outs:\n- {md5: ${'c'.repeat(32)}, path: data.csv}\n` });
    const { provenance, findings } = await attest(model, ['--from-dvc', join(folder, 'data.dvc')]);
    assert.deepEqual(provenance?.materials, [{ role: 'dataset', name: 'data.csv', digests: { md5: 'c'.repeat(32) } }]);
    assert.deepEqual(
      findings.map(({ code, severity, subject }) => [code, severity, subject]),
      [['digest-weak', 'warning', 'data.csv']],
    );
  });

  it('takes a run of MLflow', async () => {
    const model = await signed({ 'w.bin': 'x' });
    const folder = sandbox.write(`${++serial}/run`, {
      'meta.yaml': 'run_id: abc\nstart_time: 1772366400000\n',
      'params/lr': '0.1',
      'metrics/acc': '1 0.5 0\n',
    });
    const { provenance } = await attest(model, ['--from-mlflow', folder, '--param', 'lr=0.1']);
    assert.deepEqual([provenance?.parameters, provenance?.metrics, provenance?.invocation], [{ lr: '0.1' }, { acc: 0.5 }, 'abc']);
  });

  it('compares with what the model says of itself', async () => {
    const model = await signed({ 'adapter_config.json': '{"base_model_name_or_path":"acme/Llama"}', 'a.safetensors': 'x' });
    const base = await signed({ 'w.bin': 'base' }, 'mistral');
    const { findings } = await attest(model, ['--base', base, '--relation', 'adapter']);
    assert.deepEqual(
      findings.map(({ code, severity }) => [code, severity]),
      [['base-differs', 'warning']],
    );
    rmSync(`${model}.mlsign`, { recursive: true });
    await refused(2, 'relation-contradicted', model, '--base', base, '--relation', 'quantized');
  });

  it('says at once where it may not write', async () => {
    const model = await signed({ 'w.bin': 'x' });
    writeFileSync(`${model}.mlsign`, 'in the way');
    const run = await mlsign(['attest', model, ...KEY, '--param', 'a=b']);
    assert.equal(run.code, 3);
    assert.match(run.stderr, /cannot make the directory of attestations/);
  });

  it('escapes names that could move the cursor', async () => {
    const model = await signed({ 'w.bin': 'x' });
    const data = sandbox.path(`${++serial}`, 'd\u202eata');
    mkdirSync(data, { recursive: true });
    writeFileSync(join(data, 'a'), 'a');
    const run = await mlsign(['attest', model, ...KEY, '--dataset', data, '--param', 'a=b']);
    assert.equal(run.code, 0, run.stderr);
    assert.doesNotMatch(run.stdout + run.stderr, /\u202e/);
    assert.match(run.stdout, /d\\u202eata/);
  });

  it('shows the attestations of a model, and what is in one', async () => {
    const model = await signed({ 'w.bin': 'x' });
    const { attestations: written } = await attest(model, ['--param', 'a=b']);
    const text = await mlsign(['inspect', model]);
    assert.match(text.stdout, /1 attestation\n {2}.*\.att {2}https:\/\/slsa\.dev\/provenance\/v1\n/);
    const document = JSON.parse((await mlsign(['inspect', model, '--json'])).stdout);
    assertValid('inspect', document);
    assert.deepEqual(
      document.attestations.map(({ path, predicate_type: type }: { path: string; predicate_type: string }) => [path, type]),
      [[written[0]?.path, 'https://slsa.dev/provenance/v1']],
    );
    const alone = await mlsign(['inspect', written[0]?.path ?? '']);
    assert.match(alone.stdout, /about +model/);
    writeFileSync(join(`${model}.mlsign`, 'bad.att'), '{}');
    const broken = await mlsign(['inspect', model]);
    assert.equal(broken.code, 0);
    assert.match(broken.stdout, /bundle-malformed/);
    assert.equal((await mlsign(['verify', model, ...TRUSTED])).code, 0);
  });
});
