import assert from 'node:assert/strict';
import { truncateSync, writeFileSync } from 'node:fs';
import { assertPeak } from '../helpers/peak-memory.ts';
import { Sandbox } from '../helpers/sandbox.ts';

/** The promise for hashing, whatever the size; `test/system` tries it with more. */
const LIMIT_MIB = 128;

describe('peak memory', () => {
  const sandbox = new Sandbox();
  after(() => sandbox.remove());

  it(`stays within ${LIMIT_MIB} MiB for a file of three times as much`, () => {
    writeFileSync(sandbox.path('large'), '');
    truncateSync(sandbox.path('large'), 384 * 2 ** 20);
    const args = ['--method', 'shards', '--shard-size', '16MiB', '--workers', '4'];
    assert.equal(assertPeak(LIMIT_MIB, 'hash', sandbox.path('large'), ...args), 0);
  });
});
