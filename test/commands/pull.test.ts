import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { BIN, mlsign } from '../helpers/cli.ts';
import { Sandbox } from '../helpers/sandbox.ts';
import { assertValid } from '../helpers/schemas.ts';
import { runJson, STORE_BEDS, type StoreBed } from '../helpers/store-bed.ts';
import { keyPath, RELEASER, signingAs, TRAINER, TRUST } from '../helpers/stored-models.ts';

interface PullJson {
  readonly verdict: string;
  readonly directory: string;
  readonly is_complete: boolean;
  readonly lock_file?: string;
  readonly verification: {
    readonly model_id?: string;
    readonly findings: readonly {
      readonly code: string;
      readonly subject: string;
      readonly severity: string;
      readonly suggestion?: string;
    }[];
  };
}

const FILES = { 'config.json': '{}', 'weights/a.bin': Buffer.alloc(7_000_000, 1), 'weights/é +%.bin': 'other', empty: '' };

for (const [kind, open] of Object.entries(STORE_BEDS)) {
  describe(`mlsign pull out of ${kind}`, () => {
    const sandbox = new Sandbox();
    let bed: StoreBed;
    let model = '';
    let modelId = '';
    let serial = 0;

    before(async () => {
      bed = await open();
      model = sandbox.write('signed/model', FILES);
      assert.equal((await mlsign(['sign', model, ...signingAs(TRAINER)])).code, 0);
      modelId = await push(model, 'model');
    });
    after(async () => {
      sandbox.remove();
      await bed.close();
    });

    async function push(path: string, name: string): Promise<string> {
      const { model_id } = await runJson<{ model_id: string }>(bed, 0, ['push', path, bed.url(name), ...TRUST, ...signingAs(RELEASER)]);
      return model_id;
    }

    /** A copy of the model with a release of its own. */
    async function another(
      name: string,
      files: Readonly<Record<string, string | Uint8Array>>,
      ...flags: readonly string[]
    ): Promise<string> {
      const path = sandbox.write(`signed/${name}/model`, files);
      assert.equal((await mlsign(['sign', path, ...signingAs(TRAINER), ...flags])).code, 0);
      return push(path, name);
    }

    function target(): string {
      return sandbox.path(`pulled-${++serial}`);
    }

    async function pull(code: number, directory: string, name = 'model', ...flags: readonly string[]): Promise<PullJson> {
      const document = await runJson<PullJson>(bed, code, ['pull', `${bed.url(name)}@1`, directory, ...TRUST, ...flags]);
      assertValid('pull', document);
      return document;
    }

    /** Asserts that a directory holds the model and nothing else, and that it verifies on its own. */
    async function isWhole(directory: string): Promise<void> {
      const names = readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((name) =>
        lstatSync(join(directory, name)).isFile(),
      );
      assert.deepEqual(names.sort(), [...Object.keys(FILES), 'model.sig'].sort());
      for (const [name, content] of Object.entries(FILES))
        assert.deepEqual(readFileSync(join(directory, name)), Buffer.from(content), name);
      assert.deepEqual(readFileSync(join(directory, 'model.sig')), readFileSync(join(model, 'model.sig')), 'byte for byte');
      const run = await mlsign(['verify', directory, '--trust-key', keyPath(`${TRAINER}.pub`)]);
      assert.equal(run.code, 0, run.stdout + run.stderr);
    }

    it('brings the model back byte for byte, with what was pulled from where', async () => {
      const directory = target();
      const pulled = await pull(0, directory);
      assert.deepEqual([pulled.verdict, pulled.is_complete, pulled.directory], ['verified', true, directory]);
      await isWhole(directory);
      assert.equal(pulled.lock_file, join(`${directory}.mlsign`, 'lock.json'));
      const lock: unknown = JSON.parse(readFileSync(pulled.lock_file, 'utf8'));
      assertValid('lock', lock);
      assert.ok(typeof lock === 'object' && lock !== null && 'model_id' in lock && 'reference' in lock);
      assert.deepEqual([lock.model_id, lock.reference], [modelId, `${bed.url('model')}@1`]);
      assert.ok(!existsSync(`${directory}.mlsign-partial`));
    });

    it('brings back shards, a single file, and further signatures where verify looks for them', async () => {
      await another('shards', { 'a.bin': Buffer.alloc(200_000, 3), b: '1' }, '--shard-size', '64KiB');
      const directory = target();
      await pull(0, directory, 'shards');
      assert.deepEqual(readFileSync(join(directory, 'a.bin')), Buffer.alloc(200_000, 3));
      const file = sandbox.path('single.gguf');
      writeFileSync(file, 'one file');
      for (const key of [TRAINER, 'ec-p384']) {
        const place = key === TRAINER ? [] : ['--signature', sandbox.path('single.gguf.mlsign', 'second.sig')];
        mkdirSync(sandbox.path('single.gguf.mlsign'), { recursive: true });
        assert.equal((await mlsign(['sign', file, ...signingAs(key), ...place])).code, 0);
      }
      const both = [...TRUST, '--trust-key', keyPath('ec-p384.pub')];
      await runJson(bed, 0, ['push', file, bed.url('single'), ...both, ...signingAs(RELEASER)]);
      const single = target();
      await pull(0, single, 'single', '--trust-key', keyPath('ec-p384.pub'));
      assert.deepEqual(readdirSync(single).sort(), ['single.gguf', 'single.gguf.mlsign', 'single.gguf.sig']);
      assert.equal((await mlsign(['verify', join(single, 'single.gguf'), '--trust-key', keyPath('ec-p384.pub')])).code, 0);
    });

    it('writes the lock file where it is asked to, and the directory alone', async () => {
      const directory = target();
      const lock = sandbox.path('somewhere.json');
      const pulled = await pull(0, directory, 'model', '--lock-file', lock);
      assert.equal(pulled.lock_file, lock);
      assert.ok(existsSync(lock) && !existsSync(`${directory}.mlsign`));
    });

    it('fills a directory that is there and empty, which stays what it was', async () => {
      const directory = target();
      mkdirSync(directory);
      mkdirSync(join(directory, 'lost+found'));
      const { ino } = statSync(directory);
      await pull(0, directory);
      assert.equal(statSync(directory).ino, ino);
      rmSync(join(directory, 'lost+found'), { recursive: true });
      await isWhole(directory);
    });

    it('leaves a directory as it is that holds the release already', async () => {
      const directory = target();
      await pull(0, directory);
      const { mtimeMs, ino } = statSync(join(directory, 'config.json'));
      const again = await pull(0, directory);
      assert.equal(again.verdict, 'verified');
      const now = statSync(join(directory, 'config.json'));
      assert.deepEqual([now.mtimeMs, now.ino], [mtimeMs, ino]);
      await isWhole(directory);
      writeFileSync(join(directory, 'config.json'), '[]');
      const args = ['pull', `${bed.url('model')}@1`, directory, ...TRUST];
      assert.equal((await runJson<{ code: string }>(bed, 1, args)).code, 'directory-not-empty');
      await pull(0, directory, 'model', '--force');
      await isWhole(directory);
    });

    it('replaces what is there where it is told to, and only by a model that verifies', async () => {
      const directory = target();
      mkdirSync(join(directory, 'old'), { recursive: true });
      writeFileSync(join(directory, 'old', 'file'), 'x');
      await pull(1, directory, 'model', '--force', '--expect-model-id', '0'.repeat(64));
      assert.deepEqual(readdirSync(directory), ['old']);
      await pull(0, directory, 'model', '--force');
      await isWhole(directory);
    });

    it('never fills a directory with anything else in it', async () => {
      const directory = target();
      mkdirSync(directory);
      writeFileSync(join(directory, 'mine'), 'x');
      const args = ['pull', `${bed.url('model')}@1`, directory, ...TRUST];
      const error = await runJson<{ code: string; got: string }>(bed, 1, args);
      assert.deepEqual([error.code, error.got], ['directory-not-empty', 'mine']);
      assert.deepEqual(readdirSync(directory), ['mine']);
      writeFileSync(sandbox.path('file'), '');
      assert.equal(
        (await runJson<{ code: string }>(bed, 1, ['pull', `${bed.url('model')}@1`, sandbox.path('file'), ...TRUST])).code,
        'not-a-directory',
      );
    });

    it('pulls what was pinned, whatever lies on top of it, and warns', async () => {
      const id = await another('overwritten', FILES);
      bed.overwrite(`overwritten/${id}/config.json`, '{"evil":1}');
      bed.delete(`overwritten/${id}/weights/a.bin`);
      bed.overwrite(`overwritten/${id}/extra.py`, 'x');
      const directory = target();
      const { verification } = await pull(0, directory, 'overwritten');
      assert.deepEqual(readFileSync(join(directory, 'config.json'), 'utf8'), '{}');
      assert.ok(!existsSync(join(directory, 'extra.py')));
      const warned = verification.findings.map(({ code, subject, severity }) => `${severity} ${code} ${subject}`);
      assert.deepEqual(warned.sort(), [
        'warning object-extra extra.py',
        'warning object-missing weights/a.bin',
        'warning object-not-pinned config.json',
      ]);
      for (const { suggestion } of verification.findings) assert.match(suggestion ?? '', /mlsign restore \S+@1/);
    });

    it('shows nothing of a model of which one byte is not what was signed', async () => {
      const id = await another('spoiled', FILES);
      await bed.corrupt(`spoiled/${id}/weights/a.bin`);
      const directory = target();
      const { verification, is_complete } = await pull(1, directory, 'spoiled');
      assert.equal(is_complete, false);
      assert.deepEqual(
        verification.findings.map(({ code, subject }) => `${code} ${subject}`),
        ['file-changed weights/a.bin'],
      );
      for (const left of [directory, `${directory}.mlsign`, `${directory}.mlsign-partial`]) assert.ok(!existsSync(left), left);
      const run = await mlsign(['pull', `${bed.url('spoiled')}@1`, directory, ...TRUST], { env: bed.env });
      assert.match(run.stdout, /^not pulled/);
    });

    it('shows nothing where nobody trusted signed the release, or the model is another one', async () => {
      const directory = target();
      const foreign = ['pull', `${bed.url('model')}@1`, directory, '--trust-key', keyPath('ec-p384.pub')];
      assert.equal((await runJson<PullJson>(bed, 1, foreign)).verdict, 'rejected');
      const { verification } = await pull(1, directory, 'model', '--expect-model-id', '0'.repeat(64));
      assert.deepEqual(
        verification.findings.map(({ code }) => code),
        ['model-id-unexpected'],
      );
      const bare = await runJson<{ code: string; suggestions: readonly string[] }>(bed, 2, ['pull', bed.url('model'), directory, ...TRUST]);
      assert.equal(bare.code, 'reference-missing');
      assert.match(bare.suggestions.join('\n'), /@1, the newest release/);
      assert.ok(!existsSync(directory));
    });

    it('finds a model by its id', async () => {
      const directory = target();
      await runJson(bed, 0, ['pull', `${bed.url('model')}@sha256:${modelId}`, directory, ...TRUST]);
      await isWhole(directory);
    });

    it('follows no link and writes through no second name that somebody put into the staging folder', async () => {
      const directory = target();
      const outside = sandbox.write(`outside-${serial}`, { victim: 'mine', linked: 'mine' });
      const staging = join(`${directory}.mlsign-partial`, 'files');
      mkdirSync(staging, { recursive: true });
      symlinkSync(outside, join(staging, 'weights'));
      symlinkSync(join(outside, 'victim'), join(staging, 'config.json'));
      linkSync(join(outside, 'linked'), join(staging, 'empty'));
      writeFileSync(join(staging, 'planted.py'), 'x');
      await pull(0, directory);
      await isWhole(directory);
      assert.deepEqual(readdirSync(outside).sort(), ['linked', 'victim']);
      for (const name of ['linked', 'victim']) assert.equal(readFileSync(join(outside, name), 'utf8'), 'mine');
    });

    it('stages nothing through a link, and removes nothing behind one', async () => {
      const directory = target();
      const staging = `${directory}.mlsign-partial`;
      const outside = sandbox.write(`behind-${serial}`, { 'files/victim': 'mine' });
      for (const [link, to] of [
        [staging, outside],
        [join(staging, 'files'), join(outside, 'files')],
      ] as const) {
        rmSync(staging, { recursive: true, force: true });
        if (link !== staging) mkdirSync(staging);
        symlinkSync(to, link);
        const refusal = await runJson<{ code: string; subject: string }>(bed, 1, ['pull', `${bed.url('model')}@1`, directory, ...TRUST]);
        assert.equal(refusal.code, 'staging-taken');
        assert.equal(refusal.subject, link);
      }
      assert.ok(!existsSync(directory));
      assert.equal(readFileSync(join(outside, 'files', 'victim'), 'utf8'), 'mine');
    });

    it('writes its notes and moves what is in the way through no link either', async () => {
      const directory = target();
      const outside = sandbox.write(`notes-${serial}`, { victim: 'mine' });
      mkdirSync(join(directory, '.mlsign-partial'), { recursive: true });
      symlinkSync(join(outside, 'victim'), join(directory, '.mlsign-partial', 'appearing.json'));
      symlinkSync(outside, join(directory, '.mlsign-partial', 'replaced'));
      writeFileSync(join(directory, 'in the way'), 'x');
      await pull(0, directory, 'model', '--force');
      await isWhole(directory);
      assert.deepEqual(readdirSync(outside), ['victim']);
      assert.equal(readFileSync(join(outside, 'victim'), 'utf8'), 'mine');
    });

    it('refuses a model with a file of the name under which models are staged', async () => {
      await another('staged', { '.mlsign-partial/files/x': '1' });
      const directory = target();
      mkdirSync(directory);
      const refusal = await runJson<{ code: string; subject: string }>(bed, 1, ['pull', `${bed.url('staged')}@1`, directory, ...TRUST]);
      assert.equal(refusal.code, 'staging-name-taken');
      assert.equal(refusal.subject, '.mlsign-partial/files/x');
      assert.deepEqual(readdirSync(directory), []);
    });

    it('verifies again what an interrupted pull left, and fetches what is wrong of it', async () => {
      const directory = target();
      const staging = join(`${directory}.mlsign-partial`, 'files', 'weights');
      mkdirSync(staging, { recursive: true });
      writeFileSync(join(staging, 'a.bin'), Buffer.alloc(7_000_000, 9));
      writeFileSync(join(staging, 'é +%.bin'), 'wrong');
      utimesSync(join(staging, 'a.bin'), 1, 1);
      await pull(0, directory);
      await isWhole(directory);
    });

    for (const isThere of [false, true]) {
      it(`shows only a whole model where it is killed at any time, and goes on (${isThere ? 'into' : 'as'} a directory)`, async function () {
        this.timeout(120_000);
        const directory = target();
        if (isThere) mkdirSync(directory);
        const args = ['pull', `${bed.url('model')}@1`, directory, ...TRUST];
        for (let i = 0; i < 8; i++) {
          const run = await mlsign(args, { env: bed.env, onStart: (pid) => void setTimeout(() => kill(pid), 250 + 40 * i) });
          if (run.code === 0) {
            await isWhole(directory);
            rmSync(directory, { recursive: true });
            if (isThere) mkdirSync(directory);
          } else if (existsSync(join(directory, 'model.sig'))) {
            // It comes last: nothing was left to be done but to say so.
            for (const [name, content] of Object.entries(FILES))
              assert.deepEqual(readFileSync(join(directory, name)), Buffer.from(content));
            if (!isThere) rmSync(directory, { recursive: true });
          } else assert.equal(existsSync(directory), isThere);
        }
        await pull(0, directory);
        await isWhole(directory);
      });
    }

    it('takes back what it had begun to show when it was killed', async () => {
      const directory = target();
      await pull(0, directory);
      const staging = join(directory, '.mlsign-partial');
      mkdirSync(join(staging, 'files'), { recursive: true });
      writeFileSync(join(staging, 'appearing.json'), JSON.stringify(['config.json', 'empty', 'weights', 'model.sig']));
      rmSync(join(directory, 'model.sig'));
      await pull(0, directory);
      await isWhole(directory);
    });

    it('clears away what it left when it was killed after everything had appeared', async () => {
      const directory = target();
      mkdirSync(directory);
      await pull(0, directory);
      const staging = join(directory, '.mlsign-partial');
      mkdirSync(join(staging, 'replaced'), { recursive: true });
      writeFileSync(join(staging, 'replaced', 'old'), 'old');
      await pull(0, directory);
      assert.ok(!existsSync(staging));
      await isWhole(directory);
    });

    it('mixes nothing of several that pull into the same directory, and tells those that are in the way', async function () {
      this.timeout(60_000);
      const directory = target();
      mkdirSync(directory);
      const args = ['pull', `${bed.url('model')}@1`, directory, ...TRUST, '--json'];
      const runs = await Promise.all([1, 2, 3].map(() => mlsign(args, { env: bed.env })));
      assert.ok(
        runs.some(({ code }) => code === 0),
        runs.map(({ stdout }) => stdout).join('\n'),
      );
      for (const { code, stdout } of runs) {
        // Whoever comes late finds the model there already.
        if (code !== 0) assert.match(JSON.parse(stdout).code, /^(directory-not-empty|pull-in-progress)$/);
      }
      await isWhole(directory);
    });

    it('keeps names apart that differ only in case, where the file system does', async () => {
      await another('folds', { 'Model.bin': '1', 'model.bin': '2' });
      const folds = target();
      await pull(0, folds, 'folds');
      assert.equal(readFileSync(join(folds, 'Model.bin'), 'utf8'), '1');
    });

    it('needs no home and no place beside a mount point', async function () {
      if (process.getuid?.() !== 0) this.skip();
      const parent = target();
      const directory = join(parent, 'volume');
      mkdirSync(directory, { recursive: true });
      chmodSync(sandbox.root, 0o755);
      chownSync(directory, 54_321, 54_321);
      chmodSync(parent, 0o555);
      const args = [BIN, 'pull', `${bed.url('model')}@1`, directory, ...TRUST, '--json'];
      if (kind === 'a bucket') {
        // The server is this process's own: nobody may wait for it meanwhile.
        this.skip();
      }
      const { status, stdout, stderr, error } = spawnSync(process.execPath, args, {
        uid: 54_321,
        gid: 54_321,
        env: { ...bed.env, PATH: process.env.PATH },
        encoding: 'utf8',
      });
      // Node may lie in a folder of root's own, where nobody else may run it.
      if (error !== undefined && 'code' in error && error.code === 'EACCES') this.skip();
      assert.equal(status, 0, stdout + stderr);
      const { lock_file, verification }: PullJson = JSON.parse(stdout);
      assert.equal(lock_file, undefined);
      assert.deepEqual(
        verification.findings.map(({ code, severity }) => `${severity} ${code}`),
        ['warning companion-not-written'],
      );
      await isWhole(directory);
    });
  });
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It was done already.
  }
}
