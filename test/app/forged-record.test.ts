import assert from 'node:assert/strict';
import { parseBundle } from '../../src/formats/index.ts';
import { parseReleaseRecord, type ReleaseRecord, releasePayload } from '../../src/release/index.ts';
import { layoutOf } from '../../src/store/index.ts';
import { signedBytes } from '../helpers/releases.ts';
import { RELEASER, StoredModels, TRUST } from '../helpers/stored-models.ts';

describe('a record that the releaser signed, and that is false', () => {
  let models: StoredModels;

  beforeEach(async () => {
    models = new StoredModels();
    await models.push();
  });
  afterEach(() => models.remove());

  /** Signs a changed copy of the record of release 1 as release 2. */
  async function forge(change: (record: ReleaseRecord) => Partial<ReleaseRecord>): Promise<ReleaseRecord> {
    const { release } = layoutOf(models.location());
    const [bytes = Buffer.alloc(0)] = await models.versions(release(1));
    const record = parseReleaseRecord(parseBundle(bytes, 'release 1').envelope.payload, 'release 1');
    const forged = { ...record, number: 2, ...change(record) };
    models.overwrite(release(2), await signedBytes(releasePayload(forged), RELEASER));
    return record;
  }

  async function verified(...args: readonly string[]) {
    const { code, stdout } = await models.run('verify', `${models.url()}@2`, ...TRUST, ...args, '--json');
    const { verdict, findings } = JSON.parse(stdout);
    return { code, verdict, findings };
  }

  const WAYS: Readonly<Record<string, readonly [change: (record: ReleaseRecord) => Partial<ReleaseRecord>, message: RegExp]>> = {
    'another digest': [
      ({ objects }) => ({ objects: objects.map((object) => ({ ...object, parts: ['0'.repeat(64)] })) }),
      /^the record of release 2 has another digest for a file than what is signed$/,
    ],
    'a file that is not signed': [
      ({ objects: [first, ...others] }) => ({ objects: first === undefined ? [] : [first, ...others, { ...first, name: 'z.py' }] }),
      /^the record of release 2 lists a file that is not signed$/,
    ],
    'one file less': [({ objects }) => ({ objects: objects.slice(1) }), /^the record of release 2 lacks a signed file$/],
  };
  for (const [what, [change, message]] of Object.entries(WAYS)) {
    it(`is rejected where it has ${what}`, async () => {
      await forge(change);
      const { code, verdict, findings } = await verified();
      assert.deepEqual([code, verdict], [1, 'rejected']);
      const [finding] = findings.filter((found: { code: string }) => found.code === 'release-contradicts-signature');
      assert.equal(finding.severity, 'rejected');
      assert.match(finding.message, message);
    });
  }

  it('is rejected where it is of another model than its bundles sign', async () => {
    const modelId = 'f'.repeat(64);
    const { bundle } = layoutOf(models.location());
    const store = await models.open();
    try {
      const { modelId: own, bundles } = await forge(() => ({}));
      const [signature] = bundles;
      assert.ok(signature);
      const [bytes = Buffer.alloc(0)] = await models.versions(bundle(own, signature.digest));
      const copy = await store.write(bundle(modelId, signature.digest), bytes, 'absent');
      assert.ok(copy);
      await forge(() => ({ modelId, bundles: [{ ...signature, version: copy.version }] }));
    } finally {
      await store.close();
    }
    const { code, verdict, findings } = await verified();
    assert.deepEqual([code, verdict], [1, 'rejected']);
    const [finding] = findings.filter((found: { code: string }) => found.code === 'release-model-differs');
    assert.deepEqual([finding.severity, finding.expected], ['rejected', modelId]);
    assert.equal(finding.message, 'release 2 is of another model than its bundles sign');
  });
});
