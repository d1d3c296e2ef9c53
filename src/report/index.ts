export * from './error.ts';
export * from './escape.ts';
export * from './findings.ts';
export * from './hash.ts';
export * from './quantity.ts';
export * from './sign.ts';
export * from './style.ts';
export * from './verification.ts';
