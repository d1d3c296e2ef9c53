import { Decoder, isJsonObject, type JsonValue } from '../core/index.ts';
import { decodeResources } from './decode-manifest.ts';
import type { Manifest, Serialization } from './manifest.ts';
import type { Statement } from './statement.ts';

/** The predicate type of version 0.2.0: one subject a file, and nothing in the predicate (OMS §11). */
export const LEGACY_PREDICATE_TYPE = 'https://model_signing/Digests/v0.1';

// The form does not say how files were found; the reference implementation reads it so.
const SERIALIZATION: Serialization = { method: 'files', hashType: 'sha256', allowSymlinks: false, ignorePaths: [] };

/**
 * The manifest in a statement of version 0.2.0, whose subjects are the files.
 *
 * @throws MlsignError `statement-malformed`
 */
export function parseLegacyManifest({ subject, predicate }: Statement, where: string): Manifest {
  const decoder = new Decoder();
  const fields = decoder.object(predicate, 'predicate');
  if (fields.has('unused')) fields.string('unused');
  fields.done();
  const list = subject.map(({ name, digests, annotations }, i) => {
    if (!isSha256(annotations)) decoder.problem(`subject[${i}].annotations`, '{"actual_hash_algorithm":"file-sha256"}', annotations);
    return { name, digest: digests.sha256 ?? '' };
  });
  const resources = decodeResources(decoder, list, 'subject', SERIALIZATION, false);
  decoder.finish('statement-malformed', 'signed statement', where);
  return { serialization: SERIALIZATION, resources };
}

/** Other hashes stood under the key `sha256` too, told apart by this annotation alone. */
function isSha256(annotations: JsonValue | undefined): boolean {
  return annotations === undefined || (isJsonObject(annotations) && annotations.actual_hash_algorithm === 'file-sha256');
}
