import assert from 'node:assert/strict';
import { symlinkSync } from 'node:fs';
import { mlsign } from '../helpers/cli.ts';
import { Sandbox } from '../helpers/sandbox.ts';
import { assertValid } from '../helpers/schemas.ts';
import { localBed, runJson, STORE_BEDS, type StoreBed, s3Bed } from '../helpers/store-bed.ts';
import { RELEASER, signingAs, TRAINER, TRUST } from '../helpers/stored-models.ts';

interface RestoreJson {
  readonly verdict: string;
  readonly objects_checked: number;
  readonly checks: readonly object[];
  readonly pruned: readonly { readonly key: string; readonly version: string; readonly marker?: string }[];
  readonly restored: readonly { readonly key: string; readonly was: string; readonly pinned: string; readonly version?: string }[];
  readonly findings: readonly { readonly code: string; readonly subject: string; readonly severity: string; readonly message: string }[];
}

const FILES = { 'config.json': '{}', 'weights/a.bin': Buffer.alloc(6_000_000, 1), empty: '' };

for (const [kind, open] of Object.entries(STORE_BEDS)) {
  describe(`mlsign restore in ${kind}`, () => {
    const sandbox = new Sandbox();
    let bed: StoreBed;
    let model = '';
    let id = '';

    before(async () => {
      bed = await open();
      model = sandbox.write('model', FILES);
      assert.equal((await mlsign(['sign', model, ...signingAs(TRAINER)])).code, 0);
    });
    after(async () => {
      sandbox.remove();
      await bed.close();
    });

    async function push(name: string): Promise<void> {
      const args = ['push', model, bed.url(name), ...TRUST, ...signingAs(RELEASER)];
      id = (await runJson<{ model_id: string }>(bed, 0, args)).model_id;
    }

    async function restore(code: number, what: string, ...flags: readonly string[]): Promise<RestoreJson> {
      const document = await runJson<RestoreJson>(bed, code, ['restore', bed.url(what), ...TRUST, ...flags]);
      assertValid('restore', document);
      return document;
    }

    function verify(code: number, what: string): Promise<unknown> {
      return runJson(bed, code, ['verify', bed.url(what), ...TRUST, '--full']);
    }

    /** What was restored, by what follows the model's prefix. */
    function names({ restored }: RestoreJson): readonly string[] {
      return restored.map(({ key, was }) => `${was} ${key.slice(key.lastIndexOf('/') + 1)}`).sort();
    }

    it('does nothing where everything is as it was released', async () => {
      await push('whole');
      const done = await restore(0, 'whole@1');
      assert.deepEqual([done.verdict, done.objects_checked, done.restored], ['verified', 5, []]);
    });

    it('puts back what was overwritten and what was deleted, and removes nothing', async () => {
      await push('files');
      bed.overwrite(`files/${id}/config.json`, '[]');
      bed.overwrite(`files/${id}/empty`, 'not empty');
      bed.delete(`files/${id}/weights/a.bin`);
      bed.overwrite(`files/${id}/extra.py`, 'x');
      await verify(1, 'files@1');
      const planned = await restore(0, 'files@1', '--dry-run');
      assert.deepEqual(names(planned), ['deleted a.bin', 'replaced config.json', 'replaced empty']);
      assert.ok(planned.restored.every(({ version }) => version === undefined));
      assert.equal((await bed.read(`files/${id}/config.json`)).toString(), '[]');
      const done = await restore(0, 'files@1');
      assert.deepEqual(names(done), names(planned));
      assert.ok(done.restored.every(({ version, pinned }) => version !== undefined && version !== pinned));
      for (const [name, content] of Object.entries(FILES)) {
        assert.deepEqual(await bed.read(`files/${id}/${name}`), Buffer.from(content), name);
      }
      assert.equal((await bed.read(`files/${id}/extra.py`)).toString(), 'x');
      bed.delete(`files/${id}/extra.py`);
      await verify(0, 'files@1');
      assert.deepEqual((await restore(0, 'files@1')).restored, [], 'the same bytes are as good');
    });

    it('removes with --prune what is not of the release, and nothing else, so that the release verifies', async () => {
      await push('pruned');
      const other = `pruned/${'a'.repeat(64)}/config.json`;
      const beside = ['pruned/.mlsign/channels/production.json', `pruned/.mlsign/bundles/${id}/${'b'.repeat(64)}.sig`, other];
      for (const key of beside) bed.overwrite(key, 'not of the prefix');
      bed.overwrite(`pruned/${id}/extra.py`, 'x');
      bed.overwrite(`pruned/${id}/weights/.hidden`, 'y');
      bed.overwrite(`pruned/${id}/config.json`, '[]');
      const extra = [`${id}/extra.py`, `${id}/weights/.hidden`];
      const all = bed.keys();
      const removed = ({ pruned }: RestoreJson) => pruned.map(({ key }) => key.slice(key.indexOf(id)));
      const planned = await restore(0, 'pruned@1', '--prune', '--dry-run');
      assert.deepEqual([removed(planned), names(planned)], [extra, ['replaced config.json']]);
      assert.ok(planned.pruned.every(({ marker }) => marker === undefined));
      assert.deepEqual(bed.keys(), all);
      const done = await restore(0, 'pruned@1', '--prune');
      assert.deepEqual([removed(done), names(done)], [extra, ['replaced config.json']]);
      const detail = 'files in the prefix that are not of release 1: 2, removed: 2';
      assert.deepEqual(done.checks.at(-1), { name: 'store-prefix', status: 'passed', detail });
      assert.ok(done.pruned.every(({ marker, version }) => marker !== undefined && marker !== version));
      const gone = extra.map((key) => `pruned/${key}`);
      assert.deepEqual(
        bed.keys(),
        all.filter((key) => !gone.includes(key)),
      );
      assert.deepEqual((await restore(0, 'pruned@1', '--prune')).pruned, []);
      bed.delete(beside[0] ?? '');
      await verify(0, 'pruned@1');
    });

    it('puts back signatures and the release record itself', async () => {
      await push('records');
      const [bundle = ''] = bed.keys().filter((key) => key.startsWith('records/.mlsign/bundles/'));
      bed.delete(bundle);
      bed.overwrite('records/.mlsign/releases/1.json', '{}');
      const done = await restore(0, 'records@1');
      assert.deepEqual(
        done.restored.map(({ key, was }) => [was, key.endsWith(bundle) || key.endsWith('releases/1.json')]),
        [
          ['deleted', true],
          ['replaced', true],
        ],
      );
      await verify(0, 'records@1');
      bed.delete('records/.mlsign/releases/1.json');
      assert.deepEqual(names(await restore(0, 'records@1')), ['deleted 1.json']);
    });

    it('says what cannot be restored, and restores the rest', async () => {
      await push('lost');
      await bed.corrupt(`lost/${id}/weights/a.bin`);
      bed.overwrite(`lost/${id}/weights/a.bin`, 'x');
      bed.delete(`lost/${id}/config.json`);
      const done = await restore(1, 'lost@1');
      assert.deepEqual(names(done), ['deleted config.json']);
      assert.deepEqual(
        done.findings.map(({ code, severity }) => [code, severity]),
        [['object-lost', 'rejected']],
      );
    });

    // Of a file that is overwritten by hand, a directory keeps no version.
    if (kind !== 'a directory') {
      it('takes the same bytes from another version where the pinned one is not there any more', async () => {
        await push('twice');
        const key = `twice/${id}/weights/a.bin`;
        const bytes = Buffer.from(await bed.read(key));
        await bed.corrupt(key);
        bed.overwrite(key, bytes);
        bed.overwrite(key, Buffer.alloc(bytes.length, '!'));
        const done = await restore(0, 'twice@1');
        assert.deepEqual([names(done), done.findings], [['replaced a.bin'], []]);
        assert.deepEqual(Buffer.from(await bed.read(key)), bytes);
      });
    }

    it('takes nothing for a version that has only its size and time', async () => {
      await push('alike');
      const key = `alike/${id}/config.json`;
      const { length } = await bed.read(key);
      bed.overwrite(key, Buffer.alloc(length, '!'), { isAlike: true });
      assert.deepEqual(names(await restore(0, 'alike@1', '--dry-run')), ['replaced config.json']);
      assert.deepEqual(names(await restore(0, 'alike@1')), ['replaced config.json']);
      await verify(0, 'alike@1');
    });

    it('says of a file that was changed where it lies that it is lost', async () => {
      await push('spoilt');
      await bed.corrupt(`spoilt/${id}/config.json`);
      const { findings, restored } = await restore(kind === 'a directory' ? 1 : 0, 'spoilt@1');
      assert.deepEqual(restored, []);
      // Versions in a bucket do not change; that one does is found by mlsign verify --full.
      assert.deepEqual(
        findings.map(({ code }) => code),
        kind === 'a directory' ? ['object-lost'] : [],
      );
    });

    it('restores nothing that nobody trusted has released', async () => {
      await push('foreign');
      bed.delete(`foreign/${id}/config.json`);
      const args = ['restore', `${bed.url('foreign')}@1`, ...TRUST.slice(0, 2)];
      const refused = await runJson<RestoreJson>(bed, 1, args);
      assert.ok(refused.findings.some(({ code }) => code === 'signer-untrusted'));
      assert.ok(!bed.keys().includes(`foreign/${id}/config.json`));
    });

    it('removes nothing of a release that nobody trusted has signed', async () => {
      await push('unproven');
      bed.overwrite(`unproven/${id}/extra.py`, 'x');
      const refused = await runJson<RestoreJson>(bed, 1, ['restore', `${bed.url('unproven')}@1`, ...TRUST.slice(0, 2), '--prune']);
      assert.ok(refused.findings.some(({ code }) => code === 'signer-untrusted'));
      assert.ok(bed.keys().includes(`unproven/${id}/extra.py`));
    });

    it('tells people what it did', async () => {
      await push('text');
      bed.delete(`text/${id}/config.json`);
      const run = await mlsign(['restore', `${bed.url('text')}@1`, ...TRUST], { env: bed.env });
      assert.equal(run.code, 0, run.stderr);
      assert.match(run.stdout, /^restored {2}\S+text@1 {2}1 object of 5\n {2}\S+config\.json {2}was deleted\n$/);
      bed.overwrite(`text/${id}/extra.py`, 'x');
      const pruned = await mlsign(['restore', `${bed.url('text')}@1`, ...TRUST, '--prune'], { env: bed.env });
      assert.equal(pruned.code, 0, pruned.stderr);
      assert.match(
        pruned.stdout,
        /^restored {2}\S+text@1 {2}nothing of 5, removed 1 of others\n {2}\S+extra\.py {2}was not of the release\n$/,
      );
    });
  });
}

describe('mlsign restore --prune, where removing could lose or hit something else', () => {
  const sandbox = new Sandbox();
  let model = '';
  before(async () => {
    model = sandbox.write('model', FILES);
    assert.equal((await mlsign(['sign', model, ...signingAs(TRAINER)])).code, 0);
  });
  after(() => sandbox.remove());

  async function pushed(bed: StoreBed): Promise<string> {
    const args = ['push', model, bed.url('llm'), ...TRUST, ...signingAs(RELEASER)];
    return (await runJson<{ model_id: string }>(bed, 0, args)).model_id;
  }

  const prune = (bed: StoreBed, code: number) => runJson<RestoreJson>(bed, code, ['restore', `${bed.url('llm')}@1`, ...TRUST, '--prune']);
  const told = ({ findings }: RestoreJson) => findings.map(({ code, subject, message }) => [code, subject.split('/').at(-1), message]);

  function version({ bench }: Awaited<ReturnType<typeof s3Bed>>, versioning: 'Enabled' | 'Suspended'): void {
    const bucket = bench.server.buckets.get(bench.bucket);
    assert.ok(bucket);
    bucket.versioning = versioning;
  }

  it('leaves a file without a version id, which a bucket whose versioning is suspended would lose', async () => {
    const bed = await s3Bed();
    try {
      const id = await pushed(bed);
      const key = `llm/${id}/extra.py`;
      version(bed, 'Suspended');
      bed.overwrite(key, 'the only copy');
      const none = await prune(bed, 1);
      assert.deepEqual(none.pruned, []);
      assert.deepEqual(told(none), [
        ['object-extra', 'extra.py', 'not part of release 1, and not removed: without a version id, it could be lost for good'],
      ]);
      version(bed, 'Enabled');
      bed.overwrite(key, 'another');
      assert.deepEqual(told(await prune(bed, 1)), told(none), 'an older version without an id');
      assert.equal(bed.bench.behind.history(bed.prefix + key).length, 2);
      bed.overwrite(`llm/${id}/new.py`, 'has a version');
      version(bed, 'Suspended');
      const run = await mlsign(['restore', `${bed.url('llm')}@1`, ...TRUST, '--prune'], { env: bed.env });
      assert.equal(run.code, 1, run.stderr);
      assert.match(run.stderr, /the bucket keeps no versions.*\[bucket-unversioned\]/);
      assert.equal(bed.bench.behind.history(`${bed.prefix}llm/${id}/new.py`).length, 2);
    } finally {
      await bed.close();
    }
  });

  it('leaves a file whose name leads out of the prefix, and removes the others', async () => {
    const bed = await s3Bed();
    try {
      const id = await pushed(bed);
      bed.overwrite(`llm/${id}/../.mlsign/releases/1.json`, 'x');
      bed.overwrite(`llm/${id}/a//b`, 'x');
      const done = await prune(bed, 1);
      assert.deepEqual(
        done.pruned.map(({ key }) => key.slice(key.indexOf(id) + id.length)),
        ['/a//b'],
      );
      assert.deepEqual(told(done), [
        ['object-extra', '1.json', 'not part of release 1, and not removed: its name could be taken for that of another object'],
      ]);
    } finally {
      await bed.close();
    }
  });

  it('leaves a link in a directory, of which no version can be kept', async () => {
    const bed = localBed();
    try {
      const id = await pushed(bed);
      symlinkSync('config.json', `${bed.root}/llm/${id}/link`);
      bed.overwrite(`llm/${id}/extra.py`, 'x');
      const done = await prune(bed, 1);
      assert.equal(done.pruned.length, 1);
      assert.deepEqual(told(done), [['not-a-file', 'link', 'this is not a regular file, and a store holds nothing else']]);
    } finally {
      await bed.close();
    }
  });

  it('needs s3:DeleteObject, which restoring alone does not', async () => {
    const bed = await s3Bed();
    try {
      const id = await pushed(bed);
      bed.delete(`llm/${id}/config.json`);
      bed.overwrite(`llm/${id}/extra.py`, 'x');
      const env = bed.bench.environment(bed.bench.server.addPrincipal('keeper', ['*'], { deny: ['s3:DeleteObject'] }));
      await runJson(bed, 0, ['restore', `${bed.url('llm')}@1`, ...TRUST], { env });
      const run = await mlsign(['restore', `${bed.url('llm')}@1`, ...TRUST, '--prune'], { env });
      assert.equal(run.code, 3, run.stderr);
      assert.match(run.stderr, /s3:DeleteObject/);
    } finally {
      await bed.close();
    }
  });
});
