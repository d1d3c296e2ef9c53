import { compareCodePoints, type Finding, MlsignError, throwIfAborted } from '../core/index.ts';
import { detectFormat, type OpenFile, readSafetensorsFile, type TensorInfo } from '../filetypes/index.ts';
import { hashModel } from '../model/index.ts';
import type { FileToExamine } from './check-formats.ts';
import { collectTo } from './check-formats-local.ts';
import type { FileDiff } from './diff-files.ts';
import type { DiffSide } from './diff-sides.ts';
import { filePath, lendFromDisk } from './model-contents.ts';

/** A tensor on one side. */
export interface TensorPlace {
  readonly file: string;
  readonly dtype: string;
  readonly shape: readonly number[];
}

/** What is not the same of a tensor. */
type What = readonly ('dtype' | 'shape' | 'values')[];

/** A tensor that differs. `moved` has the same content in another file. */
export type TensorChange =
  | { readonly change: 'added'; readonly name: string; readonly after: TensorPlace }
  | { readonly change: 'removed'; readonly name: string; readonly before: TensorPlace }
  | {
      readonly change: 'changed' | 'moved';
      readonly name: string;
      readonly before: TensorPlace;
      readonly after: TensorPlace;
      /** What is not the same; values are compared where dtype and shape are. */
      readonly what: What;
    };

/** How the tensors of changed safetensors files differ. */
export interface TensorDiff {
  readonly changes: readonly TensorChange[];
  /** Tensors with the same name, dtype, shape and values in the same file. */
  readonly same: number;
  readonly findings: readonly Finding[];
}

interface Tensor {
  readonly file: string;
  /** For people. */
  readonly path: string;
  readonly use: FileToExamine['use'];
  readonly info: TensorInfo;
}

interface Pair {
  readonly before: Tensor;
  readonly after: Tensor;
}

const BUFFER_BYTES = 1024 * 1024;
/** The most tensors of one side that are held in memory; the largest models there are have half as many. */
const MOST_TENSORS = 300_000;

/**
 * Compares the tensors of safetensors files that changed, were added or removed: headers first, then only the bytes of
 * tensors of the same dtype and shape, up to the first difference. A tensor that went to another file is found by its name.
 *
 * @returns undefined where there is no safetensors file to compare
 */
export async function diffTensors(a: DiffSide, b: DiffSide, files: FileDiff, signal?: AbortSignal): Promise<TensorDiff | undefined> {
  if (a.source === undefined || b.source === undefined) return undefined;
  const findings: Finding[] = [];
  const before = await readTensors(a, [...files.changed, ...files.removed], findings, signal);
  const after = await readTensors(b, [...files.changed, ...files.added], findings, signal);
  if (before.length === 0 || after.length === 0) return findings.length === 0 ? undefined : { changes: [], same: 0, findings };
  const { pairs, removed, added } = matchTensors(before, after, new Set(files.changed));
  if (pairs.length === 0) return undefined;
  const changes: TensorChange[] = [];
  let same = 0;
  for (const group of Map.groupBy(pairs, ({ before: a, after: b }) => JSON.stringify([a.file, b.file])).values()) {
    for (const [pair, what] of await compareGroup(group, findings, signal)) {
      const sameFile = pair.before.file === pair.after.file;
      if (what.length === 0 && sameFile) same++;
      else
        changes.push({
          change: what.length === 0 ? 'moved' : 'changed',
          name: pair.before.info.name,
          before: placeOf(pair.before),
          after: placeOf(pair.after),
          what,
        });
    }
  }
  // Of files that are wholly new or gone, only those that share a tensor with the other side are told tensor by tensor.
  const [filesA, filesB] = [new Set(pairs.map(({ before: { file } }) => file)), new Set(pairs.map(({ after: { file } }) => file))];
  for (const tensor of removed)
    if (filesA.has(tensor.file)) changes.push({ change: 'removed', name: tensor.info.name, before: placeOf(tensor) });
  for (const tensor of added)
    if (filesB.has(tensor.file)) changes.push({ change: 'added', name: tensor.info.name, after: placeOf(tensor) });
  return { changes: changes.sort((x, y) => compareCodePoints(x.name, y.name)), same, findings };
}

async function readTensors(
  side: DiffSide,
  names: readonly string[],
  findings: Finding[],
  signal?: AbortSignal,
): Promise<readonly Tensor[]> {
  const tensors: Tensor[] = [];
  for (const { name: file, use } of await lendFiles(side, names, signal)) {
    const path = pathOf(side, file);
    try {
      const header = await use(async (opened) =>
        (await detectFormat(opened)) === 'safetensors' ? readSafetensorsFile(opened) : undefined,
      );
      if (header === undefined) continue;
      if (tensors.length + header.tensors.length > MOST_TENSORS) {
        findings.push(tooMany(path));
        break;
      }
      for (const info of header.tensors) tensors.push({ file, path, use, info });
    } catch (error) {
      if (!(error instanceof MlsignError)) throw error;
      findings.push(notCompared(error, path));
    }
  }
  return tensors;
}

/** Files of a model, to be opened: those of an archive in its order, as a compressed one is best read from its beginning on. */
async function lendFiles({ source, serialization }: DiffSide, names: readonly string[], signal?: AbortSignal) {
  if (source === undefined || names.length === 0) return [];
  if (source.kind !== 'archive') return lendFromDisk(source, names);
  const files: FileToExamine[] = [];
  await hashModel(source, { serialization, only: new Set(), ...collectTo(files), signal });
  const wanted = new Set(names);
  return files.filter(({ name }) => wanted.has(name));
}

function pathOf({ source, path }: DiffSide, file: string): string {
  return source === undefined ? path : filePath(source, file);
}

function notCompared({ code, message, expected, got }: MlsignError, subject: string): Finding {
  return { code, severity: 'warning', message: `its tensors were not compared: ${message}`, subject, expected, got };
}

function tooMany(subject: string): Finding {
  const message = `the tensors of this file and those after it were not compared: they are more than ${MOST_TENSORS}`;
  return { code: 'tensors-too-many', severity: 'warning', message, subject };
}

/** Pairs tensors by file and name, then by name alone where that is unique on both sides. */
function matchTensors(before: readonly Tensor[], after: readonly Tensor[], changed: ReadonlySet<string>) {
  const key = ({ file, info }: Tensor): string => JSON.stringify([file, info.name]);
  const byPlace = new Map(after.filter(({ file }) => changed.has(file)).map((tensor) => [key(tensor), tensor]));
  const pairs: Pair[] = [];
  const matched = new Set<Tensor>();
  const pair = (a: Tensor, b: Tensor | undefined): void => {
    if (b === undefined) return;
    pairs.push({ before: a, after: b });
    matched.add(a).add(b);
  };
  for (const tensor of before) pair(tensor, byPlace.get(key(tensor)));
  const byName = uniqueByName(after.filter((tensor) => !matched.has(tensor)));
  for (const [name, tensor] of uniqueByName(before.filter((candidate) => !matched.has(candidate)))) pair(tensor, byName.get(name));
  return { pairs, removed: before.filter((tensor) => !matched.has(tensor)), added: after.filter((tensor) => !matched.has(tensor)) };
}

function uniqueByName(tensors: readonly Tensor[]): ReadonlyMap<string, Tensor> {
  const byName = new Map<string, Tensor>();
  const twice = new Set<string>();
  for (const tensor of tensors) {
    if (byName.has(tensor.info.name)) twice.add(tensor.info.name);
    byName.set(tensor.info.name, tensor);
  }
  for (const name of twice) byName.delete(name);
  return byName;
}

/** Pairs of the same two files, which are opened once. Those whose values could not be compared are left out, and told of. */
async function compareGroup(group: readonly Pair[], findings: Finding[], signal?: AbortSignal): Promise<ReadonlyMap<Pair, What>> {
  const compared = new Map(group.map((pair) => [pair, formDifference(pair)]));
  // Both archives and disks are best read forward.
  const alike = group.filter((pair) => compared.get(pair)?.length === 0).sort((x, y) => x.before.info.start - y.before.info.start);
  const [first] = alike;
  if (first === undefined) return compared;
  for (const pair of alike) compared.delete(pair);
  const buffers = [Buffer.alloc(BUFFER_BYTES), Buffer.alloc(BUFFER_BYTES)] as const;
  const compareAll = async (a: OpenFile, b: OpenFile): Promise<void> => {
    for (const pair of alike) compared.set(pair, (await sameBytes(a, b, pair, buffers, signal)) ? [] : ['values']);
  };
  try {
    await first.before.use((a) => first.after.use((b) => compareAll(a, b)));
  } catch (error) {
    if (!(error instanceof MlsignError) || error.code !== 'archive-not-seekable') throw error;
    findings.push(notCompared(error, first.before.path));
  }
  return compared;
}

function formDifference({ before, after }: Pair): What {
  const what: ('dtype' | 'shape')[] = [];
  if (before.info.dtype !== after.info.dtype) what.push('dtype');
  if (before.info.shape.join() !== after.info.shape.join()) what.push('shape');
  return what;
}

async function sameBytes(a: OpenFile, b: OpenFile, { before, after }: Pair, buffers: readonly [Buffer, Buffer], signal?: AbortSignal) {
  const length = before.info.end - before.info.start;
  for (let done = 0; done < length; done += BUFFER_BYTES) {
    throwIfAborted(signal);
    const size = Math.min(BUFFER_BYTES, length - done);
    const [left, right] = [buffers[0].subarray(0, size), buffers[1].subarray(0, size)];
    const read = await Promise.all([a.readInto(left, before.info.start + done), b.readInto(right, after.info.start + done)]);
    if (read[0] !== size || read[1] !== size || !left.equals(right)) return false;
  }
  return true;
}

function placeOf({ file, info }: Tensor): TensorPlace {
  return { file, dtype: info.dtype, shape: info.shape };
}
