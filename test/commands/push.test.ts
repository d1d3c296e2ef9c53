import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { mlsign } from '../helpers/cli.ts';
import { Sandbox } from '../helpers/sandbox.ts';
import { assertValid } from '../helpers/schemas.ts';
import { localBed, runJson, STORE_BEDS, type StoreBed, s3Bed } from '../helpers/store-bed.ts';
import { keyPath, RELEASER, signingAs, TRAINER, TRUST } from '../helpers/stored-models.ts';

interface PushJson {
  readonly verdict: string;
  readonly outcome: string;
  readonly model_id?: string;
  readonly release?: { readonly number: number; readonly sha256?: string };
  readonly sent: { readonly files: number; readonly bytes: number };
  readonly reused: { readonly files: number };
  readonly prefix?: string;
  readonly findings: readonly { readonly code: string; readonly subject: string; readonly severity: string }[];
}

const FILES = { 'config.json': '{}', 'weights/a.bin': Buffer.alloc(5000, 1), 'weights/é +%.bin': 'other', empty: '' };
const BY_TRAINER = ['--trust-key', keyPath(`${TRAINER}.pub`)];

for (const [kind, open] of Object.entries(STORE_BEDS)) {
  describe(`mlsign push into ${kind}`, () => {
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

    /** A new model, signed by the trainer. */
    async function signed(files: Readonly<Record<string, string | Uint8Array>> = FILES, ...flags: readonly string[]): Promise<string> {
      const path = sandbox.write(`${++serial}/model`, files);
      const run = await mlsign(['sign', path, ...signingAs(TRAINER), ...flags]);
      assert.equal(run.code, 0, run.stderr);
      return path;
    }

    async function push(code: number, model: string, name: string, ...flags: readonly string[]): Promise<PushJson> {
      const document = await runJson<PushJson>(bed, code, ['push', model, bed.url(name), ...TRUST, ...signingAs(RELEASER), ...flags]);
      assertValid('push', document);
      return document;
    }

    async function verify(name: string, release: string, code = 0): Promise<void> {
      await runJson(bed, code, ['verify', `${bed.url(name)}@${release}`, ...TRUST]);
    }

    /** What a refused push says, worst first; nothing of it may have been sent. */
    async function refused(code: number, model: string, name: string, ...flags: readonly string[]): Promise<readonly string[]> {
      const { outcome, findings } = await push(code, model, name, ...flags);
      assert.equal(outcome, 'refused');
      assert.deepEqual(
        bed.keys().filter((key) => key.startsWith(`${name}/`)),
        [],
      );
      return findings.filter(({ severity }) => severity === 'rejected').map((finding) => `${finding.code} ${finding.subject}`);
    }

    it('makes a release of exactly the signed bytes, under their names', async () => {
      const model = await signed();
      const pushed = await push(0, model, 'exact');
      assert.equal(pushed.outcome, 'pushed');
      assert.equal(pushed.release?.number, 1);
      assert.deepEqual(pushed.sent, { files: 4, bytes: 5007 });
      const id = pushed.model_id;
      const files = bed.keys().filter((key) => key.startsWith(`exact/${id}/`));
      assert.deepEqual(
        files.map((key) => key.slice(`exact/${id}/`.length)),
        ['config.json', 'empty', 'weights/a.bin', 'weights/é +%.bin'],
      );
      assert.deepEqual(await bed.read(`exact/${id}/weights/a.bin`), Buffer.alloc(5000, 1));
      await verify('exact', '1');
    });

    it('says so where the newest release is this very model, and sends nothing', async () => {
      const model = await signed();
      const first = await push(0, model, 'again');
      const keys = bed.keys();
      const second = await push(0, model, 'again');
      assert.equal(second.outcome, 'unchanged');
      assert.deepEqual(
        second.release,
        first.release && {
          number: 1,
          sha256: first.release.sha256,
          version: Reflect.get(first.release, 'version'),
          signer: Reflect.get(first.release, 'signer'),
        },
      );
      assert.deepEqual([second.sent.files, second.reused.files], [0, 4]);
      assert.deepEqual(bed.keys(), keys);
      const text = await mlsign(['push', model, bed.url('again'), ...TRUST, ...signingAs(RELEASER)], { env: bed.env });
      assert.match(text.stdout, /^unchanged .*again@1\n +the newest release is this model already\n/);
    });

    it('gives another model, and the same model with another signature, a release of its own', async () => {
      const model = await signed();
      await push(0, model, 'more');
      const other = await push(0, await signed({ ...FILES, 'config.json': '{"a":1}' }), 'more');
      assert.equal(other.release?.number, 2);
      assert.equal((await mlsign(['sign', model, ...signingAs(TRAINER), '--force'])).code, 0);
      const again = await push(0, model, 'more');
      assert.deepEqual([again.outcome, again.release?.number, again.sent.files], ['pushed', 3, 0]);
      for (const release of ['1', '2', '3']) await verify('more', release);
    });

    it('pushes shards, other digests and a single file', async () => {
      const shards = await signed({ 'a.bin': Buffer.alloc(200_000, 3), 'b.bin': '' }, '--shard-size', '64KiB');
      const pushed = await push(0, shards, 'shards');
      assert.deepEqual(pushed.sent, { files: 1, bytes: 200_000 });
      assert.ok(pushed.findings.some(({ code, severity }) => code === 'unsigned-empty' && severity === 'note'));
      await push(0, await signed(FILES, '--algorithm', 'blake3'), 'blake3');
      const file = sandbox.path('single.gguf');
      writeFileSync(file, 'one file');
      assert.equal((await mlsign(['sign', file, ...signingAs(TRAINER)])).code, 0);
      assert.deepEqual((await push(0, file, 'single')).sent, { files: 1, bytes: 8 });
      for (const name of ['shards', 'blake3', 'single']) await verify(name, '1');
    });

    it('leaves out what the signer left out', async () => {
      const pushed = await push(0, await signed({ ...FILES, '.git/config': 'x', 'notes/todo': 'x' }, '--ignore-paths', 'notes'), 'ignored');
      assert.equal(pushed.sent.files, 4);
      assert.ok(pushed.findings.some(({ code }) => code === 'unsigned-ignored'));
    });

    it('refuses what nobody trusted has signed, and sends nothing of it', async () => {
      const unsigned = sandbox.write('unsigned/model', FILES);
      assert.deepEqual(await refused(3, unsigned, 'unsigned'), []);
      const model = await signed();
      assert.equal((await mlsign(['sign', model, ...signingAs(RELEASER), '--force'])).code, 0);
      assert.deepEqual(await refused(1, model, 'foreign'), [`signer-untrusted ${model}/model.sig`, 'signer-missing rule flags']);
      const run = await mlsign(['push', model, bed.url('foreign'), ...signingAs(RELEASER)], { env: bed.env });
      assert.equal(run.code, 2);
      assert.match(run.stderr, /say whom you trust.*\[trust-missing\]/);
    });

    it('refuses a tree that is not exactly what was signed, and names every difference', async () => {
      const model = await signed();
      writeFileSync(`${model}/extra.py`, 'x');
      rmSync(`${model}/config.json`);
      symlinkSync('/etc/hostname', `${model}/link`);
      execFileSync('mkfifo', [`${model}/pipe`]);
      assert.deepEqual(await refused(1, model, 'tree'), [
        'file-missing config.json',
        'file-extra extra.py',
        'link-refused link',
        'special-file pipe',
      ]);
    });

    it('refuses a file that changed after it was signed, whatever its size', async () => {
      const model = await signed();
      const bytes = readFileSync(`${model}/weights/a.bin`);
      bytes[77] = 9;
      writeFileSync(`${model}/weights/a.bin`, bytes);
      const error = await runJson<{ code: string; subject: string }>(bed, 1, [
        'push',
        model,
        bed.url('changed'),
        ...TRUST,
        ...signingAs(RELEASER),
      ]);
      assertValid('error', error);
      assert.equal(error.code, 'file-changed');
      assert.match(error.subject, /weights\/a\.bin$/);
      const keys = bed.keys().filter((key) => key.startsWith('changed/'));
      assert.ok(!keys.some((key) => key.endsWith('a.bin') || key.includes('/releases/')), keys.join('\n'));
      const shards = await signed({ 'a.bin': Buffer.alloc(200_000, 3) }, '--shard-size', '64KiB');
      appendFileSync(`${shards}/a.bin`, 'x');
      assert.deepEqual(await refused(1, shards, 'grown'), ['file-grown a.bin']);
    });

    it('tells what it would do, and does nothing', async () => {
      const model = await signed();
      const planned = await push(0, model, 'planned', '--dry-run');
      assert.deepEqual([planned.outcome, planned.release, planned.sent.files], ['planned', { number: 1 }, 4]);
      assert.deepEqual(
        bed.keys().filter((key) => key.startsWith('planned/')),
        [],
      );
      await push(0, model, 'planned');
      const again = await push(0, model, 'planned', '--dry-run');
      assert.deepEqual([again.release?.number, again.sent.files, again.reused.files], [2, 0, 4]);
    });

    it('refuses a releaser whom the policy does not name, before anything is sent', async () => {
      const model = await signed();
      const args = ['push', model, bed.url('releaser'), ...TRUST, ...signingAs(TRAINER)];
      const error = await runJson<{ code: string; message: string }>(bed, 1, args);
      assert.equal(error.code, 'signer-not-allowed');
      assert.match(error.message, /may not release models here/);
      assert.deepEqual(
        bed.keys().filter((key) => key.startsWith('releaser/')),
        [],
      );
    });

    it('warns where a release is signed by another than the model', async () => {
      const args = ['push', await signed(), bed.url('stranger'), ...BY_TRAINER, ...signingAs(RELEASER)];
      const { findings } = await runJson<PushJson>(bed, 0, args);
      assert.deepEqual(
        findings.map(({ code, severity }) => [code, severity]),
        [['releaser-not-trusted', 'warning']],
      );
    });

    it('judges a model by the rule for the place where it goes', async () => {
      const model = await signed();
      const place = bed.url('ruled').replace(/^file:/, '');
      const policy = sandbox.path('policy.yaml');
      const rule = (pattern: string) =>
        writeFileSync(
          policy,
          `version: 1\nprincipals:\n  trainer: { key: ${keyPath(`${TRAINER}.pub`)} }\nrules:\n  - model: "${pattern}"\n    signed-by: trainer\n`,
        );
      rule('/somewhere/else/**');
      const args = ['push', model, bed.url('ruled'), '--policy', policy, ...signingAs(TRAINER)];
      assert.equal((await runJson<{ code: string }>(bed, 1, args)).code, 'policy-no-rule');
      rule(place);
      assert.equal((await runJson<PushJson>(bed, 0, args)).outcome, 'pushed');
    });

    it('gives two pushers at once a release each, or tells one', async () => {
      const [one, two] = [await signed({ a: '1' }), await signed({ a: '2' })];
      const runs = await Promise.all([push(0, one, 'race'), push(0, two, 'race'), push(0, one, 'race')]);
      const made = runs.filter(({ outcome }) => outcome === 'pushed').map(({ release }) => release?.number);
      assert.equal(new Set(made).size, made.length, 'no number twice');
      assert.ok(made.length >= 2);
      for (const number of made) await verify('race', String(number));
    });

    it('leaves no release where it is killed, and goes on the next time', async function () {
      this.timeout(120_000);
      const model = await signed({ 'a.bin': Buffer.alloc(12_000_000, 1), 'b.bin': Buffer.alloc(6_000_000, 2), c: 'c' });
      const args = ['push', model, bed.url('killed'), ...TRUST, ...signingAs(RELEASER)];
      for (let i = 0; i < 8; i++) {
        const name = `killed`;
        await mlsign(args, { env: bed.env, onStart: (pid) => void setTimeout(() => kill(pid), 150 + 90 * i) });
        const releases = bed.keys().filter((key) => key.startsWith(`${name}/.mlsign/releases/`));
        assert.ok(releases.length <= 1, 'one release at most');
        if (releases.length === 1) await verify(name, '1');
      }
      assert.equal((await push(0, model, 'killed')).release?.number, 1);
      await verify('killed', '1');
    });

    it('ends at once where it is interrupted, and says so', async function () {
      this.timeout(60_000);
      const model = await signed({ 'a.bin': Buffer.alloc(40_000_000, 1) });
      const args = ['push', model, bed.url('interrupted'), ...TRUST, ...signingAs(RELEASER)];
      const run = await mlsign(args, { env: bed.env, onStart: (pid) => void setTimeout(() => kill(pid, 'SIGTERM'), 450) });
      // It may have been faster, or not have begun to listen.
      if (run.signal === null && run.code !== 0) assert.equal(run.code, 143, run.stderr);
      assert.equal((await push(0, model, 'interrupted')).release?.number, 1);
      await verify('interrupted', '1');
    });

    it('refuses several signers, and names that are too long, before anything is sent', async () => {
      const two = await mlsign(['push', await signed(), bed.url('two'), ...TRUST, ...signingAs(RELEASER), '--kms', 'alias/a'], {
        env: bed.env,
      });
      assert.equal(two.code, 2);
      assert.match(two.stderr, /a release has one signer/);
      const long = await signed({ [`${`${'d'.repeat(200)}/`.repeat(5)}f`]: 'x' });
      const error = await runJson<{ code: string; got: string }>(bed, 1, ['push', long, bed.url('long'), ...TRUST, ...signingAs(RELEASER)]);
      assert.equal(error.code, 'key-too-long');
      assert.deepEqual(
        bed.keys().filter((key) => key.startsWith('long/')),
        [],
      );
    });

    it('refuses a place with a release in it', async () => {
      const run = await mlsign(['push', await signed(), `${bed.url('place')}@7`, ...TRUST, ...signingAs(RELEASER)], { env: bed.env });
      assert.equal(run.code, 2);
      assert.match(run.stderr, /\[reference-unexpected\]/);
    });
  });
}

function kill(pid: number, signal: NodeJS.Signals = 'SIGKILL'): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It was done already.
  }
}

describe('mlsign push, and how objects are stored', () => {
  const sandbox = new Sandbox();
  const ATTRIBUTES = [
    '--storage-class',
    'STANDARD_IA',
    '--tag',
    'team=vision',
    '--tag',
    'stage=a b',
    '--lock-until',
    '2099-01-31',
    '--legal-hold',
  ];
  let model = '';

  before(async () => {
    model = sandbox.write('model', FILES);
    assert.equal((await mlsign(['sign', model, ...signingAs(TRAINER)])).code, 0);
  });
  after(() => sandbox.remove());

  it('encrypts, tags and locks every object, and keeps records where they can be read at any time', async () => {
    const bed = await s3Bed({ objectLock: true });
    try {
      const { arn } = bed.bench.server.addKmsKey('models');
      const args = ['push', model, bed.url('model'), ...TRUST, ...signingAs(RELEASER), ...ATTRIBUTES, '--sse-kms', 'alias/models'];
      await runJson(bed, 0, args);
      for (const key of bed.keys()) {
        const settings = bed.bench.behind.history(bed.prefix + key)[0]?.content?.settings;
        assert.deepEqual([settings?.encryption.algorithm, settings?.encryption.key], ['aws:kms', arn], key);
        assert.deepEqual(
          [...(settings?.tags ?? [])],
          [
            ['team', 'vision'],
            ['stage', 'a b'],
          ],
        );
        assert.deepEqual(settings?.retention, { mode: 'GOVERNANCE', until: new Date('2099-01-31T00:00:00Z') });
        assert.equal(settings?.legalHold, true);
        assert.equal(settings?.storageClass, key.includes('/.mlsign/') ? 'STANDARD' : 'STANDARD_IA');
      }
      await runJson(bed, 0, ['verify', `${bed.url('model')}@1`, ...TRUST]);
    } finally {
      await bed.close();
    }
  });

  it('refuses what a directory does not know, and flags that mean nothing', async () => {
    const bed = localBed();
    try {
      const args = ['push', model, bed.url('model'), ...TRUST, ...signingAs(RELEASER)];
      const error = await runJson<{ code: string; subject: string }>(bed, 1, [...args, '--storage-class', 'STANDARD_IA']);
      assert.deepEqual([error.code, error.subject], ['attribute-unsupported', 'storageClass']);
      assert.equal((await runJson<{ code: string }>(bed, 2, [...args, '--tag', 'team'])).code, 'tag-malformed');
      assert.equal((await runJson<{ code: string }>(bed, 2, [...args, '--lock-until', '30d'])).code, 'date-invalid');
      assert.equal((await mlsign([...args, '--lock-mode', 'compliance'])).code, 2);
    } finally {
      await bed.close();
    }
  });
});

describe('mlsign push into a bucket that is not fit for it', () => {
  const sandbox = new Sandbox();
  let model = '';

  before(async () => {
    model = sandbox.write('model', FILES);
    assert.equal((await mlsign(['sign', model, ...signingAs(TRAINER)])).code, 0);
  });
  after(() => sandbox.remove());

  for (const versioning of ['Off', 'Suspended'] as const) {
    it(`refuses one whose versioning is ${versioning}, and leaves nothing behind`, async () => {
      const bed = await s3Bed({ versioning });
      try {
        const args = ['push', model, bed.url('model'), ...TRUST, ...signingAs(RELEASER)];
        const error = await runJson<{ code: string; suggestions: readonly string[] }>(bed, 1, args);
        assert.equal(error.code, 'bucket-unversioned');
        assert.match(error.suggestions.join('\n'), /put-bucket-versioning/);
        assert.deepEqual(bed.keys(), []);
      } finally {
        await bed.close();
      }
    });
  }

  it('refuses one of another owner', async () => {
    const bed = await s3Bed();
    try {
      const args = ['push', model, bed.url('model'), ...TRUST, ...signingAs(RELEASER), '--expected-bucket-owner', '999999999999'];
      const error = await runJson<{ code: string }>(bed, 3, args);
      assert.ok(['object-forbidden', 'bucket-forbidden', 'access-denied'].includes(error.code), error.code);
      assert.deepEqual(bed.keys(), []);
    } finally {
      await bed.close();
    }
  });
});
