export * from './layout.ts';
export * from './location.ts';
export type * from './store.ts';
