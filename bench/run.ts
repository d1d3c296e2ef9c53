// Measures mlsign against other tools on the same files, in turns: `npm run bench -- --help`.
import { rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { compare, peakMemory } from './measure.ts';
import { circumstances, type Measured, type MeasuredMemory, markdown, score } from './report.ts';
import { findReference, memoryRowsFor, rowsFor } from './rows.ts';
import { makeTrees } from './trees.ts';

const HELP = `npm run bench -- [options]
  --scale N          how large the models are; 1 is 8 GiB, 8 × 1 GiB and 20,000 files (default 1: 18 GiB of disk)
  --rounds N         how often each pair runs, after one round that does not count (default 5)
  --only GROUPS      of hash, sign, wasm, start, memory, with commas between (default all)
  --cache DIR        where the models are made and kept (default: the system's folder for temporary files)
  --remove           remove the models in the end
  --reference FILE   the reference client, model_signing (default: MLSIGN_REFERENCE, or what npm run test:interop installed)
  --json             one JSON document instead of tables
`;

const { values } = parseArgs({
  options: {
    scale: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '5' },
    only: { type: 'string', default: 'hash,sign,wasm,start,memory' },
    cache: { type: 'string', default: join(tmpdir(), 'mlsign-bench') },
    remove: { type: 'boolean', default: false },
    reference: { type: 'string' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) process.stdout.write(HELP);
else bench();

function bench(): void {
  const groups = values.only.split(',');
  const rounds = Number(values.rounds);
  const reference = findReference(values.reference);
  say(`making the models in ${values.cache}`);
  const trees = makeTrees(values.cache, Number(values.scale));
  const scratch = join(values.cache, 'scratch');
  try {
    const measured: Measured[] = [];
    for (const row of rowsFor(trees, scratch, availableParallelism(), reference)) {
      if (!groups.includes(row.group)) continue;
      const result = typeof row.theirs === 'string' ? undefined : compare(row.ours, row.theirs, row.rounds ?? rounds);
      measured.push({ row, result });
      say(`${row.what}: ${result === undefined ? row.theirs : score(row, result).value.toFixed(2)}`);
    }
    const memory: MeasuredMemory[] = [];
    for (const row of groups.includes('memory') ? memoryRowsFor(trees, scratch) : []) {
      memory.push({ row, peak: peakMemory(row.ours) });
      say(`${row.what}: ${memory.at(-1)?.peak.toFixed(0)} MiB`);
    }
    const where = circumstances(['npm run bench', ...process.argv.slice(2)].join(' '), reference);
    process.stdout.write(values.json ? `${JSON.stringify({ where, measured, memory }, null, 2)}\n` : markdown(where, measured, memory));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
    if (values.remove) rmSync(values.cache, { recursive: true, force: true });
  }
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
