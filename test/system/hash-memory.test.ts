import assert from 'node:assert/strict';
import { truncateSync, writeFileSync } from 'node:fs';
import { assertPeak } from '../helpers/peak-memory.ts';
import { Sandbox } from '../helpers/sandbox.ts';

/** The promise for hashing, whatever the size. */
const LIMIT_MIB = 128;
const sandbox = new Sandbox();

describe('peak memory of hashing', () => {
  before(() => {
    writeFileSync(sandbox.path('large'), '');
    truncateSync(sandbox.path('large'), 2 ** 30);
  });

  after(() => sandbox.remove());

  for (const [what, ...args] of [
    ['one whole file'],
    ['shards on four threads', '--method', 'shards', '--shard-size', '16MiB', '--workers', '4'],
    ['WebAssembly', '--algorithm', 'blake3', '--method', 'shards', '--shard-size', '64MiB'],
  ] as const) {
    it(`stays within ${LIMIT_MIB} MiB for 1 GiB: ${what}`, () => {
      assert.equal(assertPeak(LIMIT_MIB, 'hash', sandbox.path('large'), ...args), 0);
    });
  }

  it(`stays within ${LIMIT_MIB} MiB for twenty thousand files`, () => {
    const files = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`${i % 20}/file-number-${i}`, `${i}`]));
    assert.equal(assertPeak(LIMIT_MIB, 'hash', sandbox.write('many', files)), 0);
  });
});
