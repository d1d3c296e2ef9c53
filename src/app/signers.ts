import { interrupted, throwIfAborted } from '../core/index.ts';
import type { Signer, Witness } from '../sign/index.ts';

/** A signer, or how to get one: asked when hashing begins, and again where what it gave has expired by the time of signing. */
export type SignerSource = Signer | (() => Promise<Signer>);

/** Someone who signs, and those who testify to the signature. */
export interface SigningParty {
  readonly signer: SignerSource;
  /** Who adds a timestamp or a log entry to the bundle, in this order. */
  readonly witnesses?: readonly Witness[] | undefined;
}

/** What ends sooner than this is asked for again. */
const MARGIN_MS = 60_000;

/**
 * Does the work while the signers get ready, and ends both as soon as either fails.
 *
 * @param check refuses the signers that there are
 * @returns what the work gave, and a signer for each party
 * @throws MlsignError what the signers, the witnesses that cannot take one, or the work throw
 */
export async function whileSignersGetReady<T>(
  parties: readonly SigningParty[],
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
  check: (signers: readonly Signer[]) => Promise<void> = async () => undefined,
): Promise<readonly [T, readonly Signer[]]> {
  const controller = new AbortController();
  const either = signal === undefined ? controller.signal : AbortSignal.any([signal, controller.signal]);
  const ready = Promise.all(parties.map(getReady)).then(async (signers) => {
    await check(signers);
    return signers;
  });
  ready.catch(() => controller.abort(interrupted()));
  const [done, signers] = await Promise.allSettled([work(either), ready]);
  throwIfAborted(signal);
  // Where the signers failed, the work was only interrupted.
  if (signers.status === 'rejected') throw signers.reason;
  if (done.status === 'rejected') throw done.reason;
  return [done.value, signers.value];
}

/** The signer as it is, or another one of the party where it has expired, or is about to. */
export async function freshSigner(signer: Signer | undefined, party: SigningParty, now: Date): Promise<Signer> {
  const expires = signer?.validUntil?.getTime() ?? Number.POSITIVE_INFINITY;
  return signer !== undefined && expires - now.getTime() > MARGIN_MS ? signer : getReady(party);
}

async function getReady({ signer: source, witnesses = [] }: SigningParty): Promise<Signer> {
  const signer = typeof source === 'function' ? await source() : source;
  for (const witness of witnesses) {
    const problem = witness.accepts(signer);
    if (problem !== undefined) throw problem;
  }
  return signer;
}
