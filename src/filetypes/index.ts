export { identify } from './detect.ts';
export { expectedFormats, formatOfName } from './format-names.ts';
export { FILE_FORMATS, type FileFormat, type FileType, fileType, RUNS_CODE } from './formats.ts';
export { type GgufHeader, type GgufSplit, type GgufValue, readGgufHeader } from './gguf.ts';
export { inspectContent } from './inspect-content.ts';
export type { CodePart, Defect, FileInspection, PickleImport } from './inspection.ts';
export * from './open-file.ts';
export { readSafetensorsHeader, type SafetensorsHeader } from './safetensors.ts';
export * from './tensor.ts';
