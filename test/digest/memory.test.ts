import assert from 'node:assert/strict';
import { truncateSync, writeFileSync } from 'node:fs';
import { peakOf } from '../helpers/peak-memory.ts';
import { Sandbox } from '../helpers/sandbox.ts';

/** The promise for hashing, whatever the size. */
const LIMIT_MIB = 128;
const sandbox = new Sandbox();

/** Peak resident memory in MiB of a run of the built `mlsign hash`. */
function peakOfHash(...args: readonly string[]): number {
  const { status, stderr, peak } = peakOf('hash', ...args);
  assert.equal(status, 0, stderr);
  return peak;
}

describe('peak memory', () => {
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
      const peak = peakOfHash(sandbox.path('large'), ...args);
      assert.ok(peak < LIMIT_MIB, `${peak.toFixed(0)} MiB`);
    });
  }

  it(`stays within ${LIMIT_MIB} MiB for twenty thousand files`, () => {
    const files = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`${i % 20}/file-number-${i}`, `${i}`]));
    const peak = peakOfHash(sandbox.write('many', files));
    assert.ok(peak < LIMIT_MIB, `${peak.toFixed(0)} MiB`);
  });
});
