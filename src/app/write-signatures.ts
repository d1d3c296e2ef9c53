import { dirname, join } from 'node:path';
import { fileError, makeDirectory, writeFilesAtomic } from '../core/index.ts';
import { type Bundle, publicKeyHint, serializeBundle } from '../formats/index.ts';
import type { Signer } from '../sign/index.ts';

/** A bundle and the one who signed it. */
export interface SealedBundle {
  readonly signer: Signer;
  readonly bundle: Bundle;
  /** Whether few other verifiers know the form of the signature: Ed25519ph, as AWS KMS makes it. */
  readonly isPrehashed: boolean;
}

/** A bundle that was written. */
export interface WrittenSignature extends SealedBundle {
  readonly path: string;
}

/** One at least, the first signer's first. */
export type WrittenSignatures = readonly [WrittenSignature, ...WrittenSignature[]];

/**
 * Writes bundles, all or none: the first where it is asked for, the others into the companion directory, each named after
 * its key.
 *
 * @throws MlsignError `file-exists`, and what the file system gives
 */
export async function writeSignatures(
  [first, ...others]: readonly [SealedBundle, ...SealedBundle[]],
  signature: string,
  companion: string,
  force: boolean,
): Promise<WrittenSignatures> {
  const further = others.map((sealed) => ({ ...sealed, path: companionPath(companion, sealed.signer) }));
  const own = { ...first, path: signature };
  if (further.length > 0) await makeCompanion(companion);
  // The first signature is the one that verifiers look for: it comes last.
  const files = [...further, own].map(({ path, bundle }) => ({
    path,
    data: serializeBundle(bundle),
    what: 'signature',
    overwrite: force,
  }));
  await writeFilesAtomic(files);
  return [own, ...further];
}

/** Where a further signature goes: it is named after its key. */
export function companionPath(companion: string, { publicKey }: Signer): string {
  return join(companion, `${publicKeyHint(publicKey).slice(0, 16)}.sig`);
}

/** Makes the directory of further signatures. */
export async function makeCompanion(path: string): Promise<void> {
  await makeDirectory(path).catch((error) => {
    throw fileError(error, 'make the directory of further signatures', dirname(path));
  });
}
