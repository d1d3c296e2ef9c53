// Measures stores against other tools, in turns, on a real MinIO and on a sink that only reads: `npm run bench:store -- --help`.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { GO_PROGRAMS, installGoProgram } from '../test/servers/go.ts';
import { startMinio } from '../test/servers/minio.ts';
import { type CommandLine, firstLine, peakMemory, run } from './measure.ts';
import { attestedSeconds, makeBucket, makeModels, setEnvironment } from './store-setup.ts';

const HELP = `npm run bench:store -- [options]
  --size MIB         of the one large file (default 2048)
  --files N          how many small files (default 1000)
  --rounds N         how often each pair runs, after one round that does not count (default 3)
  --only GROUPS      of push, sink, pull, attest, small, memory, with commas between (default all)
  --json             one JSON document instead of a table
`;

/** What is measured, against what, and how many times as fast it should be. */
interface Pair {
  readonly group: string;
  readonly what: string;
  readonly against: string;
  readonly goal: number;
  readonly ours: (round: number) => CommandLine;
  readonly theirs: (round: number) => CommandLine;
}

interface Result {
  readonly what: string;
  readonly against: string;
  readonly goal: string;
  readonly value: number;
  readonly ours?: number;
  readonly theirs?: number;
}

const { values } = parseArgs({
  options: {
    size: { type: 'string', default: '2048' },
    files: { type: 'string', default: '1000' },
    rounds: { type: 'string', default: '3' },
    only: { type: 'string', default: 'push,sink,pull,attest,small,memory' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const MLSIGN = join(import.meta.dirname, '..', 'bin', 'run.js');
const THEIRS = join(import.meta.dirname, 'store-theirs.ts');
const BUCKET = 'bench';

if (values.help) process.stdout.write(HELP);
else await bench();

async function bench(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'mlsign-bench-store-'));
  const servers = join(folder, 'servers');
  mkdirSync(servers);
  say(`load ${loadavg()[0]?.toFixed(1)} on ${availableParallelism()} cores`);
  const minio = await startMinio({ minio: await installGoProgram(GO_PROGRAMS.minio) }, servers);
  const certificates = join(servers, 'certificates');
  const sink = spawn(process.execPath, [
    join(import.meta.dirname, 'store-sink.ts'),
    join(certificates, 'private.key'),
    join(certificates, 'public.crt'),
  ]);
  try {
    const [port] = await once(sink.stdout, 'data');
    const sinkUrl = `https://127.0.0.1:${String(port).trim()}`;
    setEnvironment(minio.url, minio.ca, join(folder, 'state'));
    await makeBucket(BUCKET);
    const models = makeModels(folder, MLSIGN, { mib: Number(values.size), files: Number(values.files) });
    const groups = values.only.split(',');
    const results: Result[] = [];
    for (const pair of pairs(models, folder, minio, sinkUrl)) if (groups.includes(pair.group)) results.push(compare(pair));
    if (groups.includes('attest')) {
      const seconds = await attestedSeconds(sinkUrl);
      results.push({ what: 'attested verification of 1 TiB (simulated), seconds', against: '–', goal: '≤ 10', value: seconds });
    }
    if (groups.includes('memory')) results.push(...memory(models, folder));
    process.stdout.write(values.json ? `${JSON.stringify(results, undefined, 2)}\n` : table(results));
  } finally {
    sink.kill();
    await minio.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

type Models = ReturnType<typeof makeModels>;

function pairs(models: Models, folder: string, { url, ca }: { readonly url: string; readonly ca: string }, sink: string): readonly Pair[] {
  const { large, sharded, file, small, key } = models;
  const out = join(folder, 'out');
  // Each round writes under names of its own: what is there is not sent again.
  const push = (model: string, to: string) => (round: number) =>
    mlsign('push', model, `s3://${BUCKET}/${to}${round}/m`, '--key', key, '--trust-key', `${key}.pub`, '--path-style');
  const pushSink = (model: string) => (round: number) => {
    const command = push(model, `sink-${model === large}`)(round);
    return { ...command, args: [...command.args, '--s3-endpoint-url', sink] };
  };
  const upload = (to: string) => (round: number) => node(THEIRS, 'upload', BUCKET, `${to}${round}`, file);
  const uploadSink = (round: number) => ({
    ...upload('theirs-sink')(round),
    command: 'env',
    args: [`AWS_ENDPOINT_URL_S3=${sink}`, process.execPath, ...upload('theirs-sink')(round).args],
  });
  for (const [model, to] of [
    [large, 'pulled'],
    [sharded, 'pulled-sharded'],
  ] as const)
    run(push(model, to)(0));
  const place = `s3://${BUCKET}/pulled0/m@1`;
  const trust = ['--trust-key', `${key}.pub`, '--path-style', '--quiet'];
  const pull = (from: string) => () =>
    shell(`rm -rf ${out} ${out}.mlsign && '${process.execPath}' '${MLSIGN}' pull ${from} ${out} ${trust.join(' ')}`);
  run(node(THEIRS, 'upload', BUCKET, 'public', file));
  const curl = () =>
    shell(`rm -f ${out}.bin && curl -sf --cacert ${ca} -o ${out}.bin ${url}/${BUCKET}/public && openssl dgst -sha256 ${out}.bin`);
  const aws = (round: number) => shell(`aws s3 cp --only-show-errors ${file} s3://${BUCKET}/aws${round}`);
  const hasAws = firstLine('aws', '--version') !== undefined;
  const size = `${values.size} MiB`;
  return [
    {
      group: 'push',
      what: `push of ${size}`,
      against: 'lib-storage Upload',
      goal: 2.5,
      ours: push(large, 'ours'),
      theirs: upload('theirs'),
    },
    {
      group: 'sink',
      what: `push of ${size} to a sink`,
      against: 'lib-storage Upload',
      goal: 2.5,
      ours: pushSink(large),
      theirs: uploadSink,
    },
    {
      group: 'push',
      what: `push of ${size}, signed in shards`,
      against: 'lib-storage Upload',
      goal: 2.5,
      ours: push(sharded, 'ours-sharded'),
      theirs: upload('theirs-sharded'),
    },
    {
      group: 'sink',
      what: `push of ${size}, signed in shards, to a sink`,
      against: 'lib-storage Upload',
      goal: 2.5,
      ours: pushSink(sharded),
      theirs: uploadSink,
    },
    ...(hasAws
      ? [{ group: 'push', what: `push of ${size}`, against: 'aws s3 cp', goal: 1, ours: push(large, 'ours-aws'), theirs: aws }]
      : []),
    { group: 'pull', what: `pull of ${size} to disk`, against: 'curl, then openssl dgst', goal: 1.15, ours: pull(place), theirs: curl },
    {
      group: 'pull',
      what: `pull of ${size}, signed in shards, to disk`,
      against: 'curl, then openssl dgst',
      goal: 1.15,
      ours: pull(`s3://${BUCKET}/pulled-sharded0/m@1`),
      theirs: curl,
    },
    {
      group: 'attest',
      what: `attested verification of ${size}`,
      against: 'verify --full',
      goal: 1,
      ours: () => mlsign('verify', place, '--attested', ...trust),
      theirs: () => mlsign('verify', place, '--full', ...trust),
    },
    {
      group: 'small',
      what: `push of ${values.files} small files`,
      against: 'SDK PutObject, 8 in flight',
      goal: 1,
      ours: push(small, 'small'),
      theirs: (round) => node(THEIRS, 'puts', BUCKET, `small-theirs${round}`, small),
    },
  ];
}

function memory({ large, small, key }: Models, folder: string): readonly Result[] {
  const trust = ['--trust-key', `${key}.pub`, '--path-style', '--quiet'];
  const row = (what: string, ...args: readonly string[]): Result => {
    const value = peakMemory(mlsign(...args));
    say(`${what}: ${value.toFixed(0)} MiB`);
    return { what: `peak memory of ${what}, MiB`, against: '–', goal: '≤ 256', value };
  };
  return [
    row(`push of ${values.size} MiB`, 'push', large, `s3://${BUCKET}/memory/m`, '--key', key, ...trust),
    row(`push of ${values.files} small files`, 'push', small, `s3://${BUCKET}/memory-small/m`, '--key', key, ...trust),
    row(`pull of ${values.size} MiB`, 'pull', `s3://${BUCKET}/memory/m@1`, join(folder, 'memory'), ...trust),
    row(`verify --full of ${values.size} MiB`, 'verify', `s3://${BUCKET}/memory/m@1`, '--full', ...trust),
  ];
}

/** Runs both in turns, the first round for nothing. */
function compare({ what, against, goal, ours, theirs }: Pair): Result {
  const times = Array.from({ length: Number(values.rounds) + 1 }, (_, round) => ({
    ours: seconds(ours(round)),
    theirs: seconds(theirs(round)),
  })).slice(1);
  const result = {
    what,
    against,
    goal: `≥ ${goal}`,
    value: median(times.map((time) => time.theirs / time.ours)),
    ours: median(times.map((time) => time.ours)),
    theirs: median(times.map((time) => time.theirs)),
  };
  say(`${what} against ${against}: ${result.value.toFixed(2)} (${result.ours.toFixed(2)} s, ${result.theirs.toFixed(2)} s)`);
  return result;
}

/** How long it takes on a disk that has nothing left to do for the other one. */
function seconds(command: CommandLine): number {
  run(shell('sync'));
  const start = performance.now();
  run(command);
  return (performance.now() - start) / 1000;
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return ((sorted[(sorted.length - 1) >> 1] ?? Number.NaN) + (sorted[sorted.length >> 1] ?? Number.NaN)) / 2;
}

function table(results: readonly Result[]): string {
  const rows = results.map(
    ({ what, against, goal, value, ours, theirs }) =>
      `| ${what} | ${against} | ${goal} | ${value.toFixed(2)} | ${ours?.toFixed(2) ?? '–'} | ${theirs?.toFixed(2) ?? '–'} |`,
  );
  return ['| measured | against | goal | ratio or value | mlsign, s | other, s |', '|---|---|---|---|---|---|', ...rows, ''].join('\n');
}

function mlsign(...args: readonly string[]): CommandLine {
  return node(MLSIGN, ...args);
}

function node(...args: readonly string[]): CommandLine {
  return { label: `node ${args.join(' ')}`, command: process.execPath, args };
}

function shell(script: string): CommandLine {
  return { label: script, command: 'sh', args: ['-c', script] };
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
