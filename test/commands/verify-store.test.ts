import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { mlsign } from '../helpers/cli.ts';
import { Sandbox } from '../helpers/sandbox.ts';
import { assertValid } from '../helpers/schemas.ts';
import { runJson, STORE_BEDS, type StoreBed, s3Bed } from '../helpers/store-bed.ts';
import { keyPath, RELEASER, signingAs, TRAINER, TRUST } from '../helpers/stored-models.ts';

interface VerificationJson {
  readonly verdict: string;
  readonly model_id?: string;
  readonly read?: { readonly files: number; readonly bytes: number };
  readonly stored: {
    readonly location: string;
    readonly release?: { readonly number: number };
    readonly channel?: { readonly name: string; readonly sequence: number };
    readonly files: readonly { readonly name: string; readonly evidence: string }[];
  };
  readonly checks: readonly { readonly name: string; readonly status: string; readonly detail: string }[];
  readonly findings: readonly {
    readonly code: string;
    readonly subject: string;
    readonly severity: string;
    readonly message: string;
    readonly expected?: string;
    readonly got?: string;
    readonly suggestion?: string;
  }[];
}

const FILES = { 'config.json': '{}', 'weights/a.bin': Buffer.alloc(6_000_000, 1), empty: '' };
const BY_RELEASER = signingAs(RELEASER);

/** Signs and pushes models into a store. */
class Pusher {
  readonly sandbox = new Sandbox();
  readonly #bed: StoreBed;
  #serial = 0;

  constructor(bed: StoreBed) {
    this.#bed = bed;
  }

  async push(name: string, files: Readonly<Record<string, string | Uint8Array>> = FILES, ...flags: readonly string[]): Promise<string> {
    const model = this.sandbox.write(`${++this.#serial}/model`, files);
    const signed = await mlsign(['sign', model, ...signingAs(TRAINER), ...flags]);
    assert.equal(signed.code, 0, signed.stderr);
    const { model_id } = await runJson<{ model_id: string }>(this.#bed, 0, ['push', model, this.#bed.url(name), ...TRUST, ...BY_RELEASER]);
    return model_id;
  }

  async promote(name: string, release: number, ...flags: readonly string[]): Promise<void> {
    const args = ['promote', `${this.#bed.url(name)}@${release}`, '--channel', 'production', '--expires', '30d', ...TRUST, ...BY_RELEASER];
    await runJson(this.#bed, 0, [...args, ...flags]);
  }
}

async function verify(bed: StoreBed, code: number, what: string, ...flags: readonly string[]): Promise<VerificationJson> {
  const document = await runJson<VerificationJson>(bed, code, ['verify', bed.url(what), ...TRUST, ...flags]);
  assertValid('verification', document);
  return document;
}

function decisive({ findings }: VerificationJson): readonly string[] {
  return findings
    .filter(({ severity }) => severity === 'rejected' || severity === 'undetermined')
    .map(({ code, subject }) => `${code} ${subject}`)
    .sort();
}

for (const [kind, open] of Object.entries(STORE_BEDS)) {
  describe(`mlsign verify in ${kind}`, () => {
    let bed: StoreBed;
    let pusher: Pusher;
    let modelId = '';

    before(async () => {
      bed = await open();
      pusher = new Pusher(bed);
      modelId = await pusher.push('model');
    });
    after(async () => {
      pusher.sandbox.remove();
      await bed.close();
    });

    it('says how each file was proven, and that a plain reader gets the release', async () => {
      const verified = await verify(bed, 0, 'model@1', '--full');
      assert.deepEqual([verified.verdict, verified.model_id, verified.stored.release?.number], ['verified', modelId, 1]);
      assert.deepEqual(
        verified.stored.files.map(({ name, evidence }) => `${name} ${evidence}`),
        ['config.json bytes-hashed', 'empty bytes-hashed', 'weights/a.bin bytes-hashed'],
      );
      assert.deepEqual(verified.read && [verified.read.files, verified.read.bytes], [3, 6_000_002]);
      for (const name of ['release', 'release-history', 'signers', 'model-content', 'store-prefix']) {
        assert.ok(
          verified.checks.some((check) => check.name === name && check.status === 'passed'),
          name,
        );
      }
      const text = await mlsign(['verify', `${bed.url('model')}@sha256:${modelId}`, ...TRUST], { env: bed.env });
      assert.match(text.stdout, /^verified {2}model\nfrom {7}\S+model@sha256:[0-9a-f]{64}\nrelease {4}1 /);
    });

    it('leaves open what the store does not prove where nothing may be downloaded', async () => {
      const attested = await verify(bed, kind === 'a bucket' ? 0 : 3, 'model@1', '--attested');
      if (kind === 'a bucket') return;
      assert.deepEqual(decisive(attested), ['not-attested config.json', 'not-attested empty', 'not-attested weights/a.bin']);
      assert.match(attested.findings[0]?.message ?? '', /a local directory computes no checksums/);
      assert.equal(attested.read?.files, 0);
    });

    it('rejects what lies on top of a pinned version, and says what to do in one line', async () => {
      const id = await pusher.push('overwritten');
      await pusher.push('overwritten', { ...FILES, 'config.json': '{"b":1}' });
      await pusher.promote('overwritten', 2, '--init');
      await pusher.promote('overwritten', 1);
      bed.overwrite(`overwritten/${id}/config.json`, '[]');
      const state = ['--state', pusher.sandbox.path('state.json')];
      const rejected = await verify(bed, 1, 'overwritten@production', ...state);
      assert.deepEqual(decisive(rejected), ['object-not-pinned config.json']);
      const run = await mlsign(['verify', `${bed.url('overwritten')}@production`, ...TRUST, '--quiet', ...state], { env: bed.env });
      const place = bed.url('overwritten');
      assert.equal(
        run.stderr,
        `rejected: config.json changed in release 1 (expected 44136fa355b3…, got 4f53cda18c2b…). restore it: mlsign restore ${place}@1 · or roll back: mlsign rollback ${place} --channel production --to 2\n`,
      );
      // Of the same size or not: what is expected is told either way.
      bed.overwrite(`overwritten/${id}/config.json`, 'longer');
      const longer = await verify(bed, 1, 'overwritten@1');
      assert.deepEqual(
        longer.findings.map(({ expected, got }) => [expected, got]),
        [['2 bytes', '6 bytes']],
      );
    });

    it('accepts a newer version of the same bytes, as after a restore, and notes it', async () => {
      const id = await pusher.push('restored');
      bed.overwrite(`restored/${id}/config.json`, 'x');
      bed.overwrite(`restored/${id}/config.json`, '{}');
      const { findings } = await verify(bed, 0, 'restored@1');
      assert.deepEqual(
        findings.map(({ code, severity }) => `${severity} ${code}`),
        ['note object-not-pinned'],
      );
    });

    it('rejects a deleted file, a file too many, and each of several by name', async () => {
      const id = await pusher.push('prefix');
      bed.delete(`prefix/${id}/weights/a.bin`);
      bed.overwrite(`prefix/${id}/pickle.bin`, 'x');
      bed.overwrite(`prefix/${id}/weights/.hidden`, 'x');
      const rejected = await verify(bed, 1, 'prefix@1');
      assert.deepEqual(decisive(rejected), ['object-extra pickle.bin', 'object-extra weights/.hidden', 'object-missing weights/a.bin']);
      for (const { code, suggestion } of rejected.findings) {
        assert.match(suggestion ?? '', code === 'object-extra' ? /mlsign restore \S+prefix@1 --prune$/ : /mlsign restore \S+prefix@1$/);
      }
      assert.ok(rejected.checks.some(({ name, status }) => name === 'store-prefix' && status === 'failed'));
    });

    it('rejects a pinned version whose bytes are others, where they are read', async () => {
      const id = await pusher.push('corrupt');
      await bed.corrupt(`corrupt/${id}/weights/a.bin`);
      const rejected = await verify(bed, 1, 'corrupt@1', '--full');
      assert.deepEqual(decisive(rejected), ['file-changed weights/a.bin']);
      assert.equal(rejected.findings[0]?.message, 'changed in release 1');
    });

    it('reads nothing of a release that nobody trusted has signed', async () => {
      const foreign = ['verify', `${bed.url('model')}@1`, '--trust-key', keyPath('ec-p384.pub')];
      const rejected = await runJson<VerificationJson>(bed, 1, foreign);
      assert.ok(rejected.findings.some(({ code }) => code === 'signer-untrusted'));
      assert.equal(rejected.read, undefined);
      const releaser = await runJson<VerificationJson>(bed, 1, [
        'verify',
        `${bed.url('model')}@1`,
        '--trust-key',
        keyPath(`${TRAINER}.pub`),
      ]);
      assert.ok(
        releaser.findings.some(({ code }) => code === 'signer-untrusted'),
        'the releaser is not the trainer',
      );
    });

    it('rejects a signature that is not the one released, though another would do', async () => {
      const model = pusher.sandbox.write('twice/model', FILES);
      const further = pusher.sandbox.path('twice', 'model.mlsign', 'further.sig');
      pusher.sandbox.write('twice/model.mlsign', {});
      for (const flags of [[], ['--signature', further]]) {
        assert.equal((await mlsign(['sign', model, ...signingAs(TRAINER), ...flags])).code, 0);
      }
      await runJson(bed, 0, ['push', model, bed.url('twice'), ...TRUST, ...BY_RELEASER]);
      const [first = '', second = ''] = bed.keys().filter((key) => key.startsWith('twice/.mlsign/bundles/'));
      assert.ok(second);
      await verify(bed, 0, 'twice@1');
      await bed.corrupt(first);
      const rejected = await verify(bed, 1, 'twice@1');
      assert.deepEqual(
        rejected.findings.map(({ code, severity, subject }) => [code, severity, subject.endsWith(first)]),
        [['bundle-changed', 'rejected', true]],
      );
    });

    it('rejects a release in the place of another', async () => {
      const [one, two] = [await pusher.push('swap'), await pusher.push('swap', { ...FILES, 'config.json': '{"c":1}' })];
      assert.notEqual(one, two);
      const record = await bed.read('swap/.mlsign/releases/1.json');
      bed.overwrite('swap/.mlsign/releases/2.json', record);
      const rejected = await verify(bed, 0, 'swap@2');
      assert.deepEqual(
        rejected.findings.map(({ code, severity }) => `${severity} ${code}`),
        ['warning release-overwritten'],
      );
      bed.overwrite('other/.mlsign/releases/1.json', record);
      assert.equal((await verify(bed, 1, 'other@1')).verdict, 'rejected');
    });

    it('asks which release is meant, and what flags of the disk are for', async () => {
      const bare = await runJson<{ code: string }>(bed, 2, ['verify', bed.url('model'), ...TRUST]);
      assert.equal(bare.code, 'reference-missing');
      const local = await runJson<{ code: string; message: string }>(bed, 2, [
        'verify',
        `${bed.url('model')}@1`,
        ...TRUST,
        '--allow-symlinks',
      ]);
      assert.deepEqual(
        [local.code, local.message],
        ['flag-without-use', 'these flags mean nothing for a release in a store: --allow-symlinks'],
      );
      const stored = await runJson<{ code: string; message: string }>(bed, 2, [
        'verify',
        pusher.sandbox.root,
        ...TRUST.slice(0, 2),
        '--full',
      ]);
      assert.equal(stored.message, 'these flags mean nothing for a model on disk: --full');
    });

    it('escapes names that come from the store', async () => {
      const id = await pusher.push('escapes');
      bed.overwrite(`escapes/${id}/a\u202eb`, 'x');
      const run = await mlsign(['verify', `${bed.url('escapes')}@1`, ...TRUST], { env: bed.env });
      assert.equal(run.code, 1);
      assert.ok(!run.stdout.includes('\u202e') && run.stdout.includes('a\\u202eb'), run.stdout);
    });
  });
}

describe('mlsign verify in a bucket, by the checksums of S3', () => {
  let bed: Awaited<ReturnType<typeof s3Bed>>;
  let pusher: Pusher;

  before(async () => {
    bed = await s3Bed();
    pusher = new Pusher(bed);
  });
  after(async () => {
    pusher.sandbox.remove();
    await bed.close();
  });

  /** How often files were downloaded since the last time; records and bundles are not files. */
  function downloads(): number {
    const seen = bed.bench.server.seen.splice(0);
    return seen.filter(({ operation, key }) => operation === 'GetObject' && !key.includes('/.mlsign/')).length;
  }

  it('downloads nothing where the user believes the endpoint, whatever the manifest is made of', async () => {
    await pusher.push('files');
    await pusher.push('shards', FILES, '--shard-size', '1MB');
    await pusher.push('blake3', FILES, '--algorithm', 'blake3');
    for (const name of ['files', 'shards', 'blake3']) {
      downloads();
      const verified = await verify(bed, 0, `${name}@1`, '--attested');
      assert.equal(downloads(), 0);
      assert.deepEqual([...new Set(verified.stored.files.map(({ evidence }) => evidence))], ['s3-attested']);
      assert.equal(verified.read?.files, 0);
    }
    assert.equal((await verify(bed, 0, 'files@1', '--full')).read?.files, 3);
    // Each once whole, and what tells formats: the beginnings of two files, and the end of one.
    assert.equal(downloads(), 6);
  });

  it('hashes what lies at an endpoint that nobody vouches for, and believes one that the policy names', async () => {
    await pusher.push('endpoint');
    const verified = await verify(bed, 0, 'endpoint@1');
    assert.equal(verified.read?.files, 3);
    const policy = pusher.sandbox.path('policy.yaml');
    const endpoint = bed.bench.server.endpoint;
    writeFileSync(
      policy,
      `version: 1
principals:
  trainer: { key: ${keyPath(`${TRAINER}.pub`)} }
  releaser: { key: ${keyPath(`${RELEASER}.pub`)} }
rules:
  - model: "s3://**"
    signed-by: trainer
    released-by: releaser
    attested-endpoints: ["${endpoint}"]
`,
    );
    const named = await runJson<VerificationJson>(bed, 0, ['verify', `${bed.url('endpoint')}@1`, '--policy', policy]);
    assert.equal(named.read?.files, 0, JSON.stringify(named.checks));
  });

  it('rejects other bytes by their checksums alone', async () => {
    const id = await pusher.push('changed');
    bed.overwrite(`changed/${id}/config.json`, '[]');
    downloads();
    const rejected = await verify(bed, 1, 'changed@1', '--attested');
    assert.equal(downloads(), 0);
    assert.deepEqual(decisive(rejected), ['object-not-pinned config.json']);
  });

  it('rejects a pinned version that was removed for good', async () => {
    const id = await pusher.push('erased');
    const key = `${bed.prefix}erased/${id}/config.json`;
    const [version] = bed.bench.behind.history(key);
    bed.bench.behind.erase(key, version?.id ?? '');
    const rejected = await verify(bed, 1, 'erased@1');
    assert.deepEqual(decisive(rejected), ['object-missing config.json', 'object-missing config.json']);
  });

  it('compares current versions where the prefix may not be listed, and leaves the rest open', async () => {
    const id = await pusher.push('unlisted');
    const allow = ['s3:GetObject', 's3:GetObjectVersion', 's3:GetObjectAttributes', 's3:GetObjectVersionAttributes', 's3:ListBucket'];
    const env = bed.bench.environment(bed.bench.server.addPrincipal('deployer', allow));
    await pusher.promote('unlisted', 1, '--init');
    const args = [
      'verify',
      `${bed.url('unlisted')}@production`,
      ...TRUST,
      '--min-sequence',
      '1',
      '--state',
      pusher.sandbox.path('deployer.json'),
    ];
    const open = await runJson<VerificationJson>(bed, 3, args, { env });
    const finding = open.findings.find(({ code }) => code === 'prefix-not-listed');
    assert.match(finding?.suggestion ?? '', /s3:ListBucketVersions/);
    bed.overwrite(`unlisted/${id}/config.json`, '[]');
    const rejected = await runJson<VerificationJson>(bed, 1, args, { env });
    assert.ok(decisive(rejected).includes('object-not-pinned config.json'));
  });
});
