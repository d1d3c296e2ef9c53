import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { mlsign } from '../helpers/cli.ts';
import { Sandbox } from '../helpers/sandbox.ts';
import { assertValid } from '../helpers/schemas.ts';
import { runJson, STORE_BEDS, type StoreBed } from '../helpers/store-bed.ts';
import { keyPath, RELEASER, signingAs, TRAINER, TRUST } from '../helpers/stored-models.ts';

interface FindingJson {
  readonly code: string;
  readonly severity: string;
  readonly subject: string;
}

interface PushJson {
  readonly outcome: string;
  readonly model_id: string;
  readonly attestations: number;
  readonly release: { readonly number: number };
  readonly findings: readonly FindingJson[];
}

interface AttestJson {
  readonly verdict?: string;
  readonly model_id?: string;
  readonly provenance?: { readonly materials: readonly { readonly name?: string; readonly uri?: string; readonly digests: object }[] };
  readonly attestations: readonly { readonly path: string; readonly sha256: string }[];
  readonly findings: readonly FindingJson[];
}

interface PullJson {
  readonly verdict: string;
  readonly verification: {
    readonly checks: readonly { readonly name: string; readonly detail: string }[];
    readonly findings: readonly FindingJson[];
  };
}

const AS_TRAINER = signingAs(TRAINER);

for (const [kind, open] of Object.entries(STORE_BEDS)) {
  describe(`attestations in ${kind}`, () => {
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

    async function signed(content = `${serial}`): Promise<string> {
      const path = sandbox.write(`${++serial}/model`, { 'w.bin': content, 'config.json': '{}' });
      assert.equal((await mlsign(['sign', path, ...AS_TRAINER])).code, 0);
      return path;
    }

    async function attest(place: string, ...flags: readonly string[]): Promise<AttestJson> {
      const document = await runJson<AttestJson>(bed, 0, ['attest', place, ...AS_TRAINER, ...flags]);
      assertValid('attest', document);
      return document;
    }

    async function push(model: string, name: string): Promise<PushJson> {
      const document = await runJson<PushJson>(bed, 0, ['push', model, bed.url(name), ...TRUST, ...signingAs(RELEASER)]);
      assertValid('push', document);
      return document;
    }

    async function pull(name: string, release: number): Promise<{ readonly directory: string; readonly pulled: PullJson }> {
      const directory = sandbox.path(`${++serial}`, 'pulled');
      sandbox.write(`${serial}`, {});
      const pulled = await runJson<PullJson>(bed, 0, ['pull', `${bed.url(name)}@${release}`, directory, ...TRUST]);
      return { directory, pulled };
    }

    function attestations(directory: string): readonly string[] {
      const companion = `${directory}.mlsign`;
      return existsSync(companion) ? readdirSync(companion).filter((name) => name.endsWith('.att')) : [];
    }

    function inStore(name: string): readonly string[] {
      return bed.keys().filter((key) => key.startsWith(`${name}/`) && key.endsWith('.att'));
    }

    it('travel with push and pull, byte for byte, and no verification sees them', async () => {
      const model = await signed();
      const { attestations: written } = await attest(model, '--param', 'a=b');
      const pushed = await push(model, 'travel');
      assert.equal(pushed.attestations, 1);
      const digest = written[0]?.sha256 ?? '';
      assert.deepEqual(inStore('travel'), [`travel/.mlsign/bundles/${pushed.model_id}/${digest}.att`]);
      await runJson(bed, 0, ['verify', `${bed.url('travel')}@1`, ...TRUST]);
      const { directory, pulled } = await pull('travel', 1);
      const [name = ''] = attestations(directory);
      assert.deepEqual(readFileSync(join(`${directory}.mlsign`, name)), readFileSync(written[0]?.path ?? ''));
      const lock = JSON.parse(readFileSync(join(`${directory}.mlsign`, 'lock.json'), 'utf8'));
      assertValid('lock', lock);
      assert.deepEqual(
        lock.attestations.map(({ key, sha256 }: { key: string; sha256: string }) => [key.replace(/^team\//, ''), sha256]),
        [[inStore('travel')[0], digest]],
      );
      assert.ok(
        pulled.verification.checks.some(({ name, detail }) => name === 'attestations' && detail === 'brought back and not verified: 1'),
      );
      const verified = await mlsign(['verify', directory, ...TRUST.slice(0, 2)]);
      assert.equal(verified.code, 0, verified.stdout);
      const text = await mlsign(['push', model, bed.url('travel'), ...TRUST, ...signingAs(RELEASER)], { env: bed.env });
      assert.match(text.stdout, /^unchanged [\s\S]*\nwith {7}1 attestation\n/);
    });

    it('make a release of their own where they are new, and none where there are fewer', async () => {
      const model = await signed();
      assert.equal((await push(model, 'newer')).release.number, 1);
      await attest(model, '--param', 'a=b');
      const second = await push(model, 'newer');
      assert.deepEqual([second.outcome, second.release.number], ['pushed', 2]);
      rmSync(`${model}.mlsign`, { recursive: true });
      const third = await push(model, 'newer');
      assert.deepEqual([third.outcome, third.release.number], ['unchanged', 2]);
    });

    it('are added to a release where it lies, once it is verified, and come back with it', async () => {
      const model = await signed();
      const { model_id: modelId } = await push(model, 'where');
      const place = `${bed.url('where')}@1`;
      const attested = await attest(place, '--param', 'a=b', ...TRUST);
      assert.deepEqual([attested.verdict, attested.model_id], ['verified', modelId]);
      assert.deepEqual(inStore('where'), [`where/.mlsign/bundles/${modelId}/${attested.attestations[0]?.sha256}.att`]);
      await runJson(bed, 0, ['verify', place, ...TRUST]);
      assert.equal(attestations((await pull('where', 1)).directory).length, 1);
      const text = await mlsign(['attest', place, ...AS_TRAINER, '--param', 'a=c', ...TRUST], { env: bed.env });
      assert.match(text.stdout, /^attested {3}.*where@1\nmodel id {3}/, text.stderr);
    });

    it('are not made of a release that does not verify', async () => {
      await push(await signed(), 'foreign');
      const place = `${bed.url('foreign')}@1`;
      const distrusting = ['--trust-key', keyPath('rsa-2048.pub')];
      const run = await mlsign(['attest', place, ...AS_TRAINER, '--param', 'a=b', ...distrusting, '--json'], { env: bed.env });
      assert.equal(run.code, 1, run.stderr);
      const document = JSON.parse(run.stdout);
      assertValid('attest', document);
      assert.deepEqual([document.verdict, document.attestations], ['rejected', []]);
      assert.deepEqual(inStore('foreign'), []);
      const without = await mlsign(['attest', place, ...AS_TRAINER, '--param', 'a=b'], { env: bed.env });
      assert.equal(without.code, 2);
      assert.match(without.stderr, /\[trust-missing\]/);
      const missing = await mlsign(['attest', `${bed.url('foreign')}@9`, ...AS_TRAINER, '--param', 'a=b', ...TRUST], { env: bed.env });
      assert.equal(missing.code, 3, missing.stderr);
    });

    it('about another model, or that are none, are not pushed', async () => {
      const model = await signed('one');
      await attest(model, '--param', 'a=b');
      writeFileSync(join(model, 'w.bin'), 'two');
      assert.equal((await mlsign(['sign', model, ...AS_TRAINER, '--force'])).code, 0);
      writeFileSync(join(`${model}.mlsign`, 'x.att'), '{}');
      const { attestations: count, findings } = await push(model, 'others');
      assert.equal(count, 0);
      assert.deepEqual(findings.map(({ code, severity }) => `${severity} ${code}`).sort(), [
        'warning attestation-other-model',
        'warning attestation-unreadable',
      ]);
      assert.deepEqual(inStore('others'), []);
    });

    it('that were changed or removed in the store are a warning to pull, and nothing of them arrives', async () => {
      const model = await signed();
      await attest(model, '--param', 'a=b');
      await push(model, 'spoilt');
      const [key = ''] = inStore('spoilt');
      await bed.corrupt(key);
      const { directory, pulled } = await pull('spoilt', 1);
      assert.equal(pulled.verdict, 'verified');
      assert.deepEqual(attestations(directory), []);
      const wrong = pulled.verification.findings.filter(({ subject }) => subject.endsWith('.att'));
      assert.deepEqual(
        wrong.map(({ severity }) => severity),
        ['warning'],
      );
    });

    it('come from their pinned versions where others were put in their place, and are restored', async () => {
      const model = await signed();
      await attest(model, '--param', 'a=b');
      await push(model, 'pinned');
      const [key = ''] = inStore('pinned');
      const bytes = await bed.read(key);
      bed.overwrite(key, 'evil');
      const { directory } = await pull('pinned', 1);
      const [name = ''] = attestations(directory);
      assert.deepEqual(readFileSync(join(`${directory}.mlsign`, name)), bytes);
      await runJson(bed, 0, ['restore', `${bed.url('pinned')}@1`, ...TRUST]);
      assert.deepEqual(await bed.read(key), bytes);
    });

    it('stay where they belong to a release, and are garbage where there is none', async () => {
      const model = await signed();
      await attest(model, '--param', 'a=b');
      const { model_id: modelId } = await push(model, 'kept');
      await attest(`${bed.url('kept')}@1`, '--param', 'a=c', ...TRUST);
      const unreleased = `kept/.mlsign/bundles/${'0'.repeat(64)}/${'1'.repeat(64)}.att`;
      bed.overwrite(unreleased, 'x');
      const before = inStore('kept');
      assert.equal(before.length, 3);
      await runJson(bed, 0, ['gc', bed.url('kept'), '--min-age', '0s', '--yes']);
      assert.deepEqual(
        inStore('kept'),
        before.filter((key) => key !== unreleased),
      );
      assert.ok(before.filter((key) => key.includes(modelId)).length === 2);
    });

    it('are compared with what the released files say, as they were released', async () => {
      const path = sandbox.write(`${++serial}/model`, { 'adapter_config.json': '{"base_model_name_or_path":"acme/Llama"}', 'a.bin': 'x' });
      assert.equal((await mlsign(['sign', path, ...AS_TRAINER])).code, 0);
      const { model_id: modelId } = await push(path, 'claims');
      const place = `${bed.url('claims')}@1`;
      bed.overwrite(`claims/${modelId}/adapter_config.json`, '{"base_model_name_or_path":"acme/Other"}');
      const { findings } = await attest(place, '--param', 'a=b', ...TRUST);
      assert.deepEqual(
        findings.filter(({ code }) => code.startsWith('base')).map(({ code, severity, subject }) => `${severity} ${code} ${subject}`),
        ['note base-omitted adapter_config.json'],
      );
      const quantized = ['--param', 'a=b', '--relation', 'quantized', ...TRUST];
      const run = await mlsign(['attest', place, ...AS_TRAINER, ...quantized], { env: bed.env });
      assert.equal(run.code, 2);
      assert.match(run.stderr, /\[relation-contradicted\]/);
      assert.equal(inStore('claims').length, 1);
    });

    it('of a single file come back beside it', async () => {
      const folder = sandbox.write(`${++serial}`, { 'model.gguf': 'x' });
      const file = join(folder, 'model.gguf');
      assert.equal((await mlsign(['sign', file, ...AS_TRAINER])).code, 0);
      await attest(file, '--param', 'a=b');
      await push(file, 'single');
      const { directory } = await pull('single', 1);
      assert.deepEqual(readdirSync(directory).sort(), ['model.gguf', 'model.gguf.mlsign', 'model.gguf.sig']);
      assert.equal(attestations(join(directory, 'model.gguf')).length, 1);
    });

    it('bind a base in a store to the model id of its release, whatever named it', async () => {
      const base = await signed();
      const { model_id: modelId } = await push(base, 'base');
      await runJson(bed, 0, [
        'promote',
        `${bed.url('base')}@1`,
        '--channel',
        'production',
        '--init',
        '--expires',
        '30d',
        ...TRUST,
        ...signingAs(RELEASER),
      ]);
      for (const reference of ['1', 'production', `sha256:${modelId}`]) {
        const { provenance } = await attest(await signed(), '--base', `${bed.url('base')}@${reference}`, '--relation', 'finetune');
        const [material] = provenance?.materials ?? [];
        assert.equal(material?.name, 'base@1');
        assert.deepEqual(material.digests, { mlsignModel: modelId });
        // A directory's path is that of one machine.
        assert.equal(material.uri, bed.url('base').startsWith('s3:') ? `${bed.url('base')}@1` : undefined, basename(reference));
      }
      for (const [reference, code, exit] of [
        ['@9', 'release-missing', 3],
        ['@staging', 'channel-missing', 3],
        [`@sha256:${'0'.repeat(64)}`, 'release-missing', 3],
        ['', 'reference-missing', 2],
      ] as const) {
        const run = await mlsign(['attest', await signed(), ...AS_TRAINER, '--base', `${bed.url('base')}${reference}`], { env: bed.env });
        assert.equal(run.code, exit, run.stderr);
        assert.match(run.stderr, new RegExp(`\\[${code}\\]`));
      }
    });
  });
}
