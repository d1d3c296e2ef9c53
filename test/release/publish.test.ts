import assert from 'node:assert/strict';
import { unlinkSync } from 'node:fs';
import { listChannels, listReleases, openRelease, type PublishedRelease, publishRelease } from '../../src/release/index.ts';
import { seal } from '../../src/sign/index.ts';
import { fixtureSigner, mlsignError } from '../helpers/keys.ts';
import { anObject, aPointer, aRecord, ReleaseStore } from '../helpers/releases.ts';

describe('publishing a release', () => {
  let folder: ReleaseStore;

  beforeEach(() => {
    folder = new ReleaseStore();
  });
  afterEach(() => {
    folder.remove();
  });

  async function publish(fields = {}): Promise<PublishedRelease> {
    const signer = await fixtureSigner('ec-p384');
    const make = (number: number) => aRecord(number, fields);
    return publishRelease(await folder.store(), folder.location, make, (payload) => seal(payload, signer));
  }

  it('takes the next number, and what it returns is what lies there', async () => {
    assert.equal((await publish()).record.number, 1);
    const { record, digest, version } = await publish();
    assert.equal(record.number, 2);
    const { release, findings } = await openRelease(await folder.store(), folder.location, 2, folder.trust);
    assert.deepEqual(findings, []);
    assert.deepEqual([release?.record, release?.digest, release?.version], [record, digest, version]);
  });

  it('never takes a number again whose record was deleted', async () => {
    await publish();
    await publish();
    unlinkSync(folder.path('models', ...folder.releaseKey(2).split('/')));
    assert.equal((await publish()).record.number, 3);
  });

  it('goes on with the numbers in use, whatever somebody put far above them', async () => {
    await publish();
    for (const number of [20_000, 999_999_999_999_999]) await folder.overwrite(folder.releaseKey(number), 'no record');
    assert.equal((await publish()).record.number, 2);
    await folder.overwrite(folder.releaseKey(10_002), 'no record');
    assert.equal((await publish()).record.number, 20_001);
  });

  it('gives two who publish at once a number each', async () => {
    const published = await Promise.all([publish({ modelId: '1'.repeat(64) }), publish({ modelId: '2'.repeat(64) }), publish()]);
    assert.deepEqual(published.map(({ record }) => record.number).sort(), [1, 2, 3]);
    for (const { record, digest } of published) {
      const { release } = await openRelease(await folder.store(), folder.location, record.number, folder.trust, { digest });
      assert.equal(release?.record.modelId, record.modelId);
    }
  });

  it('gives up where others are faster every time', async () => {
    const signer = await fixtureSigner('ec-p384');
    const late = publishRelease(await folder.store(), folder.location, aRecord, async (payload) => {
      await publish();
      return seal(payload, signer);
    });
    await assert.rejects(late, mlsignError('release-busy', /^others took the next number \d+ times$/, { outcome: 'unavailable' }));
  });

  it('writes nothing that nobody could read', async () => {
    const objects = [anObject('../weights.bin')];
    await assert.rejects(publish({ objects }), mlsignError('release-malformed', /objects\[0\]\.name: expected a path inside the model/));
    assert.deepEqual(await listReleases(await folder.store(), folder.location), []);
  });

  it('is listed, deleted or not, with the newest first', async () => {
    for (let i = 0; i < 11; i++) await publish();
    unlinkSync(folder.path('models', ...folder.releaseKey(11).split('/')));
    await folder.overwrite(`${folder.releaseKey(1)}.bak`, 'no record');
    await folder.point(aPointer(1));
    const store = await folder.store();
    const releases = await listReleases(store, folder.location);
    assert.deepEqual(
      releases.map(({ number }) => number),
      [11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1],
    );
    assert.equal(releases[0]?.entries[0]?.isDeleted, true);
    for (const text of ['junk', 'more junk']) await folder.overwrite(folder.releaseKey(1), text);
    const [oldest] = (await listReleases(store, folder.location)).slice(-1);
    assert.deepEqual([oldest?.number, oldest?.entries.map(({ version }) => version)], [1, ['3']], 'what is below is not kept');
    const channels = await listChannels(store, folder.location);
    assert.deepEqual(
      channels.map(({ channel, entries }) => [channel, entries.length]),
      [['production', 1]],
    );
  });
});
