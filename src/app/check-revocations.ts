import { type Check, type Finding, unavailable } from '../core/index.ts';
import { listName, listPlace, type OpenedRevocations, openRevocations, type RevocationSource, Revocations } from '../lineage/index.ts';
import type { RevocationPlace, Rule } from '../policy/index.ts';
import type { HighWaterMark } from '../release/index.ts';
import { parseStorePlace, type Store, type StoreLocation } from '../store/index.ts';
import { rememberMark } from './advance-mark.ts';
import type { EvidenceOptions } from './open-signatures.ts';

/** How revocation lists are reached, and what is known of them. */
export interface RevocationOptions {
  /** What this client has seen of channels and lists. */
  readonly state?: HighWaterMark | undefined;
  /** Opens the store that a policy names for its list. */
  readonly openStore?: ((place: Pick<StoreLocation, 'store'>) => Promise<Store>) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The store that a release lies in. */
export interface StoredPlace {
  readonly store: Store;
  readonly prefix: string;
}

/** One list by which a model was judged. */
export interface RevocationEvidence {
  readonly place: string;
  readonly name: string;
  readonly sequence: number;
  /** SHA-256 of its bytes, hex. */
  readonly digest: string;
  readonly issued: Date;
  readonly expires: Date;
  readonly entries: number;
  /** In words. */
  readonly signer: string;
}

/** What is revoked for the models of a rule. */
export interface CheckedRevocations {
  /** Absent where the rule asks for no list. */
  readonly revocations?: Revocations | undefined;
  /** Those that were found, whether they can be relied on or not. */
  readonly lists: readonly RevocationEvidence[];
  /** Under which everything else is opened: revoked signers count for nothing. */
  readonly evidence: EvidenceOptions;
  readonly checks: readonly Check[];
  readonly findings: readonly Finding[];
}

/** What marks of lists are kept under: no model is called so. */
export const LISTS = '.mlsign';

/**
 * Opens every revocation list that a rule asks for. One that is missing, expired or not the revoker's leaves the answer open;
 * what a list says that is merely old is revoked all the same.
 *
 * @param place of the release; a model on disk has none
 */
export async function checkRevocations(
  rule: Rule,
  evidence: EvidenceOptions,
  now: Date,
  options: RevocationOptions,
  place?: StoredPlace,
): Promise<CheckedRevocations> {
  const checks: Check[] = [];
  const findings: Finding[] = [];
  const lists: RevocationEvidence[] = [];
  const signed: NonNullable<OpenedRevocations['signed']>[] = [];
  for (const { place: wanted, signedBy: signers, name: given } of rule.revocations) {
    await withSource(wanted, options, place, async (source) => {
      if (source === undefined) {
        findings.push(noStore());
        return;
      }
      const name = given ?? listName(source);
      const mark = await options.state?.read(LISTS, name);
      const trust = { signers, name, evidence: { ...evidence, now }, mark };
      const opened = await openRevocations(source, trust, options.signal);
      checks.push(...opened.checks);
      findings.push(...opened.findings);
      if (opened.signed === undefined) return;
      signed.push(opened.signed);
      const { list, digest, signer } = opened.signed;
      const { sequence, issued, expires, entries } = list;
      lists.push({ place: listPlace(source), name, sequence, digest, issued, expires, entries: entries.length, signer });
      if (opened.findings.some(({ severity }) => severity === 'rejected')) return;
      const remembered = await rememberMark(options.state, LISTS, name, { sequence, digest }, `revocation list ${name}`);
      checks.push(...remembered.checks);
      findings.push(...remembered.findings);
    });
  }
  if (rule.revocations.length === 0) return { lists, evidence, checks, findings };
  const revocations = new Revocations(signed.map(({ list }) => list));
  return {
    revocations,
    lists,
    evidence: {
      ...evidence,
      refuseSigner: revocations.signer,
      refuseStatement: revocations.statement,
      // Whether a signature is older than a revocation, its timestamps and log entries tell.
      checkEvidence: evidence.checkEvidence === true || revocations.asksForTimes,
    },
    checks,
    findings,
  };
}

/** Does something with a list's place: undefined where it would be the store of a model that lies in none. */
export async function withSource<T>(
  wanted: RevocationPlace,
  { openStore }: RevocationOptions,
  place: StoredPlace | undefined,
  work: (source: RevocationSource | undefined) => Promise<T>,
): Promise<T> {
  if (wanted.kind === 'file') return work({ kind: 'file', path: wanted.path });
  if (wanted.url === undefined) return work(place && { kind: 'store', store: place.store, prefix: place.prefix });
  const { store: address, prefix } = parseStorePlace(wanted.url);
  if (openStore === undefined) {
    throw unavailable('store-not-opened', 'the revocation list is in a store, and nobody opens stores here', { subject: wanted.url });
  }
  const store = await openStore({ store: address });
  try {
    return await work({ kind: 'store', store, prefix });
  } finally {
    await store.close();
  }
}

function noStore(): Finding {
  return {
    code: 'revocations-missing',
    severity: 'undetermined',
    message: 'the revocation list is that of the store in which the model lies, and this model lies in none',
    subject: 'revocations',
    expected: 'a list signed by the revoker',
    got: 'a model on disk',
    suggestion: 'name the store in the policy (revocations: { store: s3://bucket/prefix }), or get its list: --revocations FILE',
  };
}
