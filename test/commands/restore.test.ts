import assert from 'node:assert/strict';
import { mlsign } from '../helpers/cli.ts';
import { Sandbox } from '../helpers/sandbox.ts';
import { assertValid } from '../helpers/schemas.ts';
import { runJson, STORE_BEDS, type StoreBed } from '../helpers/store-bed.ts';
import { RELEASER, signingAs, TRAINER, TRUST } from '../helpers/stored-models.ts';

interface RestoreJson {
  readonly verdict: string;
  readonly objects_checked: number;
  readonly restored: readonly { readonly key: string; readonly was: string; readonly pinned: string; readonly version?: string }[];
  readonly findings: readonly { readonly code: string; readonly subject: string; readonly severity: string }[];
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

    it('tells people what it did', async () => {
      await push('text');
      bed.delete(`text/${id}/config.json`);
      const run = await mlsign(['restore', `${bed.url('text')}@1`, ...TRUST], { env: bed.env });
      assert.equal(run.code, 0, run.stderr);
      assert.match(run.stdout, /^restored {2}\S+text@1 {2}1 object of 5\n {2}\S+config\.json {2}was deleted\n$/);
    });
  });
}
