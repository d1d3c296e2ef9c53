import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { BIN } from './cli.ts';

/** Linux counts into `maxRSS` what the parent had at the fork, so the process's own high-water mark is read where there is one. */
const TELL_PEAK = `import { existsSync, readFileSync } from 'node:fs';
process.on('exit', () => {
  const status = existsSync('/proc/self/status') ? readFileSync('/proc/self/status', 'utf8') : '';
  process.stderr.write('peak ' + (/VmHWM:\\s*(\\d+)/.exec(status)?.[1] ?? process.resourceUsage().maxRSS));
});`;

const PRELOAD = `data:text/javascript,${encodeURIComponent(TELL_PEAK)}`;

/** Variables with which a run writes the peak of its resident memory to the end of stderr: `peak` and KiB. */
export function tellingPeak(): Readonly<Record<string, string>> {
  return { NODE_OPTIONS: `--import ${PRELOAD}` };
}

/** A run of the built command line, and the peak of its resident memory in MiB, as the system tells it at the end. */
function peakOf(...args: readonly string[]): { readonly status: number | null; readonly stderr: string; readonly peak: number } {
  const { stderr, status } = spawnSync(process.execPath, ['--import', PRELOAD, BIN, ...args], {
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
