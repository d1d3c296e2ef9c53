import { cpus, release, totalmem } from 'node:os';
import { type Comparison, firstLine } from './measure.ts';
import type { MemoryRow, Row } from './rows.ts';

/** More than this for each core, and others take time from what is measured; our own making of trees counts, too. */
const MAX_CALM_LOAD = 0.6;
/** Slower than this is no page cache. */
const MIN_CACHED_GIB = 1;

/** A row and what came out; without a result where there was nothing to compare with. */
export interface Measured {
  readonly row: Row;
  readonly result: Comparison | undefined;
}

export interface MeasuredMemory {
  readonly row: MemoryRow;
  /** MiB. */
  readonly peak: number;
}

/** How the machine was before the rows of a tree. */
export interface State {
  readonly tree: string;
  /** Programs that ran or wanted to, on average over the last minute. */
  readonly load: number;
  /** GiB a second at which one thread read the tree the second time. */
  readonly readGiB: number | undefined;
}

/** Where and with what it was measured. */
export interface Circumstances {
  readonly command: string;
  readonly date: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  readonly versions: Readonly<Record<string, string | undefined>>;
  readonly states: readonly State[];
}

/** Asks the machine. */
export function circumstances(command: string, reference: string | undefined, states: readonly State[]): Circumstances {
  const [first] = cpus();
  return {
    command,
    date: new Date().toISOString().slice(0, 10),
    cpu: first?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${process.platform} ${process.arch}, ${release()}`,
    versions: {
      node: process.version,
      'openssl in node': process.versions.openssl,
      openssl: firstLine('openssl', 'version'),
      sha256sum: firstLine('sha256sum', '--version'),
      model_signing: reference === undefined ? undefined : firstLine(reference, '--version'),
    },
    states,
  };
}

/** One line on the load, and on how fast the tree was read: no disk is as fast as the page cache. */
export function stateText({ tree, load, readGiB }: State): string {
  const read =
    readGiB === undefined ? '' : `, read at ${readGiB.toFixed(1)} GiB/s${readGiB < MIN_CACHED_GIB ? ' (hardly from the page cache)' : ''}`;
  return `${tree}: load ${load.toFixed(1)}${load > MAX_CALM_LOAD * cpus().length ? ' (the machine was busy)' : ''}${read}`;
}

/** The share of a goal that was reached is the ratio itself: times as fast, or times as long where less is better. */
export function score({ goal }: Row, { ratio }: Comparison): { readonly value: number; readonly reached: boolean } {
  if ('atLeast' in goal) return { value: ratio, reached: ratio >= goal.atLeast };
  return { value: 1 / ratio, reached: 1 / ratio <= goal.atMost };
}

/** Tables for `docs/performance.md`. */
export function markdown(where: Circumstances, rows: readonly Measured[], memory: readonly MeasuredMemory[]): string {
  const versions = Object.entries(where.versions).map(([name, version]) => `${name} ${version ?? 'not installed'}`);
  return [
    `\`${where.command}\` on ${where.date}: ${where.cpu}, ${where.cores} cores, ${where.memoryGiB} GiB, ${where.system}; ${versions.join(', ')}.`,
    `Before each part: ${where.states.map(stateText).join('; ')}.`,
    '',
    '| measured | against | goal | ratio | mlsign | other |',
    '|---|---|---|---|---|---|',
    ...rows.map(line),
    '',
    '| peak memory of | goal | MiB |',
    '|---|---|---|',
    ...memory.map(({ row, peak }) => `| ${row.what} | ≤ ${row.atMost} | ${mark(peak <= row.atMost)}${peak.toFixed(0)} |`),
    '',
  ].join('\n');
}

function line({ row, result }: Measured): string {
  const { what, theirs, goal } = row;
  const aim = 'atLeast' in goal ? `≥ ${goal.atLeast}${goal.stretch === undefined ? '' : ` (${goal.stretch})`}` : `≤ ${goal.atMost}`;
  if (result === undefined || typeof theirs === 'string')
    return `| ${what} | ${typeof theirs === 'string' ? theirs : theirs.label} | ${aim} | – | – | – |`;
  const { value, reached } = score(row, result);
  return `| ${what} | \`${theirs.label.replaceAll('|', '\\|')}\` | ${aim} | ${mark(reached)}${value.toFixed(2)} | ${time(result.ours)} | ${time(result.theirs)} |`;
}

function mark(reached: boolean): string {
  return reached ? '' : '✗ ';
}

function time(seconds: number): string {
  return seconds < 1 ? `${(seconds * 1000).toFixed(0)} ms` : `${seconds.toFixed(2)} s`;
}
