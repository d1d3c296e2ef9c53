export * from './detect.ts';
export * from './gguf.ts';
export * from './open-file.ts';
export { readSafetensorsHeader, type SafetensorsHeader } from './safetensors.ts';
export * from './tensor.ts';
