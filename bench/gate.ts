// Measures the gate: manifests of many files, and what a policy costs beside the hashing. `npm run bench:gate -- --help`.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { hashModel, verifyModel } from '../src/app/index.ts';
import { loadPolicy, policyFromFlags } from '../src/policy/index.ts';
import { type CommandLine, peakMemory, run } from './measure.ts';

const HELP = `npm run bench:gate -- [options]
  --files N          of the model whose manifest is large (default 100000)
  --models N         small models that are verified one after the other (default 300)
  --rules N          of the policy that they are verified under (default 100)
  --rounds N         how often the small models are verified; the fastest counts (default 3)
  --json             one JSON document instead of lines
`;

const { values } = parseArgs({
  options: {
    files: { type: 'string', default: '100000' },
    models: { type: 'string', default: '300' },
    rules: { type: 'string', default: '100' },
    rounds: { type: 'string', default: '3' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const MLSIGN = join(import.meta.dirname, '..', 'bin', 'run.js');

if (values.help) process.stdout.write(HELP);
else await bench();

async function bench(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'mlsign-bench-gate-'));
  try {
    say(`load ${loadavg()[0]?.toFixed(1)}`);
    const large = measureLarge(folder, Number(values.files));
    const small = await measureSmall(folder, Number(values.models));
    if (values.json) process.stdout.write(`${JSON.stringify({ large, small }, undefined, 2)}\n`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface LargeRow {
  readonly what: string;
  readonly seconds: number;
  /** Peak resident memory. */
  readonly mib: number;
}

/** Verifies a model of many files: as it was signed, and with every file changed. */
function measureLarge(folder: string, count: number): readonly LargeRow[] {
  const [model, key, policy] = [join(folder, 'large'), join(folder, 'key'), writePolicy(folder, 1)];
  writeFiles(model, count, 'signed');
  for (const name of [key, join(folder, 'other')]) run(mlsign(0, 'keygen', name, '--quiet'));
  run(mlsign(0, 'sign', model, '--key', key, '--quiet'));
  const measured = (what: string, status: number, ...args: readonly string[]): LargeRow => {
    const start = performance.now();
    const mib = peakMemory(mlsign(status, ...args));
    const row = { what, seconds: (performance.now() - start) / 1000, mib };
    if (!values.json) print(`${what} of ${count} files: ${row.seconds.toFixed(1)} s, ${mib.toFixed(0)} MiB`);
    return row;
  };
  const verify = ['verify', model, '--policy', policy];
  const rows = [
    measured('verify', 0, ...verify),
    measured('verify --json', 0, ...verify, '--json'),
    measured('inspect', 0, 'inspect', model),
  ];
  writeFiles(model, count, 'altered');
  const sarif = `sarif=${join(folder, 'report.sarif')}`;
  return [
    ...rows,
    measured('verify, every file changed', 1, ...verify),
    measured('verify --json, every file changed', 1, ...verify, '--json'),
    measured('verify --report sarif, every file changed', 1, ...verify, '--report', sarif),
  ];
}

function writeFiles(model: string, count: number, word: string): void {
  for (let i = 0; i < count; i++) {
    const directory = join(model, `part-${Math.floor(i / 1000)}`);
    if (i % 1000 === 0) mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, `file-${i}.json`), `{"${word}":${i}}`);
  }
}

/** Verifies small models by flags and under a policy of many rules; the difference is what the policy costs. */
async function measureSmall(folder: string, count: number) {
  const key = join(folder, 'key');
  const models = Array.from({ length: count }, (_, i) => join(folder, 'models', `model-${i}`));
  for (const model of models) {
    writeFiles(model, 3, model);
    run(mlsign(0, 'sign', model, '--key', key, '--quiet'));
  }
  const flags = policyFromFlags({ trustKeys: [{ where: `${key}.pub`, pem: readFileSync(`${key}.pub`, 'utf8') }] });
  const policy = await loadPolicy(writePolicy(folder, Number(values.rules)));
  const hashing = await fastest(models, (model) => hashModel(model, {}));
  const byFlags = await fastest(models, (model) => verified(model, flags));
  const byPolicy = await fastest(models, (model) => verified(model, policy));
  const cost = byPolicy - byFlags;
  if (!values.json) {
    print(`hash of a small model: ${hashing.toFixed(2)} ms`);
    print(`verify by flags: ${byFlags.toFixed(2)} ms`);
    print(`verify under a policy of ${values.rules} rules: ${byPolicy.toFixed(2)} ms, ${cost.toFixed(2)} ms more`);
  }
  return { models: count, rules: Number(values.rules), hashing, byFlags, byPolicy, cost };
}

async function verified(model: string, policy: Parameters<typeof verifyModel>[1]['policy']): Promise<void> {
  const { verdict, findings } = await verifyModel(model, { policy });
  if (verdict !== 'verified') throw new Error(`${model}: ${verdict}: ${JSON.stringify(findings)}`);
}

/** Milliseconds a model, in the fastest of all rounds, after one that does not count. */
async function fastest(models: readonly string[], work: (model: string) => Promise<unknown>): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round <= Number(values.rounds); round++) {
    const start = performance.now();
    for (const model of models) await work(model);
    if (round > 0) best = Math.min(best, (performance.now() - start) / models.length);
  }
  return best;
}

/** A policy with so many rules, the last of which is for every model; its own fields are those that cost something. */
function writePolicy(folder: string, rules: number): string {
  const path = join(folder, `policy-${rules}.yaml`);
  const others = Array.from({ length: rules - 1 }, (_, i) => `  - { model: "other-${i}/**", signed-by: "1 of [lead, other]" }`);
  writeFileSync(
    path,
    `version: 1
principals:
  lead: { key: key.pub }
  other: { key: other.pub }
rules:
${others.join('\n')}
  - model: "**"
    signed-by: 1 of [lead, other]
    formats: { allow: [json] }
    ignore-paths: []
`,
  );
  return path;
}

function mlsign(status: number, ...args: readonly string[]): CommandLine {
  return { label: args.join(' '), command: process.execPath, args: [MLSIGN, ...args], status };
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
