import type { JsonLimits } from '../core/index.ts';

/** The largest bundle that is read, in bytes: about 300,000 files, with room to parse it within 256 MiB of memory. */
export const MAX_BUNDLE_BYTES = 64 * 1024 * 1024;

/** What a bundle, and the statement in it, may cost. */
export const BUNDLE_LIMITS: JsonLimits = { maxBytes: MAX_BUNDLE_BYTES, maxDepth: 32, maxValues: 2_000_000 };
