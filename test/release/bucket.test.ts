import assert from 'node:assert/strict';
import { serializeBundle } from '../../src/formats/index.ts';
import { channelPayload, HighWaterMark, openChannel, openRelease, resolveRelease } from '../../src/release/index.ts';
import { seal } from '../../src/sign/index.ts';
import { trustKeys } from '../helpers/bundles.ts';
import { fixtureSigner } from '../helpers/keys.ts';
import { aPointer, aRecord, codes, ReleaseStore, STATELESS, trustIn } from '../helpers/releases.ts';
import { S3Bench } from '../helpers/s3.ts';
import type { AwsPrincipal } from '../helpers/sigv4.ts';

const READ = ['s3:GetObject', 's3:GetObjectVersion'];
const who = (id: string, ...allow: string[]): AwsPrincipal => ({
  accessKeyId: `AKIA${id}`,
  secretAccessKey: `secret of ${id}`,
  arn: `arn:aws:iam::111122223333:user/${id}`,
  allow,
});
const READER = who('READER', ...READ);
const LISTER = who('LISTER', ...READ, 's3:ListBucket', 's3:ListBucketVersions');

describe('releases in a bucket', () => {
  let bench: S3Bench;
  let folder: ReleaseStore;

  before(async () => {
    bench = await S3Bench.start();
    bench.server.principals.push(READER, LISTER);
  });
  after(() => bench.stop());
  beforeEach(async () => {
    folder = new ReleaseStore(bench.url(`${Math.random().toString(36).slice(2)}/llama`), bench.connection());
    const { number, digest } = await folder.release(aRecord(1));
    await folder.point(aPointer(1, { release: { number, digest } }));
  });
  afterEach(async () => {
    await (await folder.store()).close();
    folder.remove();
  });

  /** Does something as somebody else. */
  async function as<T>(principal: AwsPrincipal, work: (other: ReleaseStore) => Promise<T>): Promise<T> {
    return bench.as(principal, async () => {
      const other = new ReleaseStore(folder.location.url, bench.connection());
      try {
        return await work(other);
      } finally {
        await (await other.store()).close();
        other.remove();
      }
    });
  }

  it('a client that may list versions has everything that it needs', async () => {
    const { release, channel, findings } = await as(LISTER, async (other) =>
      resolveRelease(await other.store(), other.at('production'), other.trust, STATELESS),
    );
    assert.deepEqual([release?.record.number, channel?.pointer.sequence, findings], [1, 1, []]);
  });

  it('one that may not follows a channel that it knows, and is told what it could not see', async () => {
    const state = new HighWaterMark(folder.path('channels.json'));
    const follow = (client: object) =>
      as(READER, async (other) => resolveRelease(await other.store(), other.at('production'), other.trust, { ...STATELESS, ...client }));
    const stranger = await follow({});
    assert.equal(stranger.release, undefined);
    assert.deepEqual(codes(stranger.findings), ['undetermined channel-history-unread']);
    assert.match(stranger.findings[0]?.message ?? '', /absent or forbidden: s3:ListBucketVersions/);
    assert.match(stranger.findings[0]?.suggestion ?? '', /allow s3:ListBucketVersions.*--min-sequence N/);
    const known = await follow({ minSequence: 1 });
    assert.equal(known.release?.record.number, 1);
    assert.deepEqual(codes(known.findings), ['warning channel-history-unread', 'warning release-history-unread']);
    await state.advance('llama', 'production', { sequence: 1, digest: known.channel?.digest ?? '' });
    assert.ok((await follow({ state })).release);
  });

  it('one that may not cannot tell whether a number has two records, unless a pointer names one', async () => {
    const { release, findings } = await as(READER, async (other) => openRelease(await other.store(), other.location, 1, other.trust));
    assert.equal(release, undefined);
    assert.deepEqual(codes(findings), ['undetermined release-history-unread']);
    assert.match(findings[0]?.suggestion ?? '', /or name a channel, whose pointer names the record by its digest/);
  });

  it('one that may not list at all is told that what is missing is absent or forbidden', async () => {
    const release = await as(READER, async (other) => openRelease(await other.store(), other.location, 9, other.trust));
    assert.deepEqual(codes(release.findings), ['undetermined object-forbidden']);
    assert.match(release.findings[0]?.message ?? '', /absent or forbidden/);
    const channel = await as(READER, async (other) => openChannel(await other.store(), other.location, 'beta', other.trust, STATELESS));
    assert.deepEqual(codes(channel.findings), ['undetermined object-forbidden']);
  });

  it('finds what a delete marker hides', async () => {
    const prefix = folder.location.prefix;
    assert.ok(prefix !== '');
    bench.behind.deleteMarker(folder.releaseKey(1));
    const store = await folder.store();
    const { release, findings } = await openRelease(store, folder.location, 1, folder.trust);
    assert.equal(release?.record.number, 1);
    assert.deepEqual(codes(findings), ['warning release-deleted']);
    bench.behind.deleteMarker(folder.channelKey);
    const { channel, findings: why } = await openChannel(store, folder.location, 'production', folder.trust, STATELESS);
    assert.equal(channel, undefined);
    assert.deepEqual(codes(why), ['rejected channel-deleted']);
    assert.match(why[0]?.suggestion ?? '', /mlsign rollback s3:\S+\/llama --channel production --to 1$/);
  });

  it('rejects an older pointer on top of a newer one', async () => {
    const old = await bench.behind.read(folder.channelKey);
    await folder.point(aPointer(2));
    bench.behind.overwrite(folder.channelKey, old);
    const { channel, findings } = await openChannel(await folder.store(), folder.location, 'production', folder.trust, STATELESS);
    assert.equal(channel, undefined);
    assert.deepEqual(codes(findings), ['rejected channel-rolled-back']);
  });

  it('does not follow an older pointer under which more than is read was buried', async function () {
    this.timeout(60_000);
    const old = await bench.behind.read(folder.channelKey);
    await folder.point(aPointer(2));
    for (let i = 0; i < 1000; i++) bench.behind.overwrite(folder.channelKey, `junk ${i}`);
    bench.behind.overwrite(folder.channelKey, old);
    const { channel, findings } = await openChannel(await folder.store(), folder.location, 'production', folder.trust, STATELESS);
    assert.equal(channel, undefined);
    assert.deepEqual(codes(findings), ['undetermined channel-history-unread']);
    assert.match(findings[0]?.message ?? '', /only its newest 1000 versions are read, and not all of them are pointers in a row/);
  });

  it('follows a channel that was moved more often than is read', async function () {
    this.timeout(60_000);
    const trust = trustIn(trustKeys('ed25519'));
    const signer = await fixtureSigner('ed25519');
    for (let sequence = 1; sequence <= 1002; sequence++) {
      const bundle = await seal(channelPayload(aPointer(sequence)), signer);
      bench.behind.overwrite(folder.channelKey, serializeBundle(bundle));
    }
    const { channel, checks, findings } = await openChannel(await folder.store(), folder.location, 'production', trust, STATELESS);
    assert.deepEqual([channel?.pointer.sequence, findings], [1002, []]);
    const { detail } = checks.find(({ name }) => name === 'channel-history') ?? {};
    assert.match(detail ?? '', /the newest 1000 versions of the pointer read, 1000 of them verified$/);
  });
});
