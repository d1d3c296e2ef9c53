import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { StoredArchive } from '../../src/app/stored-archive.ts';
import type { CurrentObject, Store, StoredObject } from '../../src/store/index.ts';
import { StoredModels } from '../helpers/stored-models.ts';

describe('an archive that is streamed out of a store', () => {
  // More ranges than are under way at a time, the last one short.
  const bytes = Buffer.alloc(33_000_001, 'not twice the same: ');
  bytes.forEach((_, i) => {
    if (i % 4096 === 0) bytes.writeUInt32LE(i, Math.min(i, bytes.length - 4));
  });
  let models: StoredModels;
  let store: Store;
  let object: CurrentObject;

  before(async () => {
    models = new StoredModels();
    store = await models.open();
    const written = await store.write('archive', bytes, 'absent');
    assert.ok(written);
    object = written;
  });
  after(async () => {
    await store.close();
    models.remove();
  });

  /** The store, which tells how many ranges are read at a time. */
  function watched() {
    const seen = { now: 0, most: 0, all: 0 };
    const readRange: Store['readRange'] = async (...args) => {
      seen.all++;
      seen.most = Math.max(seen.most, ++seen.now);
      try {
        await store.readRange(...args);
      } finally {
        seen.now--;
      }
    };
    return { seen, store: Object.assign(Object.create(store) as Store, { readRange }) };
  }

  async function stream(from: Store, what: StoredObject, most = Number.POSITIVE_INFINITY, signal?: AbortSignal): Promise<string> {
    const hash = createHash('sha256');
    const archive = new StoredArchive(from, what, signal);
    await archive.lend(async (identity, chunks) => {
      assert.equal(identity.size, what.size);
      let before: Buffer = Buffer.alloc(0);
      let pieces = 0;
      for await (const piece of chunks()) {
        // The one before is good until the next is asked for.
        hash.update(before);
        before = piece;
        if (++pieces === most) break;
      }
      hash.update(before);
    });
    return hash.digest('hex');
  }

  it('comes in order, a few ranges at a time', async () => {
    const { seen, store: counting } = watched();
    assert.equal(await stream(counting, object), createHash('sha256').update(bytes).digest('hex'));
    assert.deepEqual([seen.all, seen.now], [8, 0]);
    assert.ok(seen.most <= 4, `${seen.most}`);
  });

  it('lets go of what is under way where nobody wants the rest', async () => {
    const { seen, store: counting } = watched();
    await stream(counting, object, 1);
    assert.equal(seen.now, 0);
    assert.ok(seen.all <= 5, `${seen.all}`);
  });

  it('is refused where it is of another size, and ends where it is interrupted', async () => {
    await assert.rejects(stream(store, { ...object, size: object.size + 1 }), { code: 'object-truncated' });
    await assert.rejects(stream(store, object, 9, AbortSignal.abort()), { outcome: 'interrupted' });
  });
});
