import { join } from 'node:path';
import { compareCodePoints, type Finding, MlsignError, throwIfAborted } from '../core/index.ts';
import {
  countParameters,
  type FileFormat,
  type FileType,
  formatOfName,
  type GgufHeader,
  identify,
  readGgufHeader,
  readSafetensorsHeader,
  type TensorInfo,
} from '../filetypes/index.ts';
import type { Source } from '../model/index.ts';

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

/** What the files of a model hold, by their bytes. */
export interface ModelContents {
  readonly types: ReadonlyMap<string, FileType>;
  /** Headers of the GGUF files by name. */
  readonly gguf: ReadonlyMap<string, GgufHeader>;
  readonly tensors: number;
  /** Values in all tensors of safetensors and GGUF files. */
  readonly parameters: number;
  /** The one with most bytes first. */
  readonly dtypes: readonly string[];
  readonly findings: readonly Finding[];
}

// Enough to hide the latency of a disk, far below any limit on open files.
const READERS = 8;

/** Where a file of a model lies. */
export function filePath(source: Pick<Source, 'kind' | 'path'>, name: string): string {
  return source.kind === 'file' ? source.path : join(source.path, ...name.split('/'));
}

/** Reads the beginning of every file, and the headers of those that hold tensors. What is wrong with one is a finding. */
export async function readContents(source: Source, files: readonly ListedFile[], signal?: AbortSignal): Promise<ModelContents> {
  const types = new Map<string, FileType>();
  const gguf = new Map<string, GgufHeader>();
  const findings: Finding[] = [];
  const dtypeBytes = new Map<string, number>();
  let tensors = 0;
  let parameters = 0;
  const queue = files.values();
  const readNext = async (): Promise<void> => {
    for (const { name } of queue) {
      throwIfAborted(signal);
      const path = filePath(source, name);
      try {
        const type = await identify(path);
        types.set(name, type);
        findings.push(...pretending(name, type));
        let held: readonly TensorInfo[] = [];
        if (type.format === 'safetensors') held = (await readSafetensorsHeader(path)).tensors;
        if (type.format === 'gguf') {
          const header = await readGgufHeader(path);
          gguf.set(name, header);
          held = header.tensors;
        }
        tensors += held.length;
        parameters += countParameters(held);
        for (const { dtype, start, end } of held) dtypeBytes.set(dtype, (dtypeBytes.get(dtype) ?? 0) + end - start);
      } catch (error) {
        if (!(error instanceof MlsignError) || error.outcome === 'interrupted') throw error;
        const { code, message, expected, got } = error;
        findings.push({ code, severity: 'warning', message, subject: name, expected, got });
      }
    }
  };
  await Promise.all(Array.from({ length: READERS }, readNext));
  const dtypes = [...dtypeBytes].sort((a, b) => b[1] - a[1]).map(([dtype]) => dtype);
  // Several files are read at a time: what they gave is put in the order of their names.
  const ordered = new Map([...gguf].sort(([a], [b]) => compareCodePoints(a, b)));
  findings.sort((a, b) => compareCodePoints(a.subject, b.subject));
  return { types, gguf: ordered, tensors, parameters, dtypes, findings };
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
  const counts = new Map<FileFormat, FormatCount>();
  for (const { name, size } of files) {
    const { format, label } = types.get(name) ?? formatOfName(name);
    const known = counts.get(format) ?? { format, label, files: 0, bytes: 0 };
    const bytes = size === undefined || known.bytes === undefined ? undefined : known.bytes + size;
    counts.set(format, { ...known, files: known.files + 1, bytes });
  }
  return [...counts.values()].sort((a, b) => (b.bytes ?? 0) - (a.bytes ?? 0) || b.files - a.files);
}
