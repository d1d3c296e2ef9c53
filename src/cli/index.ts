export * from './base-command.ts';
export * from './exit-codes.ts';
export * from './flags.ts';
export * from './kms.ts';
export * from './ports.ts';
export * from './size.ts';
export * from './wiring.ts';
