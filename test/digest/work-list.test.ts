import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import fc from 'fast-check';
import { Control } from '../../src/digest/control.ts';
import { HashResults } from '../../src/digest/hash-results.ts';
import { countRanges, rangeAt } from '../../src/digest/ranges.ts';
import { CHANGED, HASHED, PENDING, type WorkItem, WorkList } from '../../src/digest/work-list.ts';

const sizes = fc.oneof(fc.integer({ min: 0, max: 10_000 }), fc.integer({ min: 0, max: 2 ** 50 }));

function ranges(size: number, shardSize?: number): readonly (readonly [number, number])[] {
  return Array.from({ length: countRanges(size, shardSize) }, (_, index) => rangeAt(index, size, shardSize));
}

describe('the ranges of a file', () => {
  it('hold every byte exactly once, in order, each of the shard size but the last', () => {
    fc.assert(
      fc.property(sizes, fc.integer({ min: 1, max: 1000 }), (size, parts) => {
        const shardSize = Math.max(1, Math.floor(size / parts));
        let at = 0;
        for (const [start, end] of ranges(size, shardSize)) {
          assert.equal(start, at);
          assert.ok(end === size || end - start === shardSize);
          assert.ok(end > start);
          at = end;
        }
        assert.equal(at, size);
      }),
    );
  });

  it('are the whole file without shards, and none for a file of zero bytes in shards', () => {
    assert.deepEqual(ranges(7), [[0, 7]]);
    assert.deepEqual(ranges(0), [[0, 0]]);
    assert.deepEqual(ranges(0, 10), []);
    assert.deepEqual(ranges(25, 10), [
      [0, 10],
      [10, 20],
      [20, 25],
    ]);
  });
});

const ITEM: WorkItem = {
  path: 'p',
  start: 0,
  end: 1,
  size: 1,
  identity: { size: 1, mtimeMs: 0, ino: 0, dev: 0 },
  followLink: false,
  glance: false,
};

const identity = fc.record({
  size: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  mtimeMs: fc.double({ noNaN: true }),
  ino: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  dev: fc.integer({ min: 0, max: 2 ** 32 }),
});
const items: fc.Arbitrary<readonly WorkItem[]> = fc.array(
  fc.record({
    path: fc.oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('/a', '/a/b', 'ü')),
    start: fc.integer({ min: 0, max: 2 ** 50 }),
    end: fc.integer({ min: 0, max: 2 ** 50 }),
    size: fc.integer({ min: 0, max: 2 ** 50 }),
    identity,
    followLink: fc.boolean(),
    glance: fc.boolean(),
  }),
  { maxLength: 50 },
);

describe('a list of work in shared memory', () => {
  it('gives back what was put in, to whoever sees the memory', () => {
    fc.assert(
      fc.property(items, (given) => {
        const list = new WorkList(WorkList.of(given, 32).shared);
        assert.equal(list.count, given.length);
        for (const [i, item] of given.entries()) {
          assert.equal(list.path(i), item.path);
          assert.equal(list.start(i), item.start);
          assert.equal(list.end(i), item.end);
          assert.equal(list.share(i), item.size === 0 ? 1 : (item.end - item.start) / item.size);
          assert.equal(list.followLink(i), item.followLink);
          assert.equal(list.isToGlance(i), item.glance);
          assert.equal(list.status(i), PENDING);
        }
      }),
    );
  });

  it('hands every item out once, whoever asks, and knows the last to be done', () => {
    fc.assert(
      fc.property(items, fc.infiniteStream(fc.boolean()), (given, turns) => {
        const mine = WorkList.of(given, 32);
        const views = [mine, new WorkList(mine.shared)] as const;
        const claimed: number[] = [];
        let ends = 0;
        for (;;) {
          const view = views[turns.next().value ? 1 : 0];
          const item = view.claim();
          if (item === undefined) break;
          claimed.push(item);
          if (view.settle(item, HASHED)) ends++;
        }
        assert.deepEqual(
          claimed,
          given.map((_, i) => i),
        );
        assert.equal(ends, given.length === 0 ? 0 : 1);
        assert.ok(given.every((_, i) => mine.status(i) === HASHED));
      }),
    );
  });

  it('keeps each digest and each status by itself', () => {
    const list = WorkList.of([ITEM, ITEM, ITEM], 4);
    for (const i of [2, 0, 1]) {
      list.setDigest(i, `0${i}`.repeat(4));
      list.settle(i, -i);
    }
    for (const i of [0, 1, 2]) {
      assert.equal(list.digest(i), `0${i}`.repeat(4));
      assert.equal(list.status(i), i === 0 ? 0 : -i);
      assert.equal(list.path(i), 'p');
    }
  });
});

describe('the results', () => {
  it('keep every digest for its file, whatever order lists are done in', () => {
    const results = new HashResults();
    const digest = (range: number) => hash('sha256', `${range}`);
    for (let file = 0; file < 300; file++) {
      results.addFile(file);
      for (let part = 0; part < file % 4; part++) results.addRange();
    }
    const numbers = Array.from({ length: results.ranges }, (_, range) => (range * 7) % results.ranges);
    assert.equal(new Set(numbers).size, results.ranges);
    for (let at = 0; at < numbers.length; at += 100) {
      const part = Float64Array.from(numbers.slice(at, at + 100));
      const list = WorkList.of(
        Array.from(part, () => ITEM),
        32,
      );
      for (const [item, range] of part.entries()) {
        list.setDigest(item, digest(range));
        list.settle(item, HASHED);
      }
      results.take(list, part);
    }
    let range = 0;
    for (const [file, result] of results.all().entries()) {
      const digests = Array.from({ length: file % 4 }, () => digest(range++));
      assert.deepEqual(result, { size: file, digests });
    }
  });

  it('give the first error of a file instead of digests', () => {
    const results = new HashResults();
    results.addFile(2);
    const numbers = Float64Array.of(results.addRange(), results.addRange());
    const list = WorkList.of([ITEM, ITEM], 32);
    list.settle(0, HASHED);
    list.settle(1, CHANGED);
    results.take(list, numbers);
    const [result] = results.all();
    assert.ok(result !== undefined && 'error' in result);
    assert.equal(result.error.code, 'file-changed-while-read');
    assert.equal(result.error.message, 'the file changed while it was read');
    assert.equal(result.error.subject, 'p');
  });
});

describe('the control that threads share', () => {
  it('adds up what each thread did, and files hashed in parts as one', () => {
    const control = Control.for(3);
    const other = new Control(control.buffer);
    control.addBytes(0, 5);
    other.addBytes(2, 2 ** 40);
    for (let i = 0; i < 10; i++) other.addFiles(1, 1 / 10);
    assert.deepEqual(control.done(), { bytes: 2 ** 40 + 5, files: 1 });
  });

  it('passes the order to stop on', () => {
    const control = Control.for(1);
    const other = new Control(control.buffer);
    assert.equal(other.stopped, false);
    control.stop();
    assert.equal(other.stopped, true);
  });
});
