export * from './check-content.ts';
export * from './generate-key.ts';
export * from './hash-model.ts';
export * from './locations.ts';
export * from './open-signatures.ts';
export * from './sign-model.ts';
export * from './verify-model.ts';
