import assert from 'node:assert/strict';
import { unlinkSync } from 'node:fs';
import { type Finding, sha256Hex } from '../../src/core/index.ts';
import { type OpenedRelease, openRelease, releasePayload } from '../../src/release/index.ts';
import { aPointer, aRecord, codes, OTHER_MODEL_ID, ReleaseStore } from '../helpers/releases.ts';

describe('release: what a record is', () => {
  let folder: ReleaseStore;

  beforeEach(() => {
    folder = new ReleaseStore();
  });
  afterEach(() => {
    folder.remove();
  });

  async function open(number = 1, digest?: string): Promise<OpenedRelease> {
    return openRelease(await folder.store(), folder.location, number, folder.trust, { digest });
  }

  /** Asserts one finding that decides; returns it. */
  function rejects({ release, findings }: OpenedRelease, code: string, message: RegExp, severity = 'rejected'): Finding {
    assert.equal(release, undefined);
    assert.deepEqual(codes(findings), [`${severity} ${code}`]);
    assert.match(findings[0]?.message ?? '', message);
    assert.ok(findings[0]);
    return findings[0];
  }

  function rm(number: number): void {
    unlinkSync(folder.path('models', ...folder.releaseKey(number).split('/')));
  }

  it('is signed, and of this name and number', async () => {
    const { digest, bytes } = await folder.release(aRecord(1));
    const { release, checks, findings } = await open(1, digest);
    assert.deepEqual(findings, []);
    assert.deepEqual(release?.record, aRecord(1));
    assert.equal(release.digest, digest);
    assert.deepEqual([release.statement.bundleDigest, release.size], [sha256Hex(bytes), bytes.length]);
    assert.deepEqual(
      checks.filter(({ name }) => name.startsWith('release')).map(({ name, status }) => `${name} ${status}`),
      ['release passed', 'release-history passed'],
    );
  });

  it('is not that of another model, put under this name', async () => {
    await folder.release(aRecord(1, { name: 'mistral' }));
    const finding = rejects(await open(), 'release-other-name', /signed for another release/);
    assert.deepEqual([finding.expected, finding.got], ['llama@1', 'mistral@1']);
  });

  it('is not that of another number', async () => {
    await folder.release(aRecord(1), 'ec-p384', 2);
    const finding = rejects(await open(2), 'release-other-name', /signed for another release/);
    assert.deepEqual([finding.expected, finding.got], ['llama@2', 'llama@1']);
  });

  it('is not by another signer, nor without a signature, nor a pointer', async () => {
    await folder.release(aRecord(1), 'ed25519');
    const finding = rejects(await open(1), 'signer-untrusted', /not trusted/);
    assert.equal(finding.suggestion, 'if this signer may release models here, say so: --trust-release, or released-by in the policy');
    await folder.overwrite(folder.releaseKey(2), releasePayload(aRecord(2)));
    rejects(await open(2), 'bundle-malformed', /mediaType/);
    const { bytes } = await folder.point(aPointer(1));
    await folder.overwrite(folder.releaseKey(3), bytes);
    rejects(await open(3), 'predicate-type-unknown', /not a release/);
  });

  it('is one: two signed records at one number reject, whichever is asked for', async () => {
    const first = await folder.release(aRecord(1));
    const second = await folder.release(aRecord(1, { modelId: OTHER_MODEL_ID }));
    for (const digest of [undefined, first.digest, second.digest]) {
      const finding = rejects(await open(1, digest), 'release-forked', /two different records/);
      assert.match(`${finding.expected} ${finding.got}`, new RegExp(first.digest));
      assert.match(`${finding.expected} ${finding.got}`, new RegExp(second.digest));
      assert.match(finding.suggestion ?? '', /mlsign push MODEL file:/);
    }
  });

  it('is not another one than the pointer was signed for, where that one is gone', async () => {
    const { digest } = await folder.release(aRecord(1));
    await folder.purge(folder.releaseKey(1));
    const other = await folder.release(aRecord(1, { modelId: OTHER_MODEL_ID }));
    const finding = rejects(await open(1, digest), 'release-replaced', /another one than the pointer/);
    assert.deepEqual([finding.expected, finding.got], [digest, other.digest]);
  });

  it('is found among the older versions where it was deleted or written over', async () => {
    const { digest } = await folder.release(aRecord(1));
    rm(1);
    const deleted = await open(1, digest);
    assert.equal(deleted.release?.digest, digest);
    assert.deepEqual(codes(deleted.findings), ['warning release-deleted']);
    assert.match(deleted.findings[0]?.suggestion ?? '', /mlsign restore file:\S+\/llama@1$/);
    await folder.overwrite(folder.releaseKey(1), 'junk');
    const overwritten = await open(1);
    assert.equal(overwritten.release?.digest, digest);
    assert.deepEqual(codes(overwritten.findings), ['warning release-overwritten']);
    assert.match(overwritten.findings[0]?.got ?? '', /not JSON/);
  });

  it('is the same record where it was restored', async () => {
    const { digest, bytes } = await folder.release(aRecord(1));
    await folder.overwrite(folder.releaseKey(1), 'junk');
    const { version } = await folder.overwrite(folder.releaseKey(1), bytes);
    const { release, findings } = await open(1, digest);
    assert.deepEqual(findings, []);
    assert.equal(release?.version, version);
  });

  it('cannot be told where there is none, or none any more', async () => {
    const finding = rejects(await open(4), 'release-missing', /no such release/, 'undetermined');
    assert.match(finding.suggestion ?? '', /mlsign releases file:\S+\/llama$/);
  });

  it('cannot be told where so much was written over it that not all is read, unless a pointer names it', async function () {
    this.timeout(60_000);
    const { digest, bytes } = await folder.release(aRecord(1));
    for (let i = 0; i < 100; i++) await folder.overwrite(folder.releaseKey(1), `junk ${i}`);
    rejects(await open(1), 'json-invalid', /not JSON/);
    await folder.overwrite(folder.releaseKey(1), bytes);
    rejects(await open(1), 'release-history-unread', /only the newest 100 versions are read/, 'undetermined');
    const pinned = await open(1, digest);
    assert.equal(pinned.release?.digest, digest);
    assert.deepEqual(codes(pinned.findings), ['warning release-history-unread']);
  });
});
