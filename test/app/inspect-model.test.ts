import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hashModel, type Inspection, inspectModel, type SignatureAndManifest, signModel } from '../../src/app/index.ts';
import { parseBundle, serializeBundle } from '../../src/formats/index.ts';
import { manifestDocument } from '../../src/model/index.ts';
import { inspectDocument, inspectText, plainStyle } from '../../src/report/index.ts';
import { certificateSigner, generateKey, localKeySigner, type Signer, timestampWitness } from '../../src/sign/index.ts';
import { makeChain, VALID_AT } from '../helpers/certificates.ts';
import { makeModelDirectory, rawSafetensors, smallModel, writeGguf, writeSafetensors } from '../helpers/model-files.ts';
import { assertValid } from '../helpers/schemas.ts';
import { TimestampAuthority } from '../helpers/sigstore/index.ts';

const interop = join(import.meta.dirname, '../../fixtures/interop');

describe('inspectModel', () => {
  let folder: string;
  let signer: Signer;
  let hint: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mlsign-inspect-'));
    const key = await generateKey('ec-p256');
    signer = await localKeySigner(key.privateKeyPem, { where: 'test key' });
    hint = key.hint;
  });
  after(() => rm(folder, { recursive: true }));

  let serial = 0;
  const makeModel = (files: Parameters<typeof makeModelDirectory>[1] = smallModel()) =>
    makeModelDirectory(join(folder, `m${serial++}`, 'model'), files);
  /** Inspects, and has both reports made on the way: the document must always be valid. */
  const inspect = async (path: string): Promise<Inspection> => {
    const inspection = await inspectModel(path);
    assertValid('inspect', JSON.parse(JSON.stringify(inspectDocument(inspection))));
    assert.match(inspectText(inspection, plainStyle), /nothing was verified: /);
    return inspection;
  };
  const only = ({ signatures }: Inspection): SignatureAndManifest => {
    const [signature] = signatures;
    assert(signature !== undefined && signatures.length === 1);
    return signature;
  };
  const codes = ({ findings }: Inspection) => findings.map(({ code, subject, severity }) => `${severity} ${code} ${subject}`);

  it('tells who claims to have signed a model, how, and what is covered', async () => {
    const model = await makeModel();
    const { modelId, modelDigest } = await signModel(model, { signer });
    await writeFile(join(model, 'extra.py'), 'print()\n');
    await rm(join(model, 'README.md'));
    await makeModelDirectory(join(model, '.git'), { HEAD: 'ref' });
    const inspection = await inspect(model);
    const { signature, manifest } = only(inspection);
    assert.deepEqual(signature.signer, { kind: 'key', hint, embedded: false });
    assert.deepEqual(signature.algorithm, { scheme: 'ecdsa-p256-sha256', title: 'ECDSA P-256 with SHA-256', from: 'signature' });
    assert.deepEqual(signature.times, []);
    assert.equal(manifest?.modelId, modelId);
    assert.equal(manifest?.modelDigest, modelDigest);
    assert.equal(manifest?.files, 4);
    assert.deepEqual(manifest?.coverage, { unlisted: ['extra.py'], missing: ['README.md'], ignored: ['.git'] });
    assert.deepEqual(codes(inspection), []);
  });

  it('tells what kind of model a directory holds', async () => {
    const { model, signatures } = await inspect(await makeModel());
    assert.equal(signatures.length, 0);
    assert.equal(model?.weights?.format, 'safetensors');
    assert.equal(model?.architecture, 'llama');
    assert.deepEqual(model?.classes, ['LlamaForCausalLM']);
    assert.equal(model?.tensors, 2);
    assert.equal(model?.parameters, 20);
    assert.deepEqual(model?.dtypes, ['F32']);
    assert.deepEqual(model?.formats.map(({ format, files }) => [format, files]).sort(), [
      ['json', 1],
      ['markdown', 1],
      ['safetensors', 1],
      ['tokenizer', 1],
    ]);
  });

  it('counts covered files by their bytes where the model is there, by their names where it is not', async () => {
    const model = await makeModel({ 'weights.bin': writeSafetensors([{ name: 'w', shape: [2] }]), 'notes.md': '# notes' });
    await signModel(model, { signer });
    const there = only(await inspect(model)).manifest;
    assert.deepEqual(
      there?.formats.map(({ format }) => format),
      ['safetensors', 'markdown'],
    );
    const alone = only(await inspect(join(model, 'model.sig'))).manifest;
    assert.deepEqual(alone?.formats.map(({ format }) => format).sort(), ['markdown', 'unknown']);
    assert.equal(alone?.bytes, undefined);
    assert.equal(alone?.coverage, undefined);
  });

  it('knows the bytes of shards without the model', async () => {
    const model = await makeModel({ 'w.bin': Buffer.alloc(2500, 1), 'empty.txt': '' });
    await signModel(model, { signer, shardSize: 1000 });
    const manifest = only(await inspect(join(model, 'model.sig'))).manifest;
    assert.deepEqual([manifest?.files, manifest?.resources, manifest?.bytes], [1, 3, 2500]);
    assert.deepEqual(only(await inspect(model)).manifest?.coverage?.unlisted, ['empty.txt']);
  });

  it('inspects a single file and its signature beside it', async () => {
    const model = await makeModel();
    const file = join(model, 'model.safetensors');
    await signModel(file, { signer });
    const inspection = await inspect(file);
    assert.equal(inspection.input, 'file');
    assert.equal(inspection.model?.tensors, 2);
    assert.deepEqual(only(inspection).manifest?.coverage, { unlisted: [], missing: [], ignored: [] });
  });

  for (const [ending, flags] of [
    ['.tar', '-cf'],
    ['.tar.gz', '-czf'],
  ] as const) {
    it(`tells of the content of a ${ending} what it tells of the directory, by its bytes`, async () => {
      const contents = {
        ...smallModel(),
        'llama.gguf': writeGguf({ 'general.architecture': { type: 'string', value: 'llama' } }, [{ name: 'a', dimensions: [4] }]),
        'notes.txt': Buffer.from("cposix\nsystem\n(S'id'\ntR.", 'latin1'),
        'sub/cut.safetensors': rawSafetensors('{"w":').subarray(0, 12),
        'sub/pointer.safetensors': 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n',
        'sub/empty': '',
      };
      const model = await makeModel(contents);
      execFileSync('tar', [flags, `${model}${ending}`, '-C', model, '.']);
      const [inside, outside] = [await inspect(`${model}${ending}`), await inspect(model)];
      assert.deepEqual([inside.input, outside.input], ['archive', 'directory']);
      assert.deepEqual({ ...inside.model, source: undefined }, { ...outside.model, source: undefined });
      assert.deepEqual(inside.findings, outside.findings);
      assert.equal(inside.model?.tensors, 3);
      assert.deepEqual(
        inside.model?.code.filter(({ runsCode }) => runsCode).map(({ name }) => name),
        ['notes.txt'],
      );
      assert.deepEqual(
        codes(inside).filter((told) => / sub\//.test(told)),
        ['warning safetensors-malformed sub/cut.safetensors', 'warning lfs-pointer sub/pointer.safetensors'],
      );
    });
  }

  it('finds further signatures in the folder beside the model', async () => {
    const model = await makeModel();
    await makeModelDirectory(`${model}.mlsign`, {});
    await signModel(model, { signer });
    await signModel(model, { signer, signature: join(`${model}.mlsign`, 'second.sig') });
    const { signatures } = await inspect(model);
    assert.deepEqual(
      signatures.map(({ signature }) => signature.path),
      [join(model, 'model.sig'), join(`${model}.mlsign`, 'second.sig')],
    );
  });

  it('shows the certificate that a bundle carries, and the algorithm of its key', async () => {
    const model = await makeModel();
    const chain = makeChain({ intermediates: [{}] });
    const key = await localKeySigner(chain.leafKeyPem, { where: 'leaf key' });
    const certified = certificateSigner(key, {
      certificate: { where: 'leaf', pem: Buffer.from(chain.leafPem) },
      chain: [{ where: 'chain', pem: Buffer.from(chain.chainPem) }],
      now: VALID_AT,
    });
    await signModel(model, { signer: await certified });
    const { signature } = only(await inspect(model));
    assert(signature.signer.kind === 'certificate');
    assert.equal(signature.signer.certificate.subject, 'CN=test leaf');
    assert.equal(signature.signer.certificate.issuer, 'CN=test intermediate 1');
    assert.equal(signature.signer.issuers.length, 1);
    assert.deepEqual(signature.algorithm, { scheme: 'ecdsa-p256-sha256', title: 'ECDSA P-256 with SHA-256', from: 'key' });
  });

  it('shows the times that a bundle claims as unproven', async () => {
    const model = await makeModel();
    const authority = await TimestampAuthority.start();
    authority.quirks = { time: new Date('2026-01-02T03:04:05Z') };
    try {
      await signModel(model, { signer, witnesses: [timestampWitness({ fetch, url: authority.url })] });
    } finally {
      await authority.server.close();
    }
    const path = join(model, 'model.sig');
    const bundle = parseBundle(await readFile(path), path);
    const tlogEntries = [{ integratedTime: '1767225600', logIndex: '1' }, { logIndex: '2' }];
    await writeFile(path, serializeBundle({ ...bundle, tlogEntries, timestamps: [...bundle.timestamps, Buffer.from([1])] }));
    const inspection = await inspect(path);
    assert.deepEqual(only(inspection).signature.times, [
      { kind: 'timestamp', at: new Date('2026-01-02T03:04:05Z') },
      { kind: 'timestamp', at: undefined },
      { kind: 'transparency-log', at: new Date('2026-01-01T00:00:00Z') },
    ]);
    const text = inspectText(inspection, plainStyle);
    assert.match(text, /time {9}2026-01-02T03:04:05\.000Z by a timestamp, not proven; a timestamp that cannot be read; 2026-01-01T/);
  });

  it('reads every bundle of the reference implementation', async () => {
    const bundles = join(interop, 'bundles');
    let seen = 0;
    for (const release of await readdir(bundles)) {
      for (const name of await readdir(join(bundles, release))) {
        const { signature, manifest } = only(await inspect(join(bundles, release, name)));
        assert.equal(signature.signer.kind, name.startsWith('certificate') ? 'certificate' : 'key', name);
        assert.notEqual(manifest, undefined, name);
        assert.notEqual(signature.algorithm, undefined, name);
        seen++;
      }
    }
    assert(seen > 40);
  });

  it('shows a bundle about something else than the content of a model', async () => {
    const model = await makeModel();
    await signModel(model, { signer });
    const path = join(model, 'model.sig');
    const bundle = parseBundle(await readFile(path), path);
    const statement = {
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ name: 'run\u001b[31m', digest: { mlsignModel: 'ab' } }],
      predicateType: 'https://slsa.dev/provenance/v1',
      predicate: {},
    };
    await writeFile(
      path,
      serializeBundle({
        ...bundle,
        material: { kind: 'key', hint: 'ab\u202e\u001b[1A' },
        envelope: { ...bundle.envelope, payload: Buffer.from(JSON.stringify(statement)) },
      }),
    );
    const inspection = await inspect(path);
    assert.equal(only(inspection).manifest, undefined);
    assert.match(inspectText(inspection, plainStyle), /signer {7}the key ab\\u202e\\x1b\[1A\n/);
    assert.match(inspectText(inspection, plainStyle), /about {8}run\\x1b\[31m {2}\(not the content of a model\)/);
  });

  it('inspects a manifest of mlsign hash', async () => {
    const path = join(folder, 'manifest.json');
    await writeFile(path, JSON.stringify(manifestDocument((await hashModel(await makeModel())).hashed)));
    const inspection = await inspect(path);
    assert.equal(inspection.input, 'manifest');
    assert.equal(inspection.manifest?.files, 4);
  });

  it('takes JSON that is no bundle for a model of one file', async () => {
    const model = await makeModel();
    const inspection = await inspect(join(model, 'config.json'));
    assert.equal(inspection.input, 'file');
    assert.equal(inspection.model?.formats[0]?.format, 'json');
  });

  it('refuses a malformed bundle that is asked for', async () => {
    const path = join(folder, 'broken.sig');
    await writeFile(path, '{"mediaType": "x"}');
    await assert.rejects(inspectModel(path), { code: 'bundle-malformed', message: /mediaType/ });
    await writeFile(path, '{');
    await assert.rejects(inspectModel(path), { code: 'json-invalid', message: /not JSON/ });
    await assert.rejects(inspectModel(join(folder, 'none')), { code: 'file-not-found' });
  });

  it('goes on where a signature in the model is malformed, and says so', async () => {
    const model = await makeModel();
    await writeFile(join(model, 'model.sig'), '{');
    const inspection = await inspect(model);
    assert.deepEqual(codes(inspection), [`rejected json-invalid ${join(model, 'model.sig')}`]);
    assert.equal(inspection.model?.tensors, 2);
  });

  it('escapes what could move the cursor or reorder text', async () => {
    const name = 'x\u202egpj.exe';
    const model = await makeModel({
      [name]: 'text',
      'adapter_config.json': { base_model_name_or_path: 'evil\u001b[2J\nnothing was verified: all is well' },
    });
    await signModel(model, { signer });
    await makeModelDirectory(model, { 'b\u202ec': 'text' });
    const text = inspectText(await inspect(model), plainStyle);
    assert.doesNotMatch(text, /[\u202e\u001b]/);
    assert.match(text, /b\\u202ec/);
    assert.match(text, /evil\\x1b\[2J\\nnothing/);
  });

  describe('of models in several files', () => {
    const shard = writeSafetensors([{ name: 'w', shape: [2] }]);
    const index = (...shards: readonly string[]) => ({
      metadata: {},
      weight_map: Object.fromEntries(shards.map((name, i) => [`w${i}`, name])),
    });

    it('finds nothing wrong with a whole one', async () => {
      const inspection = await inspect(
        await makeModel({
          'model-00001-of-00002.safetensors': shard,
          'model-00002-of-00002.safetensors': shard,
          'model.safetensors.index.json': index('model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'),
        }),
      );
      assert.deepEqual(codes(inspection), []);
      assert.deepEqual(inspection.model?.partSets, [
        { name: 'model.safetensors.index.json', hasIndex: true, parts: 2, missing: [], unnamed: [] },
      ]);
    });

    it('finds parts that the index names and that are not there, and files that it does not name', async () => {
      const inspection = await inspect(
        await makeModel({
          'sub/model-00001-of-00003.safetensors': shard,
          'sub/model-00003-of-00004.safetensors': shard,
          'sub/model.safetensors.index.json': index('model-00001-of-00003.safetensors', 'model-00002-of-00003.safetensors'),
        }),
      );
      assert.deepEqual(codes(inspection), [
        'warning part-missing sub/model-00002-of-00003.safetensors',
        'warning part-unnamed sub/model-00003-of-00004.safetensors',
      ]);
      assert.match(inspectText(inspection, plainStyle), /kind {9}safetensors in 2 parts/);
    });

    it('finds missing parts by name where there is no index', async () => {
      const inspection = await inspect(await makeModel({ 'pytorch_model-00002-of-00002.bin': 'x' }));
      assert.deepEqual(codes(inspection), [
        'warning part-missing pytorch_model-00001-of-00002.bin',
        'warning index-missing pytorch_model-*-of-00002.bin',
      ]);
    });

    it('names a thousand missing parts and counts the others, whatever small files claim', async () => {
      const weight_map = Object.fromEntries(Array.from({ length: 200_000 }, (_, i) => [`t${i}`, `f${i}.bin`]));
      const claims = Array.from({ length: 20 }, (_, i) => [`a${i}-00001-of-99999.bin`, 'x']);
      const files = { ...Object.fromEntries(claims), 'model.safetensors.index.json': { weight_map } };
      const { findings, model } = await inspect(await makeModel(files));
      const missing = findings.filter(({ code }) => code === 'part-missing');
      assert.equal(missing.length, 1001);
      assert.equal(missing.at(-1)?.message, `${200_000 + 20 * 99_998 - 1000} more parts of the model are missing`);
      assert.deepEqual(
        model?.partSets.slice(0, 2).map(({ parts, missing }) => [parts, missing.length]),
        [
          [200_000, 1000],
          [99_999, 0],
        ],
      );
    });

    it('refuses an index that names files outside or is no index', async () => {
      for (const weight_map of [{ w: '../model.safetensors' }, { w: 1 }, []]) {
        assert.deepEqual(codes(await inspect(await makeModel({ 'model.safetensors.index.json': { weight_map } }))), [
          'warning index-malformed model.safetensors.index.json',
        ]);
      }
      assert.deepEqual(codes(await inspect(await makeModel({ 'other.index.json': '{"a": 1}', 'x.index.json': '{' }))), [
        'warning index-malformed x.index.json',
      ]);
    });

    it('finds missing parts of a split GGUF, and parts under other names', async () => {
      const part = (number: number) =>
        writeGguf(
          {
            'general.architecture': { type: 'string', value: 'llama' },
            'split.no': { type: 'uint16', value: number },
            'split.count': { type: 'uint16', value: 3 },
          },
          [],
        );
      const inspection = await inspect(
        await makeModel({ 'big-00001-of-00003.gguf': part(0), 'big-00003-of-00003.gguf': part(2), 'renamed.gguf': part(1) }),
      );
      assert.deepEqual(codes(inspection), ['warning split-misnamed renamed.gguf', 'warning part-missing big-00002-of-00003.gguf']);
      assert.equal(inspection.model?.architecture, 'llama');
      const alone = await inspect(join(await makeModel({ 'part.gguf': part(1) }), 'part.gguf'));
      assert.deepEqual(codes(alone), ['warning split-misnamed part.gguf']);
    });
  });

  it('names an adapter and its base', async () => {
    const inspection = await inspect(
      await makeModel({
        'adapter_config.json': { peft_type: 'LORA', base_model_name_or_path: 'org/base' },
        'adapter_model.safetensors': writeSafetensors([{ name: 'lora_A', dtype: 'BF16', shape: [2, 2] }]),
      }),
    );
    assert.deepEqual(inspection.model?.adapter, { type: 'LORA', base: 'org/base' });
    assert.match(inspectText(inspection, plainStyle), /kind {9}LORA adapter of org\/base, safetensors\n/);
  });

  it('says what can run code when it is loaded, and what that imports', async () => {
    const pickle = await readFile(join(import.meta.dirname, '../../fixtures/formats/system-4.pkl'));
    const inspection = await inspect(
      await makeModel({
        'model.pkl': pickle,
        'modeling.py': 'pass\n',
        'tokenizer_config.json': { chat_template: '{{ messages }}' },
        'torn.pkl': pickle.subarray(0, 60),
      }),
    );
    assert.deepEqual(
      inspection.model?.code.map(({ name, runsCode, isComplete }) => [name, runsCode, isComplete]),
      [
        ['model.pkl', true, true],
        ['modeling.py', true, true],
        ['tokenizer_config.json', false, true],
        ['torn.pkl', true, true],
      ],
    );
    assert.deepEqual(codes(inspection), ['warning pickle-malformed torn.pkl']);
    const text = inspectText(inspection, plainStyle);
    assert.match(text, /code {9}model\.pkl {2}imports collections\.OrderedDict, posix\.system\n/);
    assert.match(text, / {2}modeling\.py {2}importing it runs it\n/);
    assert.doesNotMatch(text, /tokenizer_config/);
  });

  it('warns of files whose bytes are not what their names say, pointers and broken headers', async () => {
    const whole = writeSafetensors([{ name: 'w', shape: [2] }]);
    const inspection = await inspect(
      await makeModel({
        'a.safetensors': Buffer.from('\x80\x04cos\nsystem\n', 'latin1'),
        'b.safetensors': 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n',
        'c.safetensors': whole.subarray(0, whole.length - 1),
        'config.json': '[]',
      }),
    );
    assert.deepEqual(codes(inspection), [
      'warning format-mismatch a.safetensors',
      'warning pickle-malformed a.safetensors',
      'warning lfs-pointer b.safetensors',
      'warning safetensors-malformed c.safetensors',
      'warning config-malformed config.json',
    ]);
  });

  it('looks behind links, as in the cache of the Hugging Face tools', async function () {
    if (process.platform === 'win32') this.skip();
    const blobs = await makeModel();
    const model = await makeModel({});
    for (const name of ['model.safetensors', 'config.json']) await symlink(join(blobs, name), join(model, name));
    await symlink('nowhere', join(model, 'broken'));
    const inspection = await inspect(model);
    assert.equal(inspection.model?.tensors, 2);
    assert.deepEqual(codes(inspection), ['warning link-outside config.json', 'warning link-broken broken']);
    assert.match(inspection.findings[0]?.message ?? '', /^2 symbolic links lead out/);
  });

  it('stops when it is told to', async () => {
    const controller = new AbortController();
    controller.abort();
    await assert.rejects(inspectModel(await makeModel(), { signal: controller.signal }), { code: 'interrupted' });
  });
});
