/** The hash algorithms of OMS (algorithm registry), each with the length of its digest in bytes. */
export const DIGEST_BYTES = { sha256: 32, blake2b: 64, blake3: 32 } as const;

/** An algorithm that model files are hashed with: OMS `hash_type`. */
export type HashType = keyof typeof DIGEST_BYTES;

/** Every {@link HashType}, the default first. */
export const HASH_TYPES = Object.keys(DIGEST_BYTES) as readonly HashType[];
