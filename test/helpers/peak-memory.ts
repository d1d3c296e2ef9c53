import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { BIN } from './cli.ts';

/** Linux counts into `maxRSS` what the parent had at the fork, so the process's own high-water mark is read where there is one. */
const TELL_PEAK = `import { existsSync, readFileSync } from 'node:fs';
process.on('exit', () => {
  const status = existsSync('/proc/self/status') ? readFileSync('/proc/self/status', 'utf8') : '';
  process.stderr.write('peak ' + (/VmHWM:\\s*(\\d+)/.exec(status)?.[1] ?? process.resourceUsage().maxRSS));
});`;

/** A run of the built command line, and the peak of its resident memory in MiB, as the system tells it at the end. */
function peakOf(...args: readonly string[]): { readonly status: number | null; readonly stderr: string; readonly peak: number } {
  const preload = `data:text/javascript,${encodeURIComponent(TELL_PEAK)}`;
  const { stderr, status } = spawnSync(process.execPath, ['--import', preload, BIN, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  return { status, stderr, peak: Number(/peak (\d+)/.exec(stderr)?.[1]) / 1024 };
}

/** Runs the built command line, which must stay below so many MiB of resident memory, whether it succeeds or refuses; gives its exit code. */
export function assertPeak(limit: number, ...args: readonly string[]): number | null {
  const { peak, status, stderr } = peakOf(...args);
  assert.ok(peak < limit && peak > 10, `${args[0]}: ${peak.toFixed(0)} MiB\n${stderr.slice(0, 1000)}`);
  return status;
}
