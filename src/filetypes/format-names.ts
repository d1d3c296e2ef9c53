import { type FileFormat, type FileType, fileType, RUNS_CODE } from './formats.ts';

/** Text is told apart by name, because its bytes do not say; nothing else is. */
export const TEXT_BY_EXTENSION: Readonly<Record<string, FileFormat>> = {
  md: 'markdown',
  markdown: 'markdown',
  py: 'python',
  pyi: 'python',
  pyw: 'python',
  sh: 'shell',
  bash: 'shell',
  zsh: 'shell',
  bat: 'shell',
  cmd: 'shell',
  ps1: 'shell',
  jinja: 'template',
  jinja2: 'template',
  j2: 'template',
};

const TORCH: readonly FileFormat[] = ['pytorch', 'pytorch-legacy', 'torchscript'];
const PICKLE: readonly FileFormat[] = ['pickle', 'joblib'];
const HDF5: readonly FileFormat[] = ['hdf5', 'keras'];
const TEXT: readonly FileFormat[] = ['text', 'json', 'jsonl', 'empty'];

/** What an extension may stand for; the first is what it usually does. */
const EXTENSIONS: Readonly<Record<string, readonly FileFormat[]>> = {
  ...Object.fromEntries(Object.entries(TEXT_BY_EXTENSION).map(([extension, format]) => [extension, [format, ...TEXT]])),
  safetensors: ['safetensors'],
  gguf: ['gguf'],
  pt: [...TORCH, ...PICKLE],
  pth: [...TORCH, ...PICKLE],
  ckpt: [...TORCH, ...PICKLE],
  pkl: [...PICKLE, ...TORCH],
  pickle: PICKLE,
  joblib: ['joblib', 'pickle', 'gzip', 'compressed'],
  mar: ['torchserve'],
  onnx: ['onnx'],
  tflite: ['tflite'],
  keras: HDF5.toReversed(),
  h5: HDF5,
  hdf5: HDF5,
  npy: ['numpy'],
  npz: ['numpy-zip'],
  parquet: ['parquet'],
  json: ['json', 'tokenizer'],
  jsonl: ['jsonl', 'json', 'empty'],
  txt: [...TEXT, 'markdown'],
  ipynb: ['notebook'],
  so: ['native'],
  dll: ['native'],
  dylib: ['native'],
  exe: ['native'],
  png: ['image'],
  jpg: ['image'],
  jpeg: ['image'],
  gif: ['image'],
  webp: ['image'],
  zip: ['zip', 'torchserve', 'numpy-zip', 'keras', ...TORCH],
  tar: ['tar'],
  nemo: ['tar', 'gzip'],
  gz: ['gzip'],
  tgz: ['gzip'],
  xz: ['compressed'],
  bz2: ['compressed'],
  zst: ['compressed'],
  '7z': ['compressed'],
};
const NAMES: Readonly<Record<string, readonly FileFormat[]>> = {
  'tokenizer.json': ['tokenizer', 'json'],
  'pytorch_model.bin': TORCH,
  'adapter_model.bin': TORCH,
  'training_args.bin': [...TORCH, ...PICKLE],
  'saved_model.pb': ['saved-model'],
};

/**
 * The formats that a name may stand for, the usual one first; undefined where a name promises nothing (`.bin` may be
 * anything). Bytes of another format are a mismatch.
 */
export function expectedFormats(name: string): readonly FileFormat[] | undefined {
  const base = name.slice(name.lastIndexOf('/') + 1).toLowerCase();
  return ownOf(NAMES, base) ?? ownOf(EXTENSIONS, base.slice(base.lastIndexOf('.') + 1));
}

/** What a name promises; only a guess, for files that are not there. */
export function formatOfName(name: string): FileType {
  return fileType(expectedFormats(name)?.[0] ?? 'unknown');
}

/** The code that a name makes of whatever bytes: an interpreter goes by it, or asks nothing at all. */
export function codeOfName(name: string): FileFormat | undefined {
  const format = ownOf(TEXT_BY_EXTENSION, name.slice(name.lastIndexOf('.') + 1).toLowerCase());
  return format !== undefined && RUNS_CODE.has(format) ? format : undefined;
}

function ownOf<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}
