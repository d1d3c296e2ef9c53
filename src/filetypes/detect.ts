import { decodeUtf8 } from '../core/index.ts';
import { TEXT_BY_EXTENSION } from './format-names.ts';
import { type FileFormat, type FileType, fileType } from './formats.ts';
import { type OpenFile, withFile } from './open-file.ts';
import { looksLikeLegacyTorch, looksLikePickle } from './pickle.ts';
import { looksLikeOnnx, looksLikeSentencePiece } from './protobuf.ts';
import { looksLikeSafetensors } from './safetensors.ts';
import { listZipNames } from './zip-directory.ts';

const HEAD_BYTES = 64 * 1024;
const LFS_POINTER = 'version https://git-lfs.github.com/spec/';
/**
 * Tells what a file is by its bytes: at most 64 KiB of its beginning, and the directory of a ZIP file. Nothing is run or
 * unpacked, and a file that only pretends is found by the strict readers.
 *
 * @throws MlsignError `not-a-file`, and what `fileError` gives
 */
export function identify(path: string): Promise<FileType> {
  return withFile(path, async (file) => fileType(await detectFormat(file)));
}

/** `identify` for a file that is open. */
export async function detectFormat(file: OpenFile): Promise<FileFormat> {
  if (file.size === 0) return 'empty';
  const head = await file.read(0, HEAD_BYTES);
  const begins = (magic: string): boolean => head.toString('latin1', 0, magic.length) === magic;
  if (begins('GGUF')) return 'gguf';
  if (begins('PK\x03\x04')) return detectZip((await listZipNames(file)) ?? [firstZipName(head)]);
  if (begins('\x93NUMPY')) return 'numpy';
  if (begins('\x89HDF\r\n\x1a\n')) return head.includes('keras_version') ? 'keras' : 'hdf5';
  if (begins('PAR1')) return 'parquet';
  if (looksLikeSafetensors(head)) return 'safetensors';
  if (looksLikeLegacyTorch(head)) return 'pytorch-legacy';
  if (looksLikePickle(head)) return 'pickle';
  if (looksLikeOnnx(head, file.size)) return 'onnx';
  if (looksLikeSentencePiece(head, file.size)) return 'sentencepiece';
  return detectText(head, file);
}

function firstZipName(head: Buffer): string {
  return head.length < 30 ? '' : head.toString('utf8', 30, 30 + head.readUInt16LE(26));
}

function detectZip(names: readonly string[]): FileFormat {
  const has = (pattern: RegExp): boolean => names.some((name) => pattern.test(name));
  if (has(/^[^/]+\/data\.pkl$/)) return has(/^[^/]+\/(?:constants\.pkl|code\/)/) ? 'torchscript' : 'pytorch';
  if (names.includes('config.json') && names.includes('metadata.json') && has(/^model\.weights\.(?:h5|npz)$/)) return 'keras';
  if (names.length > 0 && names.every((name) => name.endsWith('.npy'))) return 'numpy-zip';
  return 'zip';
}

function detectText(head: Buffer, file: OpenFile): FileFormat {
  const text = textOf(head, file.size > head.length);
  if (text === undefined) return 'unknown';
  if (text.startsWith(LFS_POINTER)) return 'git-lfs-pointer';
  const start = text.trimStart();
  if (start.startsWith('{') || start.startsWith('[')) return detectJson(start, file.size > head.length);
  return TEXT_BY_EXTENSION[file.path.slice(file.path.lastIndexOf('.') + 1).toLowerCase()] ?? 'text';
}

/** The text of UTF-8 bytes without control characters but white space. A character cut at the end is left out. */
function textOf(head: Buffer, cut: boolean): string | undefined {
  for (let dropped = 0; dropped <= (cut ? 3 : 0); dropped++) {
    const text = decodeUtf8(head.subarray(0, head.length - dropped));
    if (text !== undefined) return /[\0-\x08\x0e-\x1a\x1c-\x1f]/.test(text) ? undefined : text;
  }
  return undefined;
}

function detectJson(text: string, cut: boolean): FileFormat {
  const [first = '', second = ''] = text.split('\n', 2);
  if (/^\s*[[{]/.test(second) && isJson(first)) return 'jsonl';
  if (!cut && !isJson(text)) return 'text';
  return /"added_tokens"\s*:/.test(text) && /^\{\s*"version"\s*:/.test(text) ? 'tokenizer' : 'json';
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
