import assert from 'node:assert/strict';
import { existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { mlsign } from '../helpers/cli.ts';
import { writeSafetensors } from '../helpers/model-files.ts';
import { Sandbox } from '../helpers/sandbox.ts';
import { assertValid } from '../helpers/schemas.ts';
import { runJson, STORE_BEDS, type StoreBed } from '../helpers/store-bed.ts';
import { keyPath, RELEASER, signingAs, TRAINER, TRUST } from '../helpers/stored-models.ts';

interface FormatsJson {
  readonly by: string;
  readonly files: readonly { readonly format: string; readonly files: number }[];
  readonly allowed_code: readonly { readonly format: string; readonly files: number }[];
  readonly not_examined: readonly string[];
}

interface VerificationJson {
  readonly verdict: string;
  readonly formats?: FormatsJson;
  readonly checks: readonly { readonly name: string; readonly status: string; readonly detail: string }[];
  readonly findings: readonly { readonly code: string; readonly subject: string; readonly severity: string; readonly message: string }[];
}

const fixture = (path: string): Buffer => readFileSync(new URL(`../../fixtures/${path}`, import.meta.url));
const PICKLE = fixture('formats/system-2.pkl');
const EARLY_PICKLE = fixture('formats/system-0.pkl');
const CHECKPOINT = fixture('filetypes/checkpoint.pt');
const CONFIG = '{"hidden_size": 768}\n';
const WEIGHTS = writeSafetensors([{ name: 'w', shape: [8] }]);

function findings({ findings }: VerificationJson, code?: string): readonly string[] {
  return findings
    .filter((finding) => code === undefined || finding.code === code)
    .map(({ code, severity, subject }) => `${severity} ${code} ${subject}`);
}

function formatCheck({ checks }: VerificationJson): string | undefined {
  return checks.find(({ name }) => name === 'formats')?.status;
}

/** None where not even the store was made. */
function keysOf(bed: StoreBed): readonly string[] {
  try {
    return bed.keys();
  } catch {
    return [];
  }
}

/** A policy file that trusts the trainer and the releaser. */
function writePolicy(sandbox: Sandbox, ...lines: readonly string[]): readonly string[] {
  const file = sandbox.path(`policy-${lines.join('-').replace(/\W+/g, '')}.yaml`);
  writeFileSync(
    file,
    `version: 1
principals:
  trainer: { key: ${keyPath(`${TRAINER}.pub`)} }
  releaser: { key: ${keyPath(`${RELEASER}.pub`)} }
rules:
  - model: "**"
    signed-by: trainer
    released-by: releaser
${lines.map((line) => `    ${line}\n`).join('')}`,
  );
  return ['--policy', file];
}

describe('formats of a model on disk', () => {
  const sandbox = new Sandbox();
  let serial = 0;
  after(() => sandbox.remove());

  async function signed(files: Readonly<Record<string, string | Uint8Array>>, ...flags: readonly string[]): Promise<string> {
    const model = sandbox.write(`${++serial}/model`, files);
    const run = await mlsign(['sign', model, ...signingAs(TRAINER), ...flags]);
    assert.equal(run.code, 0, run.stderr);
    return model;
  }

  async function verify(model: string, code: number, ...flags: readonly string[]): Promise<VerificationJson> {
    const run = await mlsign(['verify', model, ...flags, '--json']);
    assert.equal(run.code, code, run.stdout + run.stderr);
    const document: VerificationJson = JSON.parse(run.stdout);
    assertValid('verification', document);
    return document;
  }

  it('are counted by content, whatever the names', async () => {
    const model = await signed({
      'config.json': CONFIG,
      'weights.safetensors': WEIGHTS,
      'a.bin': WEIGHTS,
      empty: '',
      'README.md': '# x\n',
    });
    const verified = await verify(model, 0, ...writePolicy(sandbox));
    assert.equal(formatCheck(verified), 'passed');
    assert.deepEqual(verified.formats, {
      by: 'default',
      files: [
        { format: 'safetensors', label: 'safetensors', files: 2 },
        { format: 'empty', label: 'empty', files: 1 },
        { format: 'json', label: 'JSON', files: 1 },
        { format: 'markdown', label: 'Markdown', files: 1 },
      ],
      allowed_code: [],
      not_examined: [],
    });
  });

  it('that run code are rejected by a policy that says nothing of them, and told of under flags', async () => {
    const model = await signed({ 'config.json': CONFIG, 'model.pkl': PICKLE });
    const rejected = await verify(model, 1, ...writePolicy(sandbox));
    assert.deepEqual([rejected.verdict, formatCheck(rejected)], ['rejected', 'failed']);
    assert.deepEqual(findings(rejected), ['rejected format-runs-code model.pkl']);
    const told = await verify(model, 0, ...TRUST.slice(0, 2));
    assert.deepEqual(findings(told), ['warning format-runs-code model.pkl']);
    assert.deepEqual([told.formats?.by, formatCheck(told)], ['flags', 'passed']);
    const text = await mlsign(['verify', model, ...writePolicy(sandbox)]);
    assert.match(text.stdout, /model\.pkl: can run code when it is loaded: pickle imports (?:posix|os|nt)\.system/);
    assert.match(text.stdout, /convert it to safetensors, or allow it \(formats: allow-code: \[pickle\]\)/);
  });

  it('are found under any name, in text and in a single file', async () => {
    const model = await signed({ 'notes.txt': EARLY_PICKLE, 'config.json': CONFIG });
    const hidden = await verify(model, 1, ...writePolicy(sandbox));
    assert.deepEqual(findings(hidden), ['rejected format-mismatch notes.txt']);
    const single = sandbox.path('weights.bin');
    writeFileSync(single, PICKLE);
    assert.equal((await mlsign(['sign', single, ...signingAs(TRAINER)])).code, 0);
    assert.deepEqual(findings(await verify(single, 1, ...writePolicy(sandbox))), ['rejected format-runs-code weights.bin']);
  });

  it('that hide behind the name of a harmless one are rejected always', async () => {
    const model = await signed({ 'model.safetensors': CHECKPOINT, 'config.json': CONFIG });
    for (const trust of [TRUST.slice(0, 2), writePolicy(sandbox), writePolicy(sandbox, 'formats: { allow-code: [pytorch] }')]) {
      assert.deepEqual(findings(await verify(model, 1, ...trust)), ['rejected format-mismatch model.safetensors']);
    }
  });

  it('are allowed by name, and then their pickles may import only what rebuilds tensors, or what is listed', async () => {
    const model = await signed({ 'model.pt': CHECKPOINT });
    const allowed = await verify(model, 0, ...writePolicy(sandbox, 'formats: { allow-code: [pytorch] }'));
    assert.deepEqual(
      [allowed.formats?.by, allowed.formats?.allowed_code.map(({ format, files }) => `${format} ${files}`)],
      ['rule', ['pytorch 1']],
    );
    const evil = await signed({ 'model.pkl': PICKLE });
    const imports = await verify(evil, 1, ...writePolicy(sandbox, 'formats: { allow-code: [pickle] }'));
    assert.deepEqual(findings(imports), ['rejected pickle-import-not-allowed model.pkl']);
    const written = 'formats: { allow-code: [pickle], imports: [posix.system, os.system, nt.system, collections.OrderedDict] }';
    assert.equal((await verify(evil, 0, ...writePolicy(sandbox, written))).verdict, 'verified');
  });

  it('that a rule does not list are rejected, although they are harmless', async () => {
    const model = await signed({ 'config.json': CONFIG, 'weights.safetensors': WEIGHTS });
    const rejected = await verify(model, 1, ...writePolicy(sandbox, 'formats: { allow: [safetensors] }'));
    assert.deepEqual(findings(rejected), ['rejected format-not-allowed config.json']);
  });

  it('that are malformed are rejected', async () => {
    const header = Buffer.from(
      JSON.stringify({ a: { dtype: 'F32', shape: [2], data_offsets: [0, 8] }, b: { dtype: 'F32', shape: [2], data_offsets: [4, 12] } }),
    );
    const size = Buffer.alloc(8);
    size.writeBigUInt64LE(BigInt(header.length));
    const model = await signed({ 'weights.safetensors': Buffer.concat([size, header, Buffer.alloc(12)]) });
    const rejected = await verify(model, 1, ...writePolicy(sandbox));
    assert.deepEqual(findings(rejected), ['rejected format-malformed weights.safetensors']);
  });

  it('are not looked at where the policy says so, and this is said', async () => {
    const model = await signed({ 'model.pkl': PICKLE });
    const verified = await verify(model, 0, ...writePolicy(sandbox, 'formats: any'));
    assert.deepEqual([verified.formats?.by, formatCheck(verified)], ['any', 'skipped']);
    assert.deepEqual(findings(verified), []);
  });

  it('are looked at in files that nobody signed, and in what lies in ignored paths, behind links too', async () => {
    const model = await signed({ 'config.json': CONFIG, 'cache/a.json': '{}' }, '--ignore-paths', 'cache');
    writeFileSync(`${model}/cache/b.bin`, PICKLE);
    sandbox.write('elsewhere', { 'c.pkl': PICKLE });
    symlinkSync(sandbox.path('elsewhere', 'c.pkl'), `${model}/cache/c.bin`);
    const ignored = await verify(model, 1, ...writePolicy(sandbox));
    assert.deepEqual(findings(ignored, 'format-runs-code'), [
      'rejected format-runs-code cache/b.bin',
      'rejected format-runs-code cache/c.bin',
    ]);
    const other = await signed({ 'config.json': CONFIG });
    writeFileSync(`${other}/extra.bin`, PICKLE);
    const extra = await verify(other, 1, ...writePolicy(sandbox, 'ignore-unsigned-files: true'));
    assert.deepEqual(findings(extra, 'format-runs-code'), ['rejected format-runs-code extra.bin']);
  });

  it('are not looked at in what git keeps for itself, and this is said', async () => {
    const model = await signed({ 'config.json': CONFIG, '.git/a.bin': PICKLE });
    assert.deepEqual((await verify(model, 0, ...writePolicy(sandbox))).formats?.not_examined, ['.git']);
  });

  it('wait for signatures: of a model that nobody trusted has signed no byte is read', async () => {
    const model = sandbox.write('unsigned', { 'model.pkl': PICKLE });
    assert.equal((await mlsign(['sign', model, ...signingAs(RELEASER)])).code, 0);
    const rejected = await verify(model, 1, ...writePolicy(sandbox));
    assert.equal(rejected.formats, undefined);
    assert.deepEqual(findings(rejected, 'format-runs-code'), []);
  });
});

for (const [kind, open] of Object.entries(STORE_BEDS)) {
  describe(`formats of a release in ${kind}`, () => {
    const sandbox = new Sandbox();
    let bed: StoreBed;
    let serial = 0;

    before(async () => {
      bed = await open();
    });
    after(async () => {
      sandbox.remove();
      await bed.close();
    });

    async function signed(files: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
      const model = sandbox.write(`${++serial}/model`, files);
      assert.equal((await mlsign(['sign', model, ...signingAs(TRAINER)])).code, 0);
      return model;
    }

    it('that run code are not pushed: nothing goes up', async () => {
      const model = await signed({ 'config.json': CONFIG, 'model.pkl': PICKLE });
      const push = ['push', model, bed.url('refused'), ...writePolicy(sandbox), ...signingAs(RELEASER)];
      const refused = await runJson<VerificationJson & { readonly outcome: string }>(bed, 1, push);
      assertValid('push', refused);
      assert.deepEqual([refused.outcome, findings(refused)], ['refused', ['rejected format-runs-code model.pkl']]);
      assert.ok(!keysOf(bed).some((key) => key.startsWith('refused/')));
    });

    it('that run code are rejected where they lie, by ranges of the pinned versions, and never appear on disk', async () => {
      const large = Buffer.concat([CHECKPOINT]);
      const model = await signed({ 'config.json': CONFIG, 'model.pt': large, empty: '', 'w.safetensors': WEIGHTS });
      const push = ['push', model, bed.url('m'), ...TRUST, ...signingAs(RELEASER)];
      assert.deepEqual(findings(await runJson<VerificationJson>(bed, 0, push), 'format-runs-code'), ['warning format-runs-code model.pt']);
      const policy = writePolicy(sandbox);
      const rejected = await runJson<VerificationJson>(bed, 1, ['verify', bed.url('m@1'), ...policy]);
      assertValid('verification', rejected);
      assert.deepEqual(findings(rejected), ['rejected format-runs-code model.pt']);
      assert.deepEqual(
        rejected.formats?.files.map(({ format, files }) => `${format} ${files}`),
        ['empty 1', 'json 1', 'pytorch 1', 'safetensors 1'],
      );

      const target = sandbox.path('pulled');
      const pull = ['pull', bed.url('m@1'), target];
      const refused = await runJson<{ readonly is_complete: boolean; readonly verification: VerificationJson }>(bed, 1, [
        ...pull,
        ...policy,
      ]);
      assertValid('pull', refused);
      assert.deepEqual(
        [refused.is_complete, findings(refused.verification, 'format-runs-code')],
        [false, ['rejected format-runs-code model.pt']],
      );
      assert.ok(!existsSync(target));

      const allowing = writePolicy(sandbox, 'formats: { allow-code: [pytorch] }');
      const verified = await runJson<VerificationJson>(bed, 0, ['verify', bed.url('m@1'), ...allowing]);
      assert.deepEqual(
        verified.formats?.allowed_code.map(({ format }) => format),
        ['pytorch'],
      );
      const pulled = await runJson<{ readonly verification: VerificationJson }>(bed, 0, [...pull, ...allowing]);
      assert.equal(formatCheck(pulled.verification), 'passed');
      assert.ok(existsSync(`${target}/model.pt`));

      // What is there already is looked at as well.
      const again = await runJson<{ readonly verification: VerificationJson }>(bed, 1, [...pull, ...policy]);
      assert.deepEqual(findings(again.verification, 'format-runs-code'), ['rejected format-runs-code model.pt']);
    });

    it('are left open where nothing may be downloaded and the policy asks for them', async () => {
      const model = await signed({ 'config.json': CONFIG });
      await runJson(bed, 0, ['push', model, bed.url('attested'), ...TRUST, ...signingAs(RELEASER)]);
      const attested = (code: number, ...lines: readonly string[]) =>
        runJson<VerificationJson>(bed, code, ['verify', bed.url('attested@1'), ...writePolicy(sandbox, ...lines), '--attested']);
      const open = await attested(3, 'formats: { allow: [json] }');
      assert.deepEqual(findings(open, 'format-not-examined'), ['undetermined format-not-examined config.json']);
      assert.deepEqual([formatCheck(open), open.formats?.not_examined], ['could-not-run', ['config.json']]);
      const skipped = await attested(kind === 'a bucket' ? 0 : 3);
      assert.equal(formatCheck(skipped), 'skipped');
      assert.deepEqual(findings(skipped, 'format-not-examined'), []);
    });
  });
}
