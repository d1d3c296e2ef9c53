import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { truncateSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Sandbox } from '../helpers/sandbox.ts';

const BIN = fileURLToPath(new URL('../../bin/run.js', import.meta.url));
/** The promise for hashing, whatever the size. */
const LIMIT_MIB = 128;
/** Linux counts into `maxRSS` what the parent had at the fork, so the process's own high-water mark is read where there is one. */
const TELL_PEAK = `import { existsSync, readFileSync } from 'node:fs';
process.on('exit', () => {
  const status = existsSync('/proc/self/status') ? readFileSync('/proc/self/status', 'utf8') : '';
  process.stderr.write('peak ' + (/VmHWM:\\s*(\\d+)/.exec(status)?.[1] ?? process.resourceUsage().maxRSS));
});`;
const sandbox = new Sandbox();

/** Peak resident memory in MiB of a run of the built `mlsign hash`, as the system tells it at the end. */
function peakOf(...args: readonly string[]): number {
  const preload = `data:text/javascript,${encodeURIComponent(TELL_PEAK)}`;
  const { stderr, status } = spawnSync(process.execPath, ['--import', preload, BIN, 'hash', ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  assert.equal(status, 0, stderr);
  return Number(/peak (\d+)/.exec(stderr)?.[1]) / 1024;
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
      const peak = peakOf(sandbox.path('large'), ...args);
      assert.ok(peak < LIMIT_MIB, `${peak.toFixed(0)} MiB`);
    });
  }

  it(`stays within ${LIMIT_MIB} MiB for twenty thousand files`, () => {
    const files = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`${i % 20}/file-number-${i}`, `${i}`]));
    const peak = peakOf(sandbox.write('many', files));
    assert.ok(peak < LIMIT_MIB, `${peak.toFixed(0)} MiB`);
  });
});
