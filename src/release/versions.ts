import { errorFinding, type Finding, MlsignError } from '../core/index.ts';
import type { SignerGroups } from '../policy/index.ts';
import type { CurrentObject, HistoryEntry, ObjectVersion, Store } from '../store/index.ts';
import { type EnvelopeOptions, type OpenedStatement, openStatement, type VerifiedStatement } from '../verify/index.ts';

/** The versions of one key, as far as they may be listed. */
export interface Versions {
  /** Newest first, delete markers among them. */
  readonly entries: readonly HistoryEntry[];
  /** What a reader gets. */
  readonly visible?: CurrentObject | undefined;
  /** Whether there are older versions than these. */
  readonly isCut: boolean;
  /** Why nothing but what a reader gets is known. */
  readonly forbidden?: MlsignError | undefined;
}

/** One version, opened: what it says where it is signed by one who may and belongs here, or why it is nothing. */
export interface OpenedVersion<T> {
  readonly entry: ObjectVersion;
  readonly isVisible: boolean;
  /** Bytes; absent where they could not be read. */
  readonly size?: number | undefined;
  readonly verified?: VerifiedStatement<T> | undefined;
  readonly checks: OpenedStatement['checks'];
  /** What is wrong with it. */
  readonly findings: readonly Finding[];
}

/** A kind of signed document, and where one belongs. */
export interface SignedDocument<T> {
  readonly signers: SignerGroups;
  readonly evidence: EnvelopeOptions;
  readonly maxBytes: number;
  readonly parse: (payload: Uint8Array, where: string) => T;
  /** Why it does not belong where it lies. */
  readonly isForeign: (statement: T, where: string) => Finding | undefined;
}

/** How often a key is looked at again that changes meanwhile. */
const ATTEMPTS = 5;

/**
 * Lists the newest versions of a key, at a moment at which the listing and what a reader gets agree.
 *
 * @throws MlsignError what the store throws; `object-forbidden` only where not even the object may be read
 */
export async function versionsOf(store: Store, key: string, most: number, signal?: AbortSignal): Promise<Versions> {
  for (let attempt = 1; ; attempt++) {
    const current = await store.current(key, signal);
    const entries = await listed(store, key, most + 1, signal);
    if (entries instanceof MlsignError) {
      return { entries: [], visible: current, isCut: true, forbidden: entries };
    }
    const visible = entries.find(({ isCurrent, isDeleted }) => isCurrent && !isDeleted);
    if (visible?.version === current?.version || attempt === ATTEMPTS) {
      return { entries: entries.slice(0, most), visible: current, isCut: entries.length > most };
    }
  }
}

async function listed(store: Store, key: string, most: number, signal: AbortSignal | undefined) {
  const entries: HistoryEntry[] = [];
  try {
    for await (const entry of store.history(key, signal)) {
      if (entry.key !== key || entries.push(entry) === most) break;
    }
    return entries;
  } catch (error) {
    if (error instanceof MlsignError && error.code === 'object-forbidden') return error;
    throw error;
  }
}

/** Opens one version. Whatever is wrong with it is a finding. */
export async function openVersion<T>(
  store: Store,
  entry: ObjectVersion,
  visible: ObjectVersion | undefined,
  { signers, evidence, maxBytes, parse, isForeign }: SignedDocument<T>,
  signal?: AbortSignal,
): Promise<OpenedVersion<T>> {
  const where = `${store.url}/${entry.key}`;
  const isVisible = entry.version === visible?.version;
  let bytes: Uint8Array;
  try {
    bytes = await store.read(entry, maxBytes, signal);
  } catch (error) {
    return { entry, isVisible, checks: [], findings: [failure(error, where)] };
  }
  const { verified, checks, findings } = await openStatement(bytes, where, signers, parse, evidence);
  const foreign = verified && isForeign(verified.statement, where);
  const { length: size } = bytes;
  if (foreign !== undefined) return { entry, isVisible, size, checks, findings: [foreign] };
  return { entry, isVisible, size, verified, checks, findings };
}

/**
 * An error over something in a store as a finding.
 *
 * @throws whatever is no such error, and `interrupted`
 */
export function failure(error: unknown, where: string): Finding {
  if (error instanceof MlsignError && (error.outcome === 'refused' || error.outcome === 'unavailable')) return errorFinding(error, where);
  throw error;
}

/** Evidence whose trusted root is loaded once, however many statements are opened under it. */
export function sharingRoot(evidence: EnvelopeOptions): EnvelopeOptions {
  const { trustedRoot: load } = evidence;
  if (load === undefined) return evidence;
  let root: ReturnType<typeof load> | undefined;
  return { ...evidence, trustedRoot: () => (root ??= load()) };
}
