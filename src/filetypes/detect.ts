import { decodeUtf8 } from '../core/index.ts';
import { codeOfName, TEXT_BY_EXTENSION } from './format-names.ts';
import { type FileFormat, type FileType, fileType } from './formats.ts';
import { isNoPickle, sniffPickle } from './inspect-pickle.ts';
import { formatByMagic, formatByWeakMagic, isDeflatedText, looksLikeZip } from './magic.ts';
import { type OpenFile, withFile } from './open-file.ts';
import { looksLikeLegacyTorch, looksLikePickle } from './pickle.ts';
import { looksLikeOnnx, looksLikeSavedModel, looksLikeSentencePiece } from './protobuf.ts';
import { looksLikeSafetensors } from './safetensors.ts';
import { readZipDirectory } from './zip-directory.ts';
import { formatOfZip } from './zip-format.ts';

/** The first bytes, by which a file is told. */
export const HEAD_BYTES = 64 * 1024;
const HDF5 = Buffer.from('\x89HDF\r\n\x1a\n', 'latin1');
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
  if (looksLikeZip(head)) {
    return formatOfZip((await readZipDirectory(file))?.entries.map(({ name }) => name) ?? [firstZipName(head)]);
  }
  const format = detectByHead(head, file.path, file.size);
  if (format === 'unknown' || format === 'text') return (await sniffPickle(file)) ? formatOfPickle(head) : format;
  return format === 'pickle' && (await isNoPickle(file)) ? 'unknown' : format;
}

/** What the first bytes tell, of anything but a ZIP file: it and pickles that have no usual beginning need more of the file. */
export function detectByHead(head: Buffer, path: string, size: number): FileFormat {
  const known = formatByMagic(head, size);
  if (known !== undefined) return known;
  if (head.subarray(0, HDF5.length).equals(HDF5)) return head.includes('keras_version') ? 'keras' : 'hdf5';
  if (looksLikeSafetensors(head, path, size)) return 'safetensors';
  if (looksLikeLegacyTorch(head)) return 'pytorch-legacy';
  if (looksLikePickle(head)) return formatOfPickle(head);
  if (looksLikeOnnx(head, size)) return 'onnx';
  if (looksLikeSavedModel(head, size)) return 'saved-model';
  if (looksLikeSentencePiece(head, size)) return 'sentencepiece';
  return detectText(head, path, size);
}

function formatOfPickle(head: Buffer): FileFormat {
  return head.includes('joblib.numpy_pickle') ? 'joblib' : 'pickle';
}

function firstZipName(head: Buffer): string {
  return head.length < 30 ? '' : head.toString('utf8', 30, 30 + head.readUInt16LE(26));
}

function detectText(head: Buffer, path: string, size: number): FileFormat {
  const isCut = size > head.length;
  const text = textOf(head, isCut);
  if (text === undefined) return formatByWeakMagic(head) ?? 'unknown';
  if (isDeflatedText(head)) return 'compressed';
  if (text.startsWith('#!')) return /^#!.*\bpython/.test(text) ? 'python' : 'shell';
  if (text.startsWith(LFS_POINTER)) return 'git-lfs-pointer';
  const start = text.trimStart();
  const code = codeOfName(path);
  if (code !== undefined) return code;
  const json = /^(?:\{\s*["}]|\[)/.test(start) ? detectJson(start, isCut) : undefined;
  if (json !== undefined) return json;
  return TEXT_BY_EXTENSION[path.slice(path.lastIndexOf('.') + 1).toLowerCase()] ?? 'text';
}

/** The text of UTF-8 bytes without control characters but white space. A character cut at the end is left out. */
function textOf(head: Buffer, cut: boolean): string | undefined {
  // Decoding what is no text would be most of the time that looking at many weights takes.
  if (head.includes(0)) return undefined;
  for (let dropped = 0; dropped <= (cut ? 3 : 0); dropped++) {
    const text = decodeUtf8(head.subarray(0, head.length - dropped));
    if (text !== undefined) return /[\0-\x08\x0e-\x1a\x1c-\x1f]/.test(text) ? undefined : text;
  }
  return undefined;
}

function detectJson(text: string, cut: boolean): FileFormat | undefined {
  const [first = '', second = ''] = text.split('\n', 2);
  if (/^\s*[[{]/.test(second) && isJson(first)) return 'jsonl';
  if (!cut && !isJson(text)) return undefined;
  if (/^\{\s*"(?:cells|metadata|nbformat)"/.test(text) && /"cell_type"\s*:/.test(text)) return 'notebook';
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
