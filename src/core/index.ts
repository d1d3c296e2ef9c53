export * from './bytes.ts';
export * from './clock.ts';
export * from './decode.ts';
export * from './errors.ts';
export * from './finding.ts';
export * from './hash-type.ts';
export * from './json.ts';
export * from './progress.ts';
