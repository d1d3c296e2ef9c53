// Measures archives against tar, sha256sum and openssl, in turns. `npm run bench:archive -- --help`.

import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type CommandLine, compare, peakMemory, run } from './measure.ts';

const HELP = `npm run bench:archive -- [options]
  --mib N            of the model (default 2048)
  --rounds N         how often each is run, theirs and ours in turns, after one that does not count (default 3)
  --folder DIR       where the model and the archives are made; needs five times the size (default: the system's)
  --json             one JSON document instead of lines
`;

const { values } = parseArgs({
  options: {
    mib: { type: 'string', default: '2048' },
    rounds: { type: 'string', default: '3' },
    folder: { type: 'string', default: tmpdir() },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const MLSIGN = join(import.meta.dirname, '..', 'bin', 'run.js');
const FILES = 4;

interface Row {
  readonly what: string;
  /** Median seconds. */
  readonly theirs: number;
  readonly ours: number;
  readonly ratio: number;
  /** Peak resident memory of ours. */
  readonly mib: number;
}

if (values.help) process.stdout.write(HELP);
else bench();

function bench(): void {
  const folder = mkdtempSync(join(values.folder, 'mlsign-bench-archive-'));
  try {
    const [model, key] = [join(folder, 'model'), join(folder, 'key')];
    writeModel(model, Number(values.mib));
    run(mlsign('keygen', key));
    run(mlsign('pack', model, join(folder, 'plain.tar'), '--key', key));
    run(mlsign('pack', model, join(folder, 'packed.tar.gz'), '--key', key));
    const trust = ['--trust-key', `${key}.pub`];
    const [tar, gz, out, theirs] = [join(folder, 'plain.tar'), join(folder, 'packed.tar.gz'), join(folder, 'out'), join(folder, 'theirs')];
    if (!values.json)
      print(
        `model of ${values.mib} MiB in ${FILES} files, packed ${(statSync(gz).size / 2 ** 20).toFixed(0)} MiB; load ${loadavg()[0]?.toFixed(1)}`,
      );
    const rows = [
      measure('verify .tar', mlsign('verify', tar, ...trust), shell('tar -xOf "$1" | sha256sum', tar)),
      measure(
        'verify and unpack .tar.gz',
        mlsign('unpack', gz, out, '--force', ...trust),
        shell('rm -rf "$2" && mkdir "$2" && tar -xzf "$1" -C "$2" && sha256sum "$2"/*', gz, theirs),
      ),
      measure(
        'pack and sign .tar.gz',
        mlsign('pack', model, join(folder, 'ours.tar.gz'), '--key', key, '--force'),
        shell('tar -czf "$2" -C "$1" . && openssl dgst -sha256 "$2"', model, `${theirs}.tar.gz`),
      ),
    ];
    if (values.json) process.stdout.write(`${JSON.stringify(rows, undefined, 2)}\n`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Weights as they are in half precision: every other byte nearly the same. */
function writeModel(folder: string, mib: number): void {
  mkdirSync(folder);
  const chunk = 16 * 2 ** 20;
  for (let i = 0; i < FILES; i++) {
    const path = join(folder, `model-${i}.safetensors.bin`);
    for (let done = 0; done < (mib * 2 ** 20) / FILES; done += chunk) {
      const bytes = randomBytes(Math.min(chunk, (mib * 2 ** 20) / FILES - done));
      for (let at = 1; at < bytes.length; at += 2) bytes[at] = 0x3c + ((bytes[at] ?? 0) & 3);
      writeFileSync(path, bytes, { flag: 'a' });
    }
  }
}

function measure(what: string, ours: CommandLine, theirs: CommandLine): Row {
  const { ratio, ours: own, theirs: other } = compare(ours, theirs, Number(values.rounds));
  const row = { what, theirs: other, ours: own, ratio, mib: peakMemory(ours) };
  const seconds = `theirs ${other.toFixed(1)} s, ours ${own.toFixed(1)} s`;
  if (!values.json) print(`${what.padEnd(28)} ${seconds}: ${ratio.toFixed(2)} times as fast, ${row.mib.toFixed(0)} MiB`);
  return row;
}

function shell(script: string, ...args: readonly string[]): CommandLine {
  return { label: script, command: 'bash', args: ['-o', 'pipefail', '-ec', script, 'bash', ...args] };
}

function mlsign(...args: readonly string[]): CommandLine {
  return { label: `mlsign ${args[0]}`, command: process.execPath, args: [MLSIGN, ...args, '--quiet'] };
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
