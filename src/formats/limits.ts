import type { JsonLimits } from '../core/index.ts';

/**
 * The largest bundle that is read or written, in bytes: 150,000 files with names of thirty characters, or as many shards.
 * A larger model has larger shards. Whatever such a bundle holds, verifying and inspecting it takes less than
 * 256 MiB of memory (`test/app/memory.test.ts`).
 */
export const MAX_BUNDLE_BYTES = 32 * 1024 * 1024;

/** What a bundle may cost beside its payload, which is one string in it. */
export const BUNDLE_LIMITS: JsonLimits = { maxBytes: MAX_BUNDLE_BYTES, maxDepth: 32, maxValues: 20_000 };

/** What a statement may cost: as much as fits into a bundle. A resource is four values, and one of version 0.2.0 up to six. */
export const STATEMENT_LIMITS: JsonLimits = {
  maxBytes: (MAX_BUNDLE_BYTES / 4) * 3,
  maxDepth: 32,
  maxValues: 800_000,
  maxStringBytes: 64 * 1024,
};
