// Measures mlsign against other tools on the same files, in turns: `npm run bench -- --help`.
import { rmSync } from 'node:fs';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Comparison, compare, peakMemory } from './measure.ts';
import { circumstances, type Measured, type MeasuredMemory, markdown, type State, score, stateText } from './report.ts';
import { findReference, memoryRowsFor, type Row, rowsFor } from './rows.ts';
import { makeTree, removeTree, TREE_NAMES, type TreeName, type Trees, treesIn, warm } from './trees.ts';

const HELP = `npm run bench -- [options]
  --scale N          how large the models are; 1 is 8 GiB, 8 × 1 GiB and 20,000 files (default 1: 18 GiB of disk)
  --rounds N         how often each pair runs, after one round that does not count (default 5)
  --only GROUPS      of hash, sign, wasm, start, memory, with commas between (default all)
  --trees NAMES      of small, eight, one: only their rows (default all, and start-up)
  --cache DIR        where the models are made and kept (default: the system's folder for temporary files)
  --remove           remove each model when it has been measured: what else is in the page cache may push it out
  --reference FILE   the reference client, model_signing (default: MLSIGN_REFERENCE, or what npm run test:interop installed)
  --json             one JSON document instead of tables
`;

const { values } = parseArgs({
  options: {
    scale: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '5' },
    only: { type: 'string', default: 'hash,sign,wasm,start,memory' },
    trees: { type: 'string' },
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
  const scale = Number(values.scale);
  const reference = findReference(values.reference);
  const trees = treesIn(values.cache, scale);
  const scratch = join(values.cache, 'scratch');
  const measured: Measured[] = [];
  const memory: MeasuredMemory[] = [];
  const states: State[] = [];
  try {
    const rows = rowsFor(trees, scratch, availableParallelism(), reference).filter(({ group }) => groups.includes(group));
    const memoryRows = groups.includes('memory') ? memoryRowsFor(trees, scratch) : [];
    const chosen = values.trees?.split(',');
    for (const tree of [undefined, ...TREE_NAMES]) {
      if (chosen !== undefined && !chosen.includes(tree ?? 'start')) continue;
      const [rowsHere, memoryRowsHere] = [rows.filter((row) => row.tree === tree), memoryRows.filter((row) => row.tree === tree)];
      if (rowsHere.length + memoryRowsHere.length === 0) continue;
      states.push(prepare(trees, tree, scale));
      for (const row of rowsHere) measured.push({ row, result: measure(row) });
      for (const row of memoryRowsHere) {
        memory.push({ row, peak: peakMemory(row.ours) });
        say(`${row.what}: ${memory.at(-1)?.peak.toFixed(0)} MiB`);
      }
      if (values.remove && tree !== undefined) removeTree(trees, tree);
    }
    const where = circumstances(['npm run bench', ...process.argv.slice(2)].join(' '), reference, states);
    process.stdout.write(values.json ? `${JSON.stringify({ where, measured, memory }, null, 2)}\n` : markdown(where, measured, memory));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
    if (values.remove) rmSync(values.cache, { recursive: true, force: true });
  }
}

/** Sees to it that the rows of a tree find it in the page cache, and says how the machine is before they run. */
function prepare(trees: Trees, tree: TreeName | undefined, scale: number): State {
  const load = loadavg()[0] ?? 0;
  if (tree !== undefined) {
    say(`making ${trees[tree]}`);
    makeTree(trees, tree, scale);
  }
  const state = { tree: tree ?? 'start', load, readGiB: tree === undefined ? undefined : warm(trees[tree]) };
  say(stateText(state));
  return state;
}

function measure(row: Row): Comparison | undefined {
  const result = typeof row.theirs === 'string' ? undefined : compare(row.ours, row.theirs, row.rounds ?? Number(values.rounds));
  say(`${row.what}: ${result === undefined ? row.theirs : score(row, result).value.toFixed(2)}`);
  return result;
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
