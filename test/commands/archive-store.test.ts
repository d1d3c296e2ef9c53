import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { planPush } from '../../src/app/index.ts';
import { parseBundle } from '../../src/formats/index.ts';
import { parseReleaseRecord, type ReleaseRecord, releasePayload } from '../../src/release/index.ts';
import { layoutOf } from '../../src/store/index.ts';
import { member, tar } from '../helpers/archives.ts';
import { signedBytes } from '../helpers/releases.ts';
import { S3Bench } from '../helpers/s3.ts';
import { assertValid } from '../helpers/schemas.ts';
import { RELEASER, StoredModels, signingAs, TRAINER, TRUST, testPolicy } from '../helpers/stored-models.ts';

const FILES = { 'config.json': '{}', 'weights/a.bin': Buffer.alloc(9_000_000, 7), empty: '' };
const BY_RELEASER = signingAs(RELEASER);
const PICKLE = Buffer.from("cposix\nsystem\n(S'id'\ntR.", 'latin1');

for (const [kind, isBucket] of [
  ['a directory', false],
  ['a bucket', true],
] as const) {
  describe(`an archive that is signed by its content, in ${kind}`, () => {
    let bench: S3Bench | undefined;
    let models: StoredModels;
    let serial = 0;

    before(async () => {
      bench = isBucket ? await S3Bench.start() : undefined;
      models = new StoredModels(bench);
    });
    after(async () => {
      models.remove();
      await bench?.stop();
    });

    // biome-ignore lint/suspicious/noExplicitAny: documents of several kinds
    async function json(code: number, ...args: readonly string[]): Promise<any> {
      const run = await models.run(...args, '--json');
      assert.equal(run.code, code, `${args.join(' ')}\n${run.stdout}\n${run.stderr}`);
      return JSON.parse(run.stdout);
    }

    function pack(files: Readonly<Record<string, string | Uint8Array>> = FILES, ending = '.tar.gz'): string {
      const directory = models.sandbox.write(`${++serial}/model`, files);
      execFileSync('tar', [...(ending === '.tar' ? [] : ['-z']), '-cf', `${directory}${ending}`, '-C', directory, '.']);
      return `${directory}${ending}`;
    }

    /** Signs and pushes an archive of a model that no other test has. */
    async function push(name: string, files: Readonly<Record<string, string | Uint8Array>> = FILES, ending?: string) {
      const archive = pack({ ...files, 'name.txt': name }, ending);
      await json(0, 'sign', archive, ...signingAs(TRAINER));
      const pushed = await json(0, 'push', archive, models.url(name), ...TRUST, ...BY_RELEASER);
      assertValid('push', pushed);
      const modelId: string = pushed.model_id;
      const base = archive.slice(archive.lastIndexOf('/') + 1);
      return { archive, modelId, key: layoutOf(models.location(name)).file(modelId, base) };
    }

    /** A policy file of the same trust as flags, with more fields of its rule. */
    function policyWith(fields: string): string {
      const [, trainer = '', , releaser = ''] = TRUST;
      const lines = [
        'version: 1',
        'principals:',
        `  trainer: { key: ${JSON.stringify(trainer)} }`,
        `  releaser: { key: ${JSON.stringify(releaser)} }`,
        'rules:',
        `  - { model: "**", signed-by: trainer, released-by: releaser${fields} }`,
      ];
      const path = models.sandbox.path('policy.yaml');
      writeFileSync(path, lines.join('\n'));
      return path;
    }

    async function verify(code: number, what: string, ...flags: readonly string[]) {
      const document = await json(code, 'verify', models.url(what), ...TRUST, ...flags);
      assertValid('verification', document);
      return document;
    }

    // biome-ignore lint/suspicious/noExplicitAny: documents of several kinds
    const decisive = ({ findings }: any): readonly string[] =>
      findings
        .filter(({ severity }: { severity: string }) => severity === 'rejected' || severity === 'undetermined')
        .map(({ code, subject }: { code: string; subject: string }) => `${code} ${subject}`)
        .sort();

    async function recordOf(name: string): Promise<ReleaseRecord> {
      const [bytes = Buffer.alloc(0)] = await models.versions(layoutOf(models.location(name)).release(1));
      return parseReleaseRecord(parseBundle(bytes, 'release 1').envelope.payload, 'release 1');
    }

    /** The releaser releases other bytes as the same model, as release 2. */
    async function forge(name: string, key: string, bytes: Buffer, change: Partial<ReleaseRecord> = {}): Promise<void> {
      const store = await models.open();
      try {
        const record = await recordOf(name);
        const current = await store.current(key);
        const put = await store.write(key, bytes, current === undefined ? 'absent' : { tag: current.tag });
        assert.ok(put);
        const parts = [createHash('sha256').update(bytes).digest('hex')];
        const objects = record.objects.map(({ name: file }) => ({
          name: file,
          version: put.version,
          size: bytes.length,
          partSize: bytes.length,
          parts,
        }));
        const forged = { ...record, number: 2, objects, ...change };
        models.overwrite(layoutOf(models.location(name)).release(2), await signedBytes(releasePayload(forged), RELEASER));
      } finally {
        await store.close();
      }
    }

    for (const ending of ['.tar', '.tar.gz', '.tgz']) {
      it(`is one object, byte for byte, and its release says what it holds: model${ending}`, async () => {
        const name = `one${ending.replaceAll('.', '-')}`;
        const { archive, modelId, key } = await push(name, FILES, ending);
        const hashed = await json(0, 'hash', archive);
        assert.equal(modelId, hashed.model_id);
        const record = await recordOf(name);
        assert.equal(record.kind, 'archive');
        assert.deepEqual([record.modelId, record.objects.map((object) => object.name)], [modelId, [`model${ending}`]]);
        assertValid('release', JSON.parse(Buffer.from(releasePayload(record)).toString()));
        const [stored = Buffer.alloc(0)] = await models.versions(key);
        assert.deepEqual(stored, readFileSync(archive));
        const full = await verify(0, `${name}@1`, '--full');
        assert.deepEqual([full.model.kind, full.read.files, full.read.bytes], ['archive', 4, 9_000_002 + name.length]);
        assert.deepEqual(
          full.stored.files.map((file: { name: string; evidence: string }) => [file.name, file.evidence]),
          [[`model${ending}`, 'bytes-hashed']],
        );
        const again = await json(0, 'push', archive, models.url(name), ...TRUST, ...BY_RELEASER);
        assert.equal(again.outcome, 'unchanged');
      });
    }

    it('is attested by the checksums of the store, where the release record says what it holds', async () => {
      await push('attested');
      const attested = await verify(isBucket ? 0 : 3, 'attested@1', '--attested');
      if (!isBucket) {
        assert.deepEqual(decisive(attested), ['not-attested model.tar.gz']);
        return;
      }
      assert.equal(attested.stored.files[0].evidence, 's3-attested');
      assert.equal(attested.read.files, 0);
      const check = attested.checks.find(({ name }: { name: string }) => name === 'model-content');
      assert.match(
        check.detail,
        /^the archive was not read: the store attests its bytes, and the release record, which the releaser signed, says/,
      );
    });

    it('is read all the same where formats are asked for, which only its content shows', async () => {
      await push('formats');
      const url = `${models.url('formats')}@1`;
      const endpoint = bench?.environment().AWS_ENDPOINT_URL_S3;
      const believed = endpoint === undefined ? '' : `, attested-endpoints: [${JSON.stringify(endpoint)}]`;
      const evidence = async (rule: string) => {
        const { stored } = await json(0, 'verify', url, '--policy', policyWith(`${believed}${rule}`));
        return stored.files[0].evidence;
      };
      assert.equal(await evidence(''), 'bytes-hashed');
      assert.equal(await evidence(', formats: any'), isBucket ? 's3-attested' : 'bytes-hashed');
      if (!isBucket) return;
      const policy = policyWith(`${believed}, formats: { allow: [json, text, markdown, unknown] }`);
      const open = await json(3, 'verify', url, '--policy', policy, '--attested');
      assert.deepEqual(decisive(open), ['format-not-examined model.tar.gz']);
    });

    it('is pulled as a file that verifies where it is', async () => {
      const { archive, key } = await push('pulled');
      const target = models.sandbox.path('pulled');
      const pulled = await json(0, 'pull', `${models.url('pulled')}@1`, target, ...TRUST);
      assertValid('pull', pulled);
      assert.deepEqual(readdirSync(target).sort(), ['model.tar.gz', 'model.tar.gz.sig']);
      assert.deepEqual(readFileSync(`${target}/model.tar.gz`), readFileSync(archive));
      const lock = JSON.parse(readFileSync(`${target}.mlsign/lock.json`, 'utf8'));
      assertValid('lock', lock);
      assert.deepEqual(
        lock.files.map((file: { name: string; key: string }) => [file.name, file.key]),
        [['model.tar.gz', key]],
      );
      assert.equal((await json(0, 'verify', `${target}/model.tar.gz`, ...TRUST.slice(0, 2))).verdict, 'verified');
      const again = await json(0, 'pull', `${models.url('pulled')}@1`, target, ...TRUST);
      assert.match(JSON.stringify(again.verification.checks), /the directory holds this release already/);
      writeFileSync(`${target}/model.tar.gz`, 'other');
      assert.equal((await json(1, 'pull', `${models.url('pulled')}@1`, target, ...TRUST)).code, 'directory-not-empty');
      await json(0, 'pull', `${models.url('pulled')}@1`, target, ...TRUST, '--force');
      assert.deepEqual(readFileSync(`${target}/model.tar.gz`), readFileSync(archive));
    });

    it('is rejected where something else lies in its place, and restored', async () => {
      const { archive, key } = await push('replaced');
      models.overwrite(key, 'something else');
      const rejected = await verify(1, 'replaced@1');
      assert.ok(decisive(rejected).includes('object-not-pinned model.tar.gz'));
      const restored = await json(0, 'restore', `${models.url('replaced')}@1`, ...TRUST);
      assert.equal(restored.restored.length, 1);
      assert.equal((await verify(0, 'replaced@1', '--full')).verdict, 'verified');
      const [stored] = await models.versions(key);
      assert.deepEqual(stored, readFileSync(archive));
    });

    it('is rejected where its pinned version is gone', async () => {
      const { key } = await push('gone');
      const store = await models.open();
      try {
        for await (const entry of store.history(key)) await store.remove(entry);
      } finally {
        await store.close();
      }
      const rejected = await verify(1, 'gone@1');
      assert.deepEqual(new Set(decisive(rejected).map((found) => found.split(' ')[0])), new Set(['object-missing']));
      await json(1, 'pull', `${models.url('gone')}@1`, models.sandbox.path('gone'), ...TRUST);
    });

    it('is rejected where the releaser released an archive of other content, and nothing of it is pulled', async () => {
      const { key } = await push('other');
      const archive = pack({ ...FILES, 'name.txt': 'else!', 'evil.py': 'import os' });
      await forge('other', key, readFileSync(archive));
      const rejected = await verify(1, 'other@2', '--full');
      assert.deepEqual(decisive(rejected), ['file-changed name.txt', 'file-extra evil.py']);
      const target = models.sandbox.path('other');
      const pulled = await json(1, 'pull', `${models.url('other')}@2`, target, ...TRUST);
      assert.deepEqual(decisive(pulled.verification), ['file-changed name.txt', 'file-extra evil.py']);
      assert.equal(readdirSync(models.sandbox.root).includes('other'), false);
      const signed = await json(1, 'sign', `${models.url('other')}@2`, ...TRUST, ...signingAs('ec-p384'));
      assert.deepEqual(decisive(signed), ['file-changed name.txt', 'file-extra evil.py']);
    });

    it('is rejected where readers might see different things in it', async () => {
      const { archive, key } = await push('ambiguous');
      const good = readFileSync(archive);
      await forge('ambiguous', key, Buffer.concat([good, gzipSync(tar(member('evil', { name: 'evil.py' })))]));
      assert.deepEqual(
        decisive(await verify(1, 'ambiguous@2', '--full')).map((found) => found.split(' ')[0]),
        ['gzip-several-members'],
      );
      const pulled = await json(1, 'pull', `${models.url('ambiguous')}@2`, models.sandbox.path('ambiguous'), ...TRUST);
      assert.deepEqual(
        decisive(pulled.verification).map((found) => found.split(' ')[0]),
        ['gzip-several-members'],
      );
    });

    it('is rejected where its record contradicts its signature', async () => {
      const { archive, key } = await push('contradicted');
      const { objects } = await recordOf('contradicted');
      const renamed = key.replace(/model\.tar\.gz$/, 'model.bin');
      await forge('contradicted', renamed, readFileSync(archive), { objects: objects.map((object) => ({ ...object, name: 'model.bin' })) });
      const rejected = await verify(1, 'contradicted@2');
      const found = rejected.findings.find(({ code }: { code: string }) => code === 'release-contradicts-signature');
      assert.equal(found.message, 'the record of release 2 has an archive under a name that is none');
    });

    it('is signed by others where it lies, listed, located, attested and billed', async () => {
      const { modelId, key } = await push('team');
      const url = `${models.url('team')}@1`;
      const signed = await json(0, 'sign', url, ...TRUST, ...signingAs('ec-p384'));
      assert.equal(signed.model_id, modelId);
      const located = await json(0, 'locate', url, ...TRUST);
      assertValid('locate', located);
      assert.deepEqual([located.release.model_id, located.object], [modelId, `${located.prefix}${key.split('/').at(-1)}`]);
      assert.equal((await models.run('locate', url, ...TRUST)).stdout, `${located.object}\n`);
      assert.match(JSON.stringify(await json(0, 'ls', models.url('team'))), new RegExp(modelId));
      assert.match(JSON.stringify(await json(0, 'bom', url)), /weights\/a\.bin/);
      writeFileSync(models.sandbox.path('predicate.json'), '{}');
      const what = ['--predicate', models.sandbox.path('predicate.json'), '--type', 'https://example.com/scan/v1'];
      assert.equal((await json(0, 'attest', url, ...what, ...TRUST, ...signingAs(TRAINER))).model_id, modelId);
    });

    it('takes its signature along from the inside', async () => {
      const directory = models.sandbox.write('inside/model', { ...FILES, 'name.txt': 'inside' });
      await json(0, 'sign', directory, ...signingAs(TRAINER));
      execFileSync('tar', ['-czf', `${directory}.tar.gz`, '-C', directory, '.']);
      await json(0, 'push', `${directory}.tar.gz`, models.url('inside'), ...TRUST, ...BY_RELEASER);
      assert.equal((await verify(0, 'inside@1', '--full')).verdict, 'verified');
      const target = models.sandbox.path('from-inside');
      await json(0, 'pull', `${models.url('inside')}@1`, target, ...TRUST);
      assert.deepEqual(readFileSync(`${target}/model.tar.gz.sig`), readFileSync(`${directory}/model.sig`));
    });

    it('is looked into for what can run code, also where the store attests its bytes', async () => {
      const archive = pack({ 'weights.pkl': PICKLE, 'name.txt': kind });
      await json(0, 'sign', archive, ...signingAs(TRAINER));
      await json(0, 'push', archive, models.url('code'), ...TRUST, ...BY_RELEASER);
      const told = await verify(0, 'code@1', '--full');
      assert.ok(
        told.findings.some(
          ({ code, subject }: { code: string; subject: string }) => code === 'format-runs-code' && subject === 'weights.pkl',
        ),
      );
      const policy = policyWith('');
      const rejected = await json(1, 'verify', `${models.url('code')}@1`, '--policy', policy);
      assert.deepEqual(decisive(rejected), ['format-runs-code weights.pkl']);
      const refused = await json(1, 'push', archive, models.url('refused'), '--policy', policy, ...BY_RELEASER);
      assert.equal(refused.outcome, 'refused');
    });

    it('is not sent where it changed after it was read', async () => {
      const archive = pack({ 'name.txt': 'changes' });
      await json(0, 'sign', archive, ...signingAs(TRAINER));
      const store = await models.open();
      try {
        const { contents } = await planPush(archive, models.location('changing'), { store, policy: testPolicy() });
        assert.ok(contents);
        const [file] = contents.files;
        assert.deepEqual(file?.signed.digests, [createHash('sha256').update(readFileSync(archive)).digest('hex')]);
        writeFileSync(archive, Buffer.alloc(readFileSync(archive).length));
        await assert.rejects(store.upload(contents.files, {}), { code: /^file-changed/ });
      } finally {
        await store.close();
      }
    });

    it('does not lie beside the same model in another form', async () => {
      const { archive, key } = await push('forms');
      const directory = archive.replace(/\.tar\.gz$/, '');
      writeFileSync(`${directory}/model.sig`, readFileSync(`${archive}.sig`));
      const error = await json(1, 'push', directory, models.url('forms'), ...TRUST, ...BY_RELEASER);
      assert.equal(error.code, 'model-in-other-form');
      assert.ok(error.subject.endsWith(key));
      execFileSync('tar', ['-cf', `${directory}.tar`, '-C', directory, '--exclude', 'model.sig', '.']);
      writeFileSync(`${directory}.tar.sig`, readFileSync(`${archive}.sig`));
      const other = await json(1, 'push', `${directory}.tar`, models.url('forms'), ...TRUST, ...BY_RELEASER);
      assert.equal(other.code, 'model-in-other-form');
      assert.equal(other.message, 'the same model lies there already in another form, and a reader would get both');
    });

    it('is refused where it holds what nobody signed', async () => {
      const archive = pack({ 'name.txt': 'extra' });
      await json(0, 'sign', archive, ...signingAs(TRAINER));
      writeFileSync(`${archive.replace(/\.tar\.gz$/, '')}/evil.py`, 'import os');
      execFileSync('tar', ['-czf', archive, '-C', archive.replace(/\.tar\.gz$/, ''), '.']);
      const refused = await json(1, 'push', archive, models.url('extra'), ...TRUST, ...BY_RELEASER, '--ignore-unsigned-files');
      assert.deepEqual([refused.outcome, decisive(refused)], ['refused', ['file-extra evil.py']]);
    });
  });
}
