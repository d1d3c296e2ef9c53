/** What a file is. */
export type FileFormat = keyof typeof FORMATS;

/** Every format that is recognised, with the name that people know it by. */
const FORMATS = {
  safetensors: 'safetensors',
  gguf: 'GGUF',
  pytorch: 'PyTorch',
  'pytorch-legacy': 'PyTorch before 1.6',
  torchscript: 'TorchScript',
  torchserve: 'TorchServe archive',
  pickle: 'pickle',
  joblib: 'joblib',
  onnx: 'ONNX',
  'saved-model': 'TensorFlow SavedModel',
  tflite: 'TensorFlow Lite',
  keras: 'Keras',
  hdf5: 'HDF5',
  numpy: 'NumPy',
  'numpy-zip': 'NumPy archive',
  tokenizer: 'tokenizer',
  template: 'Jinja template',
  sentencepiece: 'SentencePiece',
  parquet: 'Parquet',
  json: 'JSON',
  jsonl: 'JSON lines',
  markdown: 'Markdown',
  python: 'Python',
  notebook: 'Jupyter notebook',
  shell: 'shell script',
  native: 'native program',
  text: 'text',
  image: 'image',
  zip: 'ZIP',
  tar: 'tar',
  gzip: 'gzip',
  compressed: 'compressed data',
  'git-lfs-pointer': 'Git LFS pointer',
  empty: 'empty',
  unknown: 'unknown',
} as const;

/** A file's format, and the name that people know it by. */
export interface FileType {
  readonly format: FileFormat;
  readonly label: string;
}

/** Every format, as policies name it. */
export const FILE_FORMATS: readonly FileFormat[] = Object.keys(FORMATS) as FileFormat[];

/**
 * The formats that can run code when loaded. Most do by their nature; a Keras model, a SavedModel and a template only where
 * they hold what `inspectContent` lists as a part that runs code.
 */
export const RUNS_CODE: ReadonlySet<FileFormat> = new Set<FileFormat>([
  'pickle',
  'pytorch',
  'pytorch-legacy',
  'torchscript',
  'torchserve',
  'joblib',
  'keras',
  'saved-model',
  'python',
  'notebook',
  'shell',
  'native',
  'template',
]);

/** The type of a format. */
export function fileType(format: FileFormat): FileType {
  return { format, label: FORMATS[format] };
}
