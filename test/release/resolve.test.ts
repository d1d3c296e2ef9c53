import assert from 'node:assert/strict';
import { unlinkSync } from 'node:fs';
import { type ResolvedRelease, resolveRelease } from '../../src/release/index.ts';
import { mlsignError } from '../helpers/keys.ts';
import { aPointer, aRecord, codes, MODEL_ID, OTHER_MODEL_ID, ReleaseStore, STATELESS } from '../helpers/releases.ts';

describe('a reference to a release', () => {
  const folder = new ReleaseStore();
  let first: { number: number; digest: string };
  let second: { number: number; digest: string };

  before(async () => {
    first = await folder.release(aRecord(1));
    second = await folder.release(aRecord(2, { modelId: OTHER_MODEL_ID }));
    await folder.point(aPointer(1, { release: release(first) }));
    await folder.point(aPointer(2, { release: release(second), modelId: OTHER_MODEL_ID }));
  });
  after(() => folder.remove());

  function release({ number, digest }: { number: number; digest: string }) {
    return { number, digest };
  }

  async function resolve(reference: string): Promise<ResolvedRelease> {
    return resolveRelease(await folder.store(), folder.at(reference), folder.trust, STATELESS);
  }

  it('is a number', async () => {
    const { release, channel, findings } = await resolve('1');
    assert.deepEqual([release?.digest, channel, findings], [first.digest, undefined, []]);
  });

  it('is a channel', async () => {
    const { release, channel, findings } = await resolve('production');
    assert.deepEqual([release?.digest, channel?.pointer.sequence, findings], [second.digest, 2, []]);
  });

  it('is a channel that there is, or those that there are are named', async () => {
    const { release, findings } = await resolve('prodction');
    assert.equal(release, undefined);
    assert.deepEqual(codes(findings), ['undetermined channel-missing']);
    assert.match(findings[0]?.suggestion ?? '', /^there are: production · /);
  });

  it('is a model id, of which the newest release counts', async () => {
    const third = await folder.release(aRecord(3));
    assert.equal((await resolve(`sha256:${MODEL_ID}`)).release?.digest, third.digest);
    assert.equal((await resolve(`sha256:${OTHER_MODEL_ID}`)).release?.digest, second.digest);
    const { release, findings } = await resolve(`sha256:${'0'.repeat(64)}`);
    assert.equal(release, undefined);
    assert.deepEqual(codes(findings), ['undetermined release-missing']);
    assert.equal(findings[0]?.got, '3 of 3 releases read, all of other models');
    unlinkSync(folder.path('models', ...folder.releaseKey(3).split('/')));
  });

  it('is never left out: what a bare name could mean is named', async () => {
    const store = await folder.store();
    const suggestions = [
      `file:${folder.path('models', 'llama')}@production`,
      `file:${folder.path('models', 'llama')}@2, the newest release`,
    ];
    await assert.rejects(
      resolveRelease(store, folder.location, folder.trust, STATELESS),
      mlsignError('reference-missing', 'say which release of the model is meant', { outcome: 'usage', suggestions }),
    );
  });

  it('leads nowhere where the channel leads to a record that is forked, and names the release before it', async () => {
    await folder.release(aRecord(2, { created: new Date('2026-02-01T00:00:00Z') }));
    const { release, channel, findings } = await resolve('production');
    assert.equal(release, undefined);
    assert.equal(channel?.previous, 1);
    assert.deepEqual(codes(findings), ['rejected release-forked']);
    assert.match(findings[0]?.suggestion ?? '', /· or roll back: mlsign rollback file:\S+\/llama --channel production --to 1$/);
  });

  it('leads nowhere where pointer and record are of different models', async () => {
    await folder.point(aPointer(3, { release: release(first), modelId: OTHER_MODEL_ID }));
    const { release: found, findings } = await resolve('production');
    assert.equal(found, undefined);
    assert.deepEqual(codes(findings), ['rejected channel-model-differs']);
    assert.deepEqual([findings[0]?.expected, findings[0]?.got], [OTHER_MODEL_ID, MODEL_ID]);
  });
});
