import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { type CliRun, mlsign } from '../helpers/cli.ts';
import { Sandbox } from '../helpers/sandbox.ts';
import { assertValid } from '../helpers/schemas.ts';

interface VerificationJson {
  readonly verdict: string;
  readonly model_id?: string;
  readonly read?: { readonly files: number };
  readonly signatures: readonly { readonly path: string; readonly trusted: boolean; readonly principals?: readonly string[] }[];
  readonly unsigned: { readonly ignored: readonly string[]; readonly empty: readonly string[]; readonly extra: readonly string[] };
  readonly checks: readonly { readonly name: string; readonly status: string; readonly detail: string }[];
  readonly findings: readonly { readonly code: string; readonly subject: string; readonly severity: string; readonly message: string }[];
}

function parse(run: CliRun): VerificationJson {
  const document = JSON.parse(run.stdout);
  assertValid('verification', document);
  return document;
}

function decisive({ findings }: VerificationJson): readonly string[] {
  return findings
    .filter(({ severity }) => severity === 'rejected' || severity === 'undetermined')
    .map(({ code, subject }) => `${code} ${subject}`)
    .toSorted();
}

describe('mlsign verify', () => {
  const sandbox = new Sandbox();
  const key = sandbox.path('a.key');
  const pub = sandbox.path('a.key.pub');
  const otherPub = sandbox.path('b.key.pub');
  let serial = 0;

  before(async () => {
    for (const name of ['a.key', 'b.key']) assert.equal((await mlsign(['keygen', sandbox.path(name)])).code, 0);
    sandbox.write('model', {
      'config.json': '{"model_type":"test"}',
      'weights/a.bin': Buffer.alloc(5000, 1),
      'weights/b.bin': Buffer.alloc(70_000, 2),
      'notes é 😀.txt': 'unicode',
      '.hidden': 'signed too',
    });
    assert.equal((await mlsign(['sign', sandbox.path('model'), '--key', key])).code, 0);
    sandbox.copy('model', 'shards');
    rmSync(sandbox.path('shards', 'model.sig'));
    assert.equal((await mlsign(['sign', sandbox.path('shards'), '--key', key, '--shard-size', '16KiB'])).code, 0);
  });
  after(() => sandbox.remove());

  /** A copy of the signed model, changed. */
  function changed(change: (path: (...parts: string[]) => string) => void, from = 'model'): string {
    const name = `copy-${serial++}`;
    const directory = sandbox.copy(from, name);
    change((...parts) => sandbox.path(name, ...parts));
    return directory;
  }

  async function verifyJson(model: string, ...flags: readonly string[]): Promise<{ run: CliRun; result: VerificationJson }> {
    const run = await mlsign(['verify', model, '--key', pub, '--json', ...flags]);
    return { run, result: parse(run) };
  }

  it('verifies what was signed and says what was checked', async () => {
    const { run, result } = await verifyJson(sandbox.path('model'));
    assert.equal(run.code, 0);
    assert.equal(result.verdict, 'verified');
    assert.equal(result.read?.files, 5);
    assert.deepEqual(
      result.checks.filter(({ status }) => status !== 'passed' && status !== 'not-applicable'),
      [],
    );
    assert.ok(result.checks.some(({ name, status }) => name === 'model-content' && status === 'passed'));
    const text = await mlsign(['verify', sandbox.path('model'), '--trust-key', pub]);
    assert.equal(text.code, 0);
    assert.match(text.stdout, /^verified {2}model {2}5 files, 75 kB\n/);
    assert.equal(text.stderr, '');
  });

  it('refuses to run without trust', async () => {
    const run = await mlsign(['verify', sandbox.path('model')]);
    assert.equal(run.code, 2);
    assert.match(run.stderr, /say whom you trust.*\[trust-missing\]/);
    assert.equal(run.stdout, '');
  });

  it('rejects a signer that is not trusted, before it reads a byte of the model', async () => {
    const run = await mlsign(['verify', sandbox.path('model'), '--key', otherPub, '--json']);
    const result = parse(run);
    assert.equal(run.code, 1);
    assert.equal(result.verdict, 'rejected');
    assert.ok(result.findings.some(({ code }) => code === 'signer-untrusted'));
    assert.equal(result.read, undefined);
    assert.deepEqual(result.checks.at(-1), {
      name: 'model-content',
      status: 'skipped',
      detail: 'no byte was read, because what comes before it did not pass',
    });
    assert.match(run.stderr, /^rejected: /);
  });

  it('reports everything that is wrong at once', async () => {
    const model = changed((path) => {
      const weights = readFileSync(path('weights', 'a.bin'));
      weights[100] = 9;
      writeFileSync(path('weights', 'a.bin'), weights);
      rmSync(path('config.json'));
      writeFileSync(path('extra.py'), 'print()');
      renameSync(path('.hidden'), path('.renamed'));
    });
    const { run, result } = await verifyJson(model);
    assert.equal(run.code, 1);
    assert.deepEqual(decisive(result), [
      'file-changed weights/a.bin',
      'file-extra extra.py',
      'file-misnamed .renamed',
      'file-missing config.json',
    ]);
    const text = await mlsign(['verify', model, '--key', pub]);
    assert.equal(text.code, 1);
    for (const name of ['weights/a.bin', 'config.json', 'extra.py', '.renamed']) assert.ok(text.stdout.includes(name), name);
  });

  it('tells truncated and grown files of a sharded model apart', async () => {
    const model = changed((path) => {
      truncateSync(path('weights', 'b.bin'), 69_999);
      appendFileSync(path('weights', 'a.bin'), 'x');
    }, 'shards');
    const { run, result } = await verifyJson(model);
    assert.equal(run.code, 1);
    assert.deepEqual(decisive(result), ['file-grown weights/a.bin', 'file-truncated weights/b.bin']);
  });

  it('rejects a symbolic link where a file was signed', async function () {
    if (process.platform === 'win32') this.skip();
    const model = changed((path) => {
      renameSync(path('config.json'), sandbox.path(`outside-${serial}.json`));
      symlinkSync(sandbox.path(`outside-${serial}.json`), path('config.json'));
    });
    const { run, result } = await verifyJson(model);
    assert.equal(run.code, 1);
    assert.deepEqual(decisive(result), ['file-symlinked config.json']);
  });

  it('follows links only where both the signer and the user allow it', async function () {
    if (process.platform === 'win32') this.skip();
    sandbox.write('linked', { 'real.bin': 'weights' });
    symlinkSync('real.bin', sandbox.path('linked', 'alias.bin'));
    assert.equal((await mlsign(['sign', sandbox.path('linked'), '--key', key])).code, 1);
    assert.equal((await mlsign(['sign', sandbox.path('linked'), '--key', key, '--allow-symlinks'])).code, 0);
    assert.equal((await mlsign(['verify', sandbox.path('linked'), '--key', pub])).code, 1);
    assert.equal((await mlsign(['verify', sandbox.path('linked'), '--key', pub, '--allow-symlinks'])).code, 0);
    const model = changed((path) => {
      renameSync(path('config.json'), path('.git'));
      symlinkSync('.git', path('config.json'));
    });
    assert.equal((await mlsign(['verify', model, '--key', pub, '--allow-symlinks'])).code, 1, 'the signer did not allow links');
  });

  it('lists ignored paths that exist as unsigned', async () => {
    const model = changed((path) => {
      mkdirSync(path('.git'));
      writeFileSync(path('.git', 'HEAD'), 'ref');
    });
    const { run, result } = await verifyJson(model);
    assert.equal(run.code, 0);
    assert.deepEqual(result.unsigned.ignored, ['.git']);
    assert.ok(result.checks.some(({ name, detail }) => name === 'unsigned-files' && detail.includes('.git')));
  });

  it('accepts unsigned files only when asked, and then counts them', async () => {
    const model = changed((path) => writeFileSync(path('extra.txt'), 'x'));
    assert.equal((await mlsign(['verify', model, '--key', pub])).code, 1);
    const { run, result } = await verifyJson(model, '--ignore-unsigned-files');
    assert.equal(run.code, 0);
    assert.deepEqual(result.unsigned.extra, ['extra.txt']);
    assert.equal((await mlsign(['verify', model, '--key', pub, '--ignore-paths', 'extra.txt'])).code, 0);
  });

  it('refuses to ignore what is signed', async () => {
    const run = await mlsign(['verify', sandbox.path('model'), '--key', pub, '--ignore-paths', 'weights']);
    assert.equal(run.code, 2);
    assert.match(run.stderr, /covers a file that is signed.*\[ignore-path-signed\]/s);
  });

  it('cannot determine anything without a signature', async () => {
    const model = changed((path) => rmSync(path('model.sig')));
    const { run, result } = await verifyJson(model);
    assert.equal(run.code, 3);
    assert.equal(result.verdict, 'undetermined');
    assert.deepEqual(decisive(result), [`signature-not-found ${sandbox.path(`copy-${serial - 1}`, 'model.sig')}`]);
  });

  it('asks for the model where its signature is named', async () => {
    const run = await mlsign(['verify', sandbox.path('model', 'model.sig'), '--key', pub]);
    assert.equal(run.code, 3);
    assert.match(run.stdout, /→ name what is signed, not its signature/);
  });

  it('rejects a malformed signature with its own code', async () => {
    const model = changed((path) => writeFileSync(path('model.sig'), '{"mediaType":'));
    const { run, result } = await verifyJson(model);
    assert.equal(run.code, 1);
    assert.match(decisive(result).join(), /^json-invalid |bundle-malformed /);
  });

  it('finds further signatures beside the model, and a spare one that is broken only warns', async () => {
    const model = changed(() => undefined);
    const name = `copy-${serial - 1}`;
    mkdirSync(sandbox.path(`${name}.mlsign`));
    const second = sandbox.path(`${name}.mlsign`, 'b.sig');
    assert.equal((await mlsign(['sign', model, '--key', sandbox.path('b.key'), '--signature', second])).code, 0);
    const { run, result } = await verifyJson(model);
    assert.equal(run.code, 0);
    assert.deepEqual(
      result.signatures.map(({ trusted }) => trusted),
      [true, false],
    );
    assert.equal((await mlsign(['verify', model, '--key', otherPub])).code, 0, 'signed by b beside the model');
    writeFileSync(second, '{}');
    assert.equal((await verifyJson(model)).run.code, 0);
    assert.equal((await mlsign(['verify', model, '--key', pub, '--signature', second])).code, 1, 'named, so it counts');
  });

  it('asks for two signers under a policy, and counts each once', async () => {
    const model = changed(() => undefined);
    const name = `copy-${serial - 1}`;
    const policy = sandbox.path('two.yaml');
    writeFileSync(
      policy,
      'version: 1\nprincipals:\n  alice: { key: a.key.pub }\n  bob: { key: b.key.pub }\nrules:\n  - { model: "**", signed-by: "2 of [alice, bob]" }\n',
    );
    const alone = await mlsign(['verify', model, '--policy', policy, '--json']);
    assert.equal(alone.code, 1);
    mkdirSync(sandbox.path(`${name}.mlsign`));
    assert.equal((await mlsign(['sign', model, '--key', key, '--signature', sandbox.path(`${name}.mlsign`, 'again.sig')])).code, 0);
    assert.equal((await mlsign(['verify', model, '--policy', policy])).code, 1, 'the same signer twice');
    assert.equal(
      (await mlsign(['sign', model, '--key', sandbox.path('b.key'), '--signature', sandbox.path(`${name}.mlsign`, 'b.sig')])).code,
      0,
    );
    const both = await mlsign(['verify', model, '--policy', policy, '--json']);
    assert.equal(both.code, 0, both.stdout);
    assert.deepEqual(
      parse(both).signatures.flatMap(({ principals = [] }) => principals),
      ['alice', 'alice', 'bob'],
    );
  });

  it('takes a path for unsigned only where every counted signer leaves it out, in whatever order they come', async () => {
    const policy = sandbox.path('both.yaml');
    writeFileSync(
      policy,
      'version: 1\nprincipals:\n  alice: { key: a.key.pub }\n  bob: { key: b.key.pub }\nrules:\n  - { model: "**", signed-by: [alice, bob] }\n',
    );
    const signedBy = async (alice: readonly string[], bob: readonly string[]): Promise<CliRun> => {
      const model = changed((path) => {
        rmSync(path('model.sig'));
        mkdirSync(`${path()}.mlsign`);
      });
      const ignoring = (paths: readonly string[]) => paths.flatMap((path) => ['--ignore-paths', path]);
      const second = `${model}.mlsign/b.sig`;
      assert.equal((await mlsign(['sign', model, '--key', key, ...ignoring(alice)])).code, 0);
      assert.equal((await mlsign(['sign', model, '--key', sandbox.path('b.key'), '--signature', second, ...ignoring(bob)])).code, 0);
      mkdirSync(`${model}/logs/old`, { recursive: true });
      writeFileSync(`${model}/logs/old/x.txt`, 'x');
      return mlsign(['verify', model, '--policy', policy, '--json']);
    };
    for (const [alice, bob] of [
      [['logs'], []],
      [[], ['logs']],
      [['logs'], ['logs/new']],
    ] as const) {
      const run = await signedBy(alice, bob);
      assert.equal(run.code, 1);
      assert.deepEqual(decisive(parse(run)), ['file-extra logs/old/x.txt']);
    }
    for (const [alice, bob] of [
      [['logs'], ['logs/old']],
      [['logs/old'], ['logs']],
    ] as const) {
      const run = await signedBy(alice, bob);
      assert.equal(run.code, 0, run.stdout);
      assert.deepEqual(parse(run).unsigned.ignored, ['logs/old']);
    }
  });

  it('rejects where one of the named bundles is bad, although another is good', async () => {
    const bad = sandbox.path('bad.sig');
    writeFileSync(bad, '{}');
    const model = sandbox.path('model');
    const { run, result } = await verifyJson(model, '--signature', `${model}/model.sig`, '--signature', bad);
    assert.equal(run.code, 1);
    assert.deepEqual(decisive(result), [`bundle-malformed ${bad}`]);
  });

  it("accepts only those of the signer's ignored paths that the policy names", async () => {
    const model = changed((path) => {
      rmSync(path('model.sig'));
      mkdirSync(path('logs'));
      writeFileSync(path('logs', 'x.txt'), 'x');
    });
    assert.equal((await mlsign(['sign', model, '--key', key, '--ignore-paths', 'logs'])).code, 0);
    const codes = ['signed', '[]', '[other]', '[logs]', '[logs/x.txt]'].map(async (accepted, i) => {
      const policy = sandbox.path(`holes-${i}.yaml`);
      const rule = `{ model: "**", signed-by: a, ignore-paths: ${accepted} }`;
      writeFileSync(policy, `version: 1\nprincipals: { a: { key: a.key.pub } }\nrules:\n  - ${rule}\n`);
      const run = await mlsign(['verify', model, '--policy', policy, '--json']);
      return [run.code, ...decisive(parse(run))];
    });
    const refused = [1, 'ignored-path-not-accepted logs'];
    assert.deepEqual(await Promise.all(codes), [[0], refused, refused, [0], refused]);
  });

  it('follows links only where every counted signer did', async function () {
    if (process.platform === 'win32') this.skip();
    const policy = sandbox.path('links.yaml');
    const rule = '{ model: "**", signed-by: [a, b], allow-symlinks: true }';
    const principals = '{ a: { key: a.key.pub }, b: { key: b.key.pub } }';
    writeFileSync(policy, `version: 1\nprincipals: ${principals}\nrules:\n  - ${rule}\n`);
    const model = changed((path) => rmSync(path('model.sig')));
    mkdirSync(`${model}.mlsign`);
    assert.equal((await mlsign(['sign', model, '--key', key, '--allow-symlinks'])).code, 0);
    const second = ['sign', model, '--key', sandbox.path('b.key'), '--signature', `${model}.mlsign/b.sig`];
    assert.equal((await mlsign(second)).code, 0);
    const outside = sandbox.path('elsewhere.json');
    renameSync(`${model}/config.json`, outside);
    symlinkSync(outside, `${model}/config.json`);
    const run = await mlsign(['verify', model, '--policy', policy, '--json']);
    assert.equal(run.code, 1);
    assert.deepEqual(decisive(parse(run)), ['file-symlinked config.json']);
    assert.equal((await mlsign([...second, '--force', '--allow-symlinks'])).code, 0);
    assert.equal((await mlsign(['verify', model, '--policy', policy])).code, 0);
  });

  it('refuses a policy inside the model, and flags that would widen a policy', async () => {
    const policy = sandbox.path('one.yaml');
    const content = 'version: 1\nprincipals:\n  alice: { key: ../a.key.pub }\nrules:\n  - { model: "**", signed-by: alice }\n';
    const model = changed((path) => writeFileSync(path('p.yaml'), content));
    const inside = await mlsign(['verify', model, '--policy', `${model}/p.yaml`]);
    assert.equal(inside.code, 2);
    assert.match(inside.stderr, /\[policy-inside-model\]/);
    writeFileSync(policy, content.replace('../', ''));
    const widened = await mlsign(['verify', model, '--policy', policy, '--ignore-unsigned-files']);
    assert.equal(widened.code, 2);
    assert.match(widened.stderr, /leave out: --ignore-unsigned-files.*\[flag-beside-policy\]/s);
    const both = await mlsign(['verify', sandbox.path('model'), '--policy', policy, '--key', otherPub]);
    assert.equal(both.code, 1, 'trust flags beside a policy are a further requirement');
  });

  it('refuses trust from inside the model, whatever path leads to it', async function () {
    if (process.platform === 'win32') this.skip();
    const content =
      'version: 1\nprincipals:\n  alice: { key: KEY }\nrules:\n  - { model: "**", signed-by: alice, ignore-unsigned-files: true }\n';
    const model = changed((path) => {
      writeFileSync(path('p.yaml'), content.replace('KEY', pub));
      writeFileSync(path('trusted.pub'), readFileSync(pub));
      symlinkSync(pub, path('linked.pub'));
    });
    const alias = `${model}-alias`;
    symlinkSync(model, alias);
    const outside = `${model}.yaml`;
    writeFileSync(outside, content.replace('KEY', `${alias}/trusted.pub`));
    const runs = await Promise.all([
      mlsign(['verify', alias, '--policy', `${model}/p.yaml`]),
      mlsign(['verify', model, '--policy', `${alias}/p.yaml`]),
      mlsign(['verify', model, '--policy', outside]),
      mlsign(['verify', model, '--ignore-unsigned-files', '--key', `${model}/trusted.pub`]),
      mlsign(['verify', model, '--ignore-unsigned-files', '--key', `${alias}/linked.pub`]),
    ]);
    for (const { code, stderr } of runs) {
      assert.equal(code, 2, stderr);
      assert.match(stderr, /\[policy-inside-model\]/);
    }
  });

  it('rejects a directory in the place of the signature: nothing in it is signed', async () => {
    const model = changed((path) => {
      mkdirSync(`${path()}.mlsign`);
      renameSync(path('model.sig'), `${path()}.mlsign/a.sig`);
      mkdirSync(path('model.sig'));
      writeFileSync(path('model.sig', 'evil.py'), 'print()');
    });
    for (const flags of [[], ['--signature', `${model}.mlsign/a.sig`]]) {
      const { run, result } = await verifyJson(model, ...flags);
      assert.equal(run.code, 1);
      assert.deepEqual(decisive(result), ['file-extra model.sig/evil.py']);
    }
  });

  it('counts only what was read as read', async () => {
    const model = changed((path) => writeFileSync(path('extra.py'), 'print()'));
    const { result } = await verifyJson(model, '--ignore-unsigned-files');
    assert.deepEqual([result.read?.files, result.unsigned.extra], [5, ['extra.py']]);
  });

  it('prints one line on standard error when quiet, and nothing when all is well', async () => {
    const good = await mlsign(['verify', sandbox.path('model'), '--key', pub, '--quiet']);
    assert.deepEqual([good.code, good.stdout, good.stderr], [0, '', '']);
    const model = changed((path) => rmSync(path('config.json')));
    const bad = await mlsign(['verify', model, '--key', pub, '--quiet']);
    assert.equal(bad.code, 1);
    assert.equal(bad.stdout, '');
    assert.match(bad.stderr, new RegExp(`^rejected: ${basename(model)}: config\\.json: a signed file is missing .*\\n$`));
  });

  it('shows escapes instead of control characters from outside', async function () {
    if (process.platform === 'win32') this.skip();
    const model = changed((path) => writeFileSync(path('evil\u001b[2K\rok.txt'), 'x'));
    const run = await mlsign(['verify', model, '--key', pub]);
    assert.equal(run.code, 1);
    assert.ok(!/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/.test(run.stdout + run.stderr));
  });

  it('gives errors as a document with --json', async () => {
    const run = await mlsign(['verify', sandbox.path('no-such-model'), '--key', pub, '--json']);
    assert.equal(run.code, 3);
    const document = JSON.parse(run.stdout);
    assertValid('error', document);
    assert.equal(document.code, 'file-not-found');
  });
});
