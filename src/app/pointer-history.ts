import { type Finding, MlsignError, sha256Hex, unavailable } from '../core/index.ts';
import { parseBundle } from '../formats/index.ts';
import type { SignerGroups } from '../policy/index.ts';
import { type ChannelPointer, MAX_POINTER_BYTES, otherChannel, parseChannelPointer } from '../release/index.ts';
import { type HistoryEntry, inParallel, layoutOf, READS_AT_ONCE, type Store, type StoreLocation } from '../store/index.ts';
import { type EnvelopeOptions, openStatement, type VerifiedStatement } from '../verify/index.ts';
import { describeClaim } from './claimed-signer.ts';

/** One version of a channel's pointer, as the store has it. */
export interface PointerVersion {
  readonly entry: HistoryEntry;
  readonly content: PointerContent;
}

/** What such a version is. */
export type PointerContent =
  | { readonly kind: 'deleted' }
  /** No pointer, or one that could not be read. */
  | { readonly kind: 'unreadable'; readonly error: MlsignError }
  | PointerClaim;

/** What a version says, and whether anybody who may has signed it. */
export interface PointerClaim {
  readonly kind: 'pointer';
  readonly pointer: ChannelPointer;
  /** SHA-256 of its bytes, hex. */
  readonly digest: string;
  /** Whom it names as its signer, in words. */
  readonly signer: string;
  /** Set where the channel's role has signed it, and it is this channel's. */
  readonly verified?: VerifiedStatement<ChannelPointer> | undefined;
  /** Why it is not verified, where that was asked for. */
  readonly findings: readonly Finding[];
}

/** Who may move the channel, and whom to believe about when. */
export interface PointerTrust {
  readonly principals: SignerGroups;
  readonly evidence: EnvelopeOptions;
}

/** More than a channel has that is moved every hour for ten years. */
const MOST_VERSIONS = 100_000;

/**
 * Every version of a channel's pointer, newest first. What is not a pointer of this channel is told of as what it is.
 *
 * @param trust under which each is verified; nothing is verified without it
 * @throws MlsignError what the store throws for a listing
 */
export async function pointerHistory(
  store: Store,
  location: StoreLocation,
  channel: string,
  trust: PointerTrust | undefined,
  signal?: AbortSignal,
): Promise<readonly PointerVersion[]> {
  const key = layoutOf(location).channel(channel);
  const entries: HistoryEntry[] = [];
  for await (const entry of store.history(key, signal)) {
    if (entry.key === key && entries.push(entry) > MOST_VERSIONS) throw tooMany(`${store.url}/${key}`);
  }
  return inParallel(entries, READS_AT_ONCE, signal, async (entry) => ({
    entry,
    content: await contentOf(store, location, channel, entry, trust, signal),
  }));
}

async function contentOf(
  store: Store,
  location: StoreLocation,
  channel: string,
  entry: HistoryEntry,
  trust: PointerTrust | undefined,
  signal: AbortSignal | undefined,
): Promise<PointerContent> {
  if (entry.isDeleted) return { kind: 'deleted' };
  const where = `${store.url}/${entry.key}`;
  try {
    const bytes = await store.read(entry, MAX_POINTER_BYTES, signal);
    const bundle = parseBundle(bytes, where);
    const pointer = parseChannelPointer(bundle.envelope.payload, where);
    const claim = { kind: 'pointer', pointer, digest: sha256Hex(bytes), signer: describeClaim(bundle.material, where) } as const;
    if (trust === undefined) return { ...claim, findings: [] };
    const { verified, findings } = await openStatement(bytes, where, trust.principals, parseChannelPointer, trust.evidence);
    const foreign = otherChannel(location, channel, pointer, where);
    if (verified === undefined || foreign !== undefined) return { ...claim, findings: foreign === undefined ? findings : [foreign] };
    return { ...claim, signer: verified.signer.description, verified, findings: [] };
  } catch (error) {
    if (!(error instanceof MlsignError) || error.outcome === 'interrupted') throw error;
    return { kind: 'unreadable', error };
  }
}

function tooMany(subject: string): MlsignError {
  return unavailable('channel-history-too-long', 'the pointer of this channel has more versions than mlsign reads', {
    subject,
    expected: `at most ${MOST_VERSIONS}`,
    suggestions: ['find out who wrote them; remove those that are no pointers, or let a lifecycle rule expire them'],
  });
}
