import { systemClock, throwIfAborted } from '../core/index.ts';
import { isPrehashed, preAuthEncoding } from '../formats/index.ts';
import { type Signer, seal } from '../sign/index.ts';
import { freshSigner, type SigningParty } from './signers.ts';
import type { SealedBundle } from './write-signatures.ts';

/** Who signs, the first one first. */
export type SigningParties = readonly [SigningParty, ...SigningParty[]];

/** Everybody who signs, in order. */
export function partiesOf({
  signer,
  witnesses,
  further = [],
}: SigningParty & { further?: readonly SigningParty[] | undefined }): SigningParties {
  return [{ signer, witnesses }, ...further];
}

/** Has a payload signed by everybody at once, each into a bundle of its own. */
export async function sealPayload(
  payload: Uint8Array,
  [first, ...further]: SigningParties,
  signers: readonly Signer[],
  signal: AbortSignal | undefined,
): Promise<readonly [SealedBundle, ...SealedBundle[]]> {
  throwIfAborted(signal);
  const sealOne = async (party: SigningParty, i: number): Promise<SealedBundle> => {
    const signer = await freshSigner(signers[i], party, systemClock());
    const bundle = await seal(payload, signer, { witnesses: party.witnesses, signal });
    const { payloadType } = bundle.envelope;
    return { signer, bundle, isPrehashed: isPrehashed(signer.scheme, preAuthEncoding(payloadType, payload)) };
  };
  const sealed = await Promise.all([sealOne(first, 0), ...further.map((party, i) => sealOne(party, i + 1))]);
  throwIfAborted(signal);
  return sealed;
}
