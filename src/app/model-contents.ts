import { join } from 'node:path';
import { compareCodePoints, errorFinding, type Finding, MlsignError, readCapped, throwIfAborted, unavailable } from '../core/index.ts';
import {
  countParameters,
  type FileFormat,
  type FileInspection,
  type FileType,
  formatOfName,
  type GgufSplit,
  inspectContent,
  type OpenFile,
  readGgufFile,
  readSafetensorsFile,
  withFile,
} from '../filetypes/index.ts';
import type { Source } from '../model/index.ts';
import type { FileToExamine } from './check-formats.ts';

/** A file of a model and its size in bytes. */
export interface ListedFile {
  readonly name: string;
  readonly size: number;
}

/** How many files of one format there are. */
export interface FormatCount {
  readonly format: FileFormat;
  readonly label: string;
  readonly files: number;
  /** Known where the files, or their shards, are. */
  readonly bytes?: number | undefined;
}

/** What a GGUF file says of the model that it is, or is a part of. */
export interface GgufIdentity {
  readonly architecture: string | undefined;
  readonly split: GgufSplit | undefined;
}

/** A file that can run code when it is loaded, holds templates, or could not be looked through. */
export interface FileCode extends Pick<FileInspection, 'runsCode' | 'imports' | 'parts' | 'isComplete'> {
  readonly name: string;
}

/** What the files of a model hold, by their bytes. */
export interface ModelContents {
  readonly types: ReadonlyMap<string, FileType>;
  /** In the order of their names. */
  readonly code: readonly FileCode[];
  /** GGUF files by name. */
  readonly gguf: ReadonlyMap<string, GgufIdentity>;
  readonly tensors: number;
  /** Values in all tensors of safetensors and GGUF files. */
  readonly parameters: number;
  /** The one with most bytes first. */
  readonly dtypes: readonly string[];
  readonly findings: readonly Finding[];
}

const TENSOR_FORMATS: readonly FileFormat[] = ['safetensors', 'gguf'];

/** Where a file of a model lies. */
export function filePath(source: Pick<Source, 'kind' | 'path'>, name: string): string {
  return source.kind === 'file' ? source.path : join(source.path, ...name.split('/'));
}

/**
 * Reads a file of a model, whole.
 *
 * @throws MlsignError what `readCapped` throws
 */
export async function readModelFile(source: Source, name: string, maxBytes: number, what: string): Promise<Uint8Array> {
  if (source.kind !== 'archive') return await readCapped(filePath(source, name), maxBytes, what);
  const bytes = await source.contents.read(name, maxBytes, { algorithm: 'sha256' });
  if (bytes !== undefined) return bytes;
  throw unavailable('file-not-found', `the ${what} is not in the archive`, { subject: name });
}

/** Reads the beginning of every file, and the headers of those that hold tensors. What is wrong with one is a finding. */
export async function readContents(files: readonly FileToExamine[], atOnce: number, signal?: AbortSignal): Promise<ModelContents> {
  const findings: Finding[] = [];
  const { types, code } = await inspectAll(files, findings, atOnce, signal);
  const gguf = new Map<string, GgufIdentity>();
  const bytesOf = new Map<string, number>();
  let tensors = 0;
  let parameters = 0;
  // One header at a time: each may be 100 MB.
  for (const file of files) {
    const { name } = file;
    throwIfAborted(signal);
    const held = await attempt(name, findings, () => readTensors(file, types.get(name)));
    if (held === undefined) continue;
    if (held.gguf !== undefined) gguf.set(name, held.gguf);
    tensors += held.tensors.length;
    parameters += countParameters(held.tensors);
    for (const { dtype, start, end } of held.tensors) bytesOf.set(dtype, (bytesOf.get(dtype) ?? 0) + end - start);
  }
  const dtypes = [...bytesOf].sort((a, b) => b[1] - a[1]).map(([dtype]) => dtype);
  return { types, code, gguf, tensors, parameters, dtypes, findings: findings.sort((a, b) => compareCodePoints(a.subject, b.subject)) };
}

/** The files of a model on disk, to be opened. */
export function lendFromDisk(source: Source, names: readonly string[]): readonly FileToExamine[] {
  return names.map((name) => ({ name, use: (look) => withFile(filePath(source, name), look) }));
}

async function inspectAll(files: readonly FileToExamine[], findings: Finding[], atOnce: number, signal: AbortSignal | undefined) {
  const types = new Map<string, FileType>();
  const code: FileCode[] = [];
  const queue = files.values();
  const readNext = async (): Promise<void> => {
    for (const { name, use } of queue) {
      throwIfAborted(signal);
      const inspection = await attempt(name, findings, () => use((file) => inspectContent(file, signal)));
      if (inspection === undefined) continue;
      const { type, runsCode, imports, parts, isComplete } = inspection;
      types.set(name, type);
      if (parts.length > 0 || !isComplete) code.push({ name, runsCode, imports, parts, isComplete });
      findings.push(...pretending(name, type), ...defectsOf(name, inspection));
    }
  };
  await Promise.all(Array.from({ length: atOnce }, readNext));
  return { types, code: code.sort((a, b) => compareCodePoints(a.name, b.name)) };
}

/** What is malformed. Of files that hold tensors it is told when those are read. */
function defectsOf(subject: string, { type, defects }: FileInspection): readonly Finding[] {
  return defects
    .filter(({ code }) => !TENSOR_FORMATS.includes(type.format) || !code.startsWith(type.format))
    .map(({ code, message, where, expected, got }) => {
      const place = where === undefined ? message : `${message}: ${where}`;
      return { code, severity: 'warning', message: place, subject, expected, got };
    });
}

/** A file that cannot be read, or is malformed, is told of, and the others are looked at all the same. */
async function attempt<T>(subject: string, findings: Finding[], read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof MlsignError)) throw error;
    findings.push({ ...errorFinding(error, subject), severity: 'warning', subject });
    return undefined;
  }
}

async function readTensors({ use }: FileToExamine, type: FileType | undefined) {
  switch (type?.format) {
    case 'safetensors':
      return await use(async (file) => ({ tensors: (await readSafetensorsFile(file)).tensors, gguf: undefined }));
    case 'gguf':
      return await use(readGguf);
    default:
      return undefined;
  }
}

async function readGguf(file: OpenFile) {
  const { tensors, metadata, split } = await readGgufFile(file);
  const architecture = metadata.get('general.architecture');
  return { tensors, gguf: { split, architecture: typeof architecture === 'string' ? architecture : undefined } };
}

/** Files whose bytes are not what their names promise, where that matters to whoever loads them. */
function pretending(name: string, type: FileType): readonly Finding[] {
  if (type.format === 'git-lfs-pointer') {
    const message = 'a Git LFS pointer stands in place of the file';
    return [{ code: 'lfs-pointer', severity: 'warning', message, subject: name, suggestion: 'fetch the files: git lfs pull' }];
  }
  const promised = formatOfName(name);
  if ((promised.format !== 'safetensors' && promised.format !== 'gguf') || promised.format === type.format) return [];
  const message = 'the content is not what the name says';
  return [{ code: 'format-mismatch', severity: 'warning', message, subject: name, expected: promised.label, got: type.label }];
}

/** A file whose size may be known. */
export interface CountedFile {
  readonly name: string;
  readonly size?: number | undefined;
}

/** Counts files by format, those with most bytes, then most files, first. Files of no known type count by their name. */
export function countFormats(files: Iterable<CountedFile>, types: ReadonlyMap<string, FileType> = new Map()): readonly FormatCount[] {
  const counts = new Map<FileFormat, { -readonly [K in keyof FormatCount]: FormatCount[K] }>();
  for (const { name, size } of files) {
    const { format, label } = types.get(name) ?? formatOfName(name);
    const known = counts.get(format) ?? { format, label, files: 0, bytes: 0 };
    known.files++;
    known.bytes = size === undefined || known.bytes === undefined ? undefined : known.bytes + size;
    counts.set(format, known);
  }
  return [...counts.values()].sort((a, b) => (b.bytes ?? 0) - (a.bytes ?? 0) || b.files - a.files);
}
