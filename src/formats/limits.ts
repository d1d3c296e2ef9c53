import type { JsonLimits } from '../core/index.ts';

/** The largest bundle that is read or written, in bytes: about 200,000 files; one of 100,000 is verified within 256 MiB of memory. */
export const MAX_BUNDLE_BYTES = 48 * 1024 * 1024;

/** What a bundle, and the statement in it, may cost. */
export const BUNDLE_LIMITS: JsonLimits = { maxBytes: MAX_BUNDLE_BYTES, maxDepth: 32, maxValues: 1_200_000 };
