export * from './error.ts';
export * from './escape.ts';
export * from './quantity.ts';
export * from './style.ts';
