import { existsSync, globSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type CommandLine, firstLine, run } from './measure.ts';
import type { TreeName, Trees } from './trees.ts';

/** What is measured, against what, and what is aimed at. */
export interface Row {
  readonly group: 'hash' | 'sign' | 'wasm' | 'start';
  /** What must be in the page cache. */
  readonly tree?: TreeName;
  readonly what: string;
  readonly ours: CommandLine;
  /** Or why there is nothing to compare with. */
  readonly theirs: CommandLine | string;
  /** `atLeast` times as fast, or `atMost` times as long. */
  readonly goal: { readonly atLeast: number; readonly stretch?: number } | { readonly atMost: number };
  /** How often, where that is not what the user asked for: what takes milliseconds needs many. */
  readonly rounds?: number;
}

/** Whose peak memory is measured, and how much it may be in MiB. */
export interface MemoryRow {
  readonly tree: TreeName;
  readonly what: string;
  readonly ours: CommandLine;
  readonly atMost: number;
}

const BIN = join(import.meta.dirname, '..', 'bin', 'run.js');
const WASM = join(import.meta.dirname, 'hash-wasm-direct.mjs');

/** Everything that is compared. */
export function rowsFor(trees: Trees, scratch: string, threads: number, reference: string | undefined): readonly Row[] {
  const { one, oneFile, eight, small, tiny } = trees;
  const shards = ['--method', 'shards', '--shard-size', `${trees.shardSize}`];
  const dgst = openssl('openssl dgst -sha256 FILE', ['dgst', '-sha256', oneFile]);
  const twice = Array.from({ length: 2 }, () => `openssl dgst -sha256 '${oneFile}'`);
  const find = `find '${small}' -type f -print0`;
  const node: CommandLine = { label: 'node -e 0', command: process.execPath, args: ['-e', '0'] };
  return [
    {
      group: 'hash',
      tree: 'one',
      what: 'one huge file, shards',
      ours: mlsign('hash', oneFile, '--quiet', ...shards),
      theirs: dgst,
      goal: { atLeast: 1.9 },
    },
    {
      group: 'hash',
      tree: 'one',
      what: 'all that two cores give: `openssl` twice at once',
      ours: { label: 'openssl, at once', command: 'sh', args: ['-c', `${twice[0]} & ${twice[1]}; wait`] },
      theirs: shell(twice.join('; '), 'openssl twice in turn'),
      goal: { atLeast: 1 },
    },
    {
      group: 'hash',
      tree: 'one',
      what: 'one huge file, whole',
      ours: mlsign('hash', oneFile, '--quiet'),
      theirs: dgst,
      goal: { atLeast: 0.97 },
    },
    {
      group: 'hash',
      tree: 'eight',
      what: '8 large files',
      ours: mlsign('hash', eight, '--quiet'),
      theirs: shell(`ls -d '${eight}'/* | xargs -n1 -P${threads} openssl dgst -sha256`, `xargs -P${threads} openssl dgst -sha256`),
      goal: { atLeast: 0.97, stretch: 1.05 },
    },
    {
      group: 'hash',
      tree: 'small',
      what: 'many small files',
      ours: mlsign('hash', small, '--quiet'),
      theirs: shell(`${find} | xargs -0 -n2000 -P${threads} openssl dgst -sha256`, `xargs -n2000 -P${threads} openssl dgst -sha256`),
      goal: { atLeast: 0.93, stretch: 1 },
    },
    {
      group: 'hash',
      tree: 'small',
      what: 'many small files',
      ours: mlsign('hash', small, '--quiet'),
      theirs: shell(`${find} | xargs -0 sha256sum`, 'find | xargs sha256sum'),
      goal: { atLeast: 4, stretch: 5 },
    },
    ...signAndVerify('one', 'one huge file, shards', one, shards, scratch, reference, { atLeast: 1.8 }),
    ...signAndVerify('eight', '8 large files', eight, [], scratch, reference, { atLeast: 0.97 }),
    ...signAndVerify('small', 'many small files', small, [], scratch, reference, { atLeast: 3.5 }),
    ...(['sha256', 'blake3'] as const).map((algorithm): Row => {
      const args = [WASM, eight, algorithm, `${threads}`];
      return {
        group: 'wasm',
        tree: 'eight',
        what: `8 large files, --engine wasm, ${algorithm}`,
        ours: mlsign('hash', eight, '--quiet', '--engine', 'wasm', '--algorithm', algorithm),
        theirs: { label: `hash-wasm directly, ${threads} threads`, command: process.execPath, args },
        goal: { atLeast: 0.95 },
      };
    }),
    { group: 'start', what: 'mlsign --version', ours: mlsign('--version'), theirs: node, goal: { atMost: 1.6 }, rounds: 20 },
    { group: 'start', what: 'mlsign hash of one small file', ours: mlsign('hash', tiny), theirs: node, goal: { atMost: 3.5 }, rounds: 20 },
  ];
}

/** Everything whose memory is measured. */
export function memoryRowsFor({ oneFile, shardSize, eight, small }: Trees, scratch: string): readonly MemoryRow[] {
  const { key, signature } = keys(scratch);
  const shards = ['--method', 'shards', '--shard-size', `${shardSize}`];
  return [
    { tree: 'one', what: 'hash: one huge file, whole', ours: mlsign('hash', oneFile), atMost: 128 },
    { tree: 'one', what: 'hash: one huge file, shards', ours: mlsign('hash', oneFile, ...shards), atMost: 128 },
    { tree: 'eight', what: 'hash: 8 large files', ours: mlsign('hash', eight), atMost: 128 },
    { tree: 'eight', what: 'hash: 8 large files, --engine wasm', ours: mlsign('hash', eight, '--engine', 'wasm'), atMost: 128 },
    { tree: 'small', what: 'hash: many small files', ours: mlsign('hash', small), atMost: 128 },
    {
      tree: 'small',
      what: 'sign: many small files',
      ours: mlsign('sign', small, '--key', key, '--signature', signature, '--force'),
      atMost: 256,
    },
    {
      tree: 'small',
      what: 'verify: many small files',
      ours: mlsign('verify', small, '--key', `${key}.pub`, '--signature', signature),
      atMost: 256,
    },
  ];
}

/** The reference client: where the user says it is, or where the interoperability suite installed it last. */
export function findReference(given: string | undefined): string | undefined {
  const cache = process.env.MLSIGN_CACHE ?? join(homedir(), '.cache', 'mlsign');
  const installed = globSync(join(cache, 'reference-*', 'bin', 'model_signing'))
    .sort()
    .at(-1);
  const path = given ?? process.env.MLSIGN_REFERENCE ?? installed;
  return path !== undefined && firstLine(path, '--version') !== undefined ? path : undefined;
}

function signAndVerify(
  tree: TreeName,
  what: string,
  model: string,
  options: readonly string[],
  scratch: string,
  reference: string | undefined,
  goal: Row['goal'],
): readonly Row[] {
  const { key, signature, theirSignature } = keys(scratch);
  const pub = `${key}.pub`;
  const sign = ['sign', 'key', '--private_key', key, '--signature', theirSignature, model];
  const verify = ['verify', 'key', '--public_key', pub, '--signature', theirSignature, model];
  const client = (args: readonly string[]): CommandLine | string =>
    reference === undefined ? 'not installed' : { label: `model_signing ${args[0]} key`, command: reference, args };
  return [
    {
      group: 'sign',
      tree,
      what: `sign: ${what}`,
      ours: mlsign('sign', model, '--key', key, '--signature', signature, '--force', '--quiet', ...options),
      theirs: client(sign),
      goal,
    },
    {
      group: 'sign',
      tree,
      what: `verify: ${what}`,
      ours: mlsign('verify', model, '--key', pub, '--signature', signature, '--quiet'),
      theirs: client(verify),
      goal,
    },
  ];
}

function keys(scratch: string) {
  const key = join(scratch, 'key.pem');
  mkdirSync(scratch, { recursive: true });
  if (!existsSync(key)) run(mlsign('keygen', key, '--quiet'));
  return { key, signature: join(scratch, 'ours.sig'), theirSignature: join(scratch, 'theirs.sig') };
}

function mlsign(...args: readonly string[]): CommandLine {
  return { label: `mlsign ${args.join(' ')}`, command: process.execPath, args: [BIN, ...args] };
}

function openssl(label: string, args: readonly string[]): CommandLine | string {
  return firstLine('openssl', 'version') === undefined ? 'not installed' : { label, command: 'openssl', args };
}

function shell(script: string, label: string): CommandLine | string {
  return firstLine('sh', '-c', 'command -v xargs openssl sha256sum') === undefined
    ? 'not installed'
    : { label, command: 'sh', args: ['-c', script] };
}
