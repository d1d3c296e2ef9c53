import type { MlsignError } from '../core/index.ts';
import type { HashedFile } from '../digest/index.ts';
import type { Rule } from '../policy/index.ts';
import { type Attestation, inParallel, type ObjectFetch, type Store, type TransferOptions } from '../store/index.ts';

/** `auto`: the store's own checksums where they can be believed, else hashing; `full`: hashing; `attested`: no byte is read. */
export type EvidenceMode = 'auto' | 'full' | 'attested';

/** How the bytes of objects are proven. */
export interface ProofOptions extends TransferOptions {
  readonly mode: EvidenceMode;
  /** Why the store's checksums are not asked for; they are where this is absent. */
  readonly distrust?: string | undefined;
}

/** What is known of the bytes of one object. */
export type ObjectProof =
  /** The store's checksums say that it has exactly the parts that were asked about. */
  | { readonly kind: 'attested' }
  | { readonly kind: 'hashed'; readonly size: number; readonly digests: readonly string[] }
  | Exclude<Attestation, { readonly kind: 'attested' }>
  /** It could not be read. */
  | { readonly kind: 'failed'; readonly error: MlsignError };

/** Questions to a store about its checksums at a time. */
const ATTESTATIONS_AT_A_TIME = 16;

/** Why the checksums of a store do not count; undefined where they do. */
export async function distrustOf(
  store: Store,
  { attestedEndpoints }: Pick<Rule, 'attestedEndpoints'>,
  mode: EvidenceMode,
): Promise<string | undefined> {
  const trust = await store.attestationTrust();
  switch (trust.kind) {
    case 'sound':
      return undefined;
    case 'none':
      return trust.reason;
    case 'endpoint': {
      const believed = mode === 'attested' || attestedEndpoints.some((endpoint) => sameEndpoint(endpoint, trust.endpoint));
      return believed ? undefined : `the checksums of ${trust.endpoint} are believed only where the policy names it (attested-endpoints)`;
    }
  }
}

/** Proves objects, in their order: by the store's own checksums where that is sound and wanted, by hashing what is left. */
export async function proveObjects(
  store: Store,
  objects: readonly ObjectFetch[],
  { mode, distrust, signal, onProgress }: ProofOptions,
): Promise<readonly ObjectProof[]> {
  const attest = async ({ object }: ObjectFetch): Promise<Attestation> => {
    if (mode === 'full') return { kind: 'unproven', reason: 'every byte is hashed' };
    return distrust === undefined ? store.attest(object, signal) : { kind: 'unproven', reason: distrust };
  };
  const proofs: ObjectProof[] = [...(await inParallel(objects, ATTESTATIONS_AT_A_TIME, signal, attest))];
  if (mode === 'attested') return proofs;
  const left = objects.flatMap((object, at) => (proofs[at]?.kind === 'unproven' ? [{ object, at }] : []));
  if (left.length === 0) return proofs;
  const hashed = await store.fetch(
    left.map(({ object }) => object),
    { signal, onProgress },
  );
  left.forEach(({ at }, i) => {
    const file = hashed[i];
    if (file !== undefined) proofs[at] = proofOf(file);
  });
  return proofs;
}

/** What hashing an object proves. */
export function proofOf(file: HashedFile): ObjectProof {
  return 'error' in file ? { kind: 'failed', error: file.error } : { kind: 'hashed', size: file.size, digests: file.digests };
}

function sameEndpoint(a: string, b: string): boolean {
  return URL.canParse(a) && URL.canParse(b) && new URL(a).href === new URL(b).href;
}
