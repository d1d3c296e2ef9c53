import { throwIfAborted } from '../core/index.ts';
import { detectFormat, HEAD_BYTES } from './detect.ts';
import { withHeadKept } from './file-parts.ts';
import { codeOfName } from './format-names.ts';
import type { FileFormat } from './formats.ts';
import { readGgufFile } from './gguf.ts';
import { inspectCompressed } from './inspect-compressed.ts';
import { inspectSavedModel } from './inspect-graph.ts';
import { inspectHdf5 } from './inspect-hdf5.ts';
import { inspectJson } from './inspect-json.ts';
import { inspectNumpy } from './inspect-numpy.ts';
import { inspectOnnx } from './inspect-onnx.ts';
import { inspectPickles, sniffPickle } from './inspect-pickle.ts';
import { inspectTar } from './inspect-tar.ts';
import { noteTemplate } from './inspect-template.ts';
import { inspectText, inspectUnknown, inspectYaml } from './inspect-text.ts';
import { inspectZip } from './inspect-zip.ts';
import type { FileInspection } from './inspection.ts';
import { InspectionNotes, type InspectionPlace } from './inspection-notes.ts';
import { hasTarChecksum, looksLikeZip } from './magic.ts';
import type { OpenFile } from './open-file.ts';
import { readSafetensorsFile } from './safetensors.ts';
import { readZipDirectory } from './zip-directory.ts';

const MAX_DEPTH = 4;
const MAX_TEMPLATE_BYTES = 1024 * 1024;
const TAR_BLOCK = 512;
const INERT: ReadonlySet<FileFormat> = new Set<FileFormat>(['empty', 'git-lfs-pointer']);
const UNPICKLED: ReadonlySet<FileFormat> = new Set<FileFormat>(['pickle', 'joblib', 'pytorch-legacy', 'empty']);
/** What these end with is looked at anyway: a ZIP file that is their last member. */
const CONTAINERS: ReadonlySet<FileFormat> = new Set<FileFormat>(['tar', 'empty']);
/** Text that is read whole in its first bytes holds no control characters, and so no end record of a ZIP file. */
const TEXT: ReadonlySet<FileFormat> = new Set<FileFormat>([
  'text',
  'markdown',
  'json',
  'jsonl',
  'tokenizer',
  'python',
  'shell',
  'template',
  'notebook',
]);

/**
 * Tells what loading a file could do, without doing any of it: what it is, which parts of it are code or name code, what its
 * pickles import, and what is malformed. Reads are bounded; tensors are never read.
 *
 * @throws MlsignError what reading the file gives
 */
export async function inspectContent(file: OpenFile, signal?: AbortSignal): Promise<FileInspection> {
  throwIfAborted(signal);
  const notes = new InspectionNotes(signal);
  let format: FileFormat | undefined;
  const inspect = async (content: OpenFile, place: InspectionPlace): Promise<void> => {
    if (place.depth > MAX_DEPTH) return notes.incomplete();
    const kept = await withHeadKept(content, HEAD_BYTES);
    const found = await detectFormat(kept);
    format ??= found;
    await notes.attempt(place.where, () => inspectAs(kept, found, place));
    await notes.attempt(place.where, () => inspectOtherReadings(kept, found, place));
  };
  await inspect(file, { where: '', depth: 0, notes, inspect });
  return notes.result(format ?? 'unknown');
}

async function inspectAs(file: OpenFile, format: FileFormat, place: InspectionPlace): Promise<void> {
  const { notes, where } = place;
  switch (format) {
    case 'pickle':
    case 'joblib':
    case 'pytorch-legacy':
      return inspectPickles(file, format, place);
    case 'pytorch':
    case 'torchscript':
    case 'torchserve':
    case 'keras':
    case 'numpy-zip':
    case 'zip':
      return format === 'keras' && !(await isZip(file)) ? inspectHdf5(file, place) : inspectZip(file, format, place);
    case 'hdf5':
      return inspectHdf5(file, place);
    case 'numpy':
      return inspectNumpy(file, place);
    case 'safetensors':
      await readSafetensorsFile(file);
      return;
    case 'gguf':
      for (const [key, value] of (await readGgufFile(file)).metadata) {
        if (/^tokenizer\.chat_template(?:\.|$)/.test(key) && typeof value === 'string') noteTemplate(value, key, place);
      }
      return;
    case 'saved-model':
      return inspectSavedModel(file, place);
    case 'onnx':
      return inspectOnnx(file, place);
    case 'json':
    case 'tokenizer':
      await inspectYaml(file, place);
      return inspectJson(file, place);
    case 'template':
      if (file.size > MAX_TEMPLATE_BYTES) notes.incomplete();
      return noteTemplate((await file.read(0, MAX_TEMPLATE_BYTES)).toString('utf8'), '', place);
    case 'tar':
      return inspectTar(file, place);
    case 'gzip':
    case 'compressed':
      return inspectCompressed(file, place);
    case 'text':
    case 'jsonl':
      return inspectText(file, place);
    case 'python':
      return notes.part(format, where, 'importing it runs it');
    case 'notebook':
      return notes.part(format, where, 'its cells are code', true);
    case 'shell':
      return notes.part(format, where, 'it is a script');
    case 'native':
      return notes.part(format, where, 'it is machine code');
    case 'unknown':
      return inspectUnknown(file, place);
    default:
      return;
  }
}

/** What a loader makes of a file that goes by another part of it: a ZIP by its end, a pickle by its first byte. */
async function inspectOtherReadings(file: OpenFile, format: FileFormat, place: InspectionPlace): Promise<void> {
  const { notes, where } = place;
  const code = codeOfName(file.path);
  if (code !== undefined && !TEXT.has(format) && !INERT.has(format)) notes.part(code, where, 'its name makes it code, whatever else it is');
  if (!UNPICKLED.has(format) && !(await isZip(file)) && (await sniffPickle(file, notes.signal))) {
    notes.defect('format-ambiguous', where, 'the file can be read as a pickle too', format, 'pickle');
    await inspectPickles(file, 'pickle', place);
  }
  if (format !== 'tar' && hasTarChecksum(await file.read(0, TAR_BLOCK))) {
    notes.defect('format-ambiguous', where, 'the file can be read as a tar file too', format, 'tar');
    await inspectTar(file, place);
  }
  // Inside another file nobody looks for the end first, and a compressed one would have to be unpacked whole.
  if (place.depth > 0) return;
  const isWholeText = TEXT.has(format) && file.size <= HEAD_BYTES;
  if (isWholeText || CONTAINERS.has(format) || (await isZip(file))) return;
  const directory = await readZipDirectory(file);
  if (directory === undefined || directory.entries.length === 0) return;
  notes.defect('format-ambiguous', where, 'the file can be read as a ZIP file too', format, 'zip');
  await inspectZip(file, 'zip', place);
}

async function isZip(file: OpenFile): Promise<boolean> {
  return looksLikeZip(await file.read(0, 4));
}
