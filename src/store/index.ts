export * from './layout.ts';
export * from './location.ts';
export { openStore } from './open-store.ts';
export type * from './store.ts';
