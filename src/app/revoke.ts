import { dirname } from 'node:path';
import { type Check, type Clock, type Finding, refused, systemClock, unavailable, writeFileAtomic } from '../core/index.ts';
import { serializeBundle } from '../formats/index.ts';
import {
  keyOf,
  listName,
  listPlace,
  MAX_REVOCATIONS_BYTES,
  type OpenedRevocations,
  openRevocations,
  parseRevocations,
  type Revocation,
  type RevocationList,
  type RevocationSource,
  revocationId,
  revocationsPayload,
} from '../lineage/index.ts';
import type { SignerGroups } from '../policy/index.ts';
import type { HighWaterMark, Mark } from '../release/index.ts';
import { seal } from '../sign/index.ts';
import { underLock } from '../store/index.ts';
import { openStatement } from '../verify/index.ts';
import { rememberMark } from './advance-mark.ts';
import { LISTS, type RevocationEvidence } from './check-revocations.ts';
import { expiryOf, type Lifetime } from './lifetime.ts';
import type { EvidenceOptions } from './open-signatures.ts';
import { freshSigner, type SigningParty } from './signers.ts';

/** How a revocation list is changed. */
export interface RevokeOptions extends SigningParty, EvidenceOptions {
  /** What is revoked; without it, the list is only renewed. */
  readonly add?: readonly Omit<Revocation, 'added'>[] | undefined;
  /** The revokers: who may have signed the list, and who may sign it now. */
  readonly signers: SignerGroups;
  /** What the list is called; after its place unless given. */
  readonly name?: string | undefined;
  /** As long as the list before unless given, and 30 days for the first. */
  readonly expires?: Lifetime | undefined;
  /** Whether there is no list yet, and this is its first. */
  readonly init?: boolean | undefined;
  /** What this client has seen of it. */
  readonly state?: HighWaterMark | undefined;
  readonly clock?: Clock | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What became of a list. */
export interface RevocationUpdate {
  /** The list as it is now. */
  readonly list: RevocationEvidence;
  /** What was to be revoked; none where the list was only begun or renewed. */
  readonly entries: readonly Revocation[];
  /** `unchanged` where it was revoked already, and nothing was written. */
  readonly outcome: 'begun' | 'revoked' | 'renewed' | 'unchanged';
  readonly checks: readonly Check[];
  readonly findings: readonly Finding[];
}

const FIRST_LIFE: Lifetime = { kind: 'for', milliseconds: 30 * 24 * 60 * 60_000 };
/** How often somebody else may be faster. */
const ATTEMPTS = 5;

/**
 * Adds to a revocation list, or renews it: the list that is there must be a revoker's and the newest that this client knows, and
 * so must the signer be a revoker. Nobody's entry is lost where several add at once.
 *
 * @throws MlsignError `revocations-missing`, `revocations-exist`, `revocations-rolled-back`, `revocations-moved`, `signer-not-allowed`,
 *   `expires-out-of-range`, what the parser says of the entry, and what the signer and the store throw
 */
export async function revoke(source: RevocationSource, options: RevokeOptions): Promise<RevocationUpdate> {
  if (source.kind === 'file') return underLock(dirname(source.path), options.signal, () => attempt(source, options)).then(written);
  for (let turn = 0; turn < ATTEMPTS; turn++) {
    const update = await attempt(source, options);
    if (update !== undefined) return update;
  }
  return written(undefined);
}

function written(update: RevocationUpdate | undefined): RevocationUpdate {
  if (update !== undefined) return update;
  throw unavailable('revocations-moved', 'others changed the revocation list meanwhile, again and again; nothing was written', {
    suggestions: ['run the command again'],
  });
}

/** One try: undefined where somebody else was faster. */
async function attempt(source: RevocationSource, options: RevokeOptions): Promise<RevocationUpdate | undefined> {
  const { signers, state, clock = systemClock, signal, add = [] } = options;
  const now = clock();
  const name = options.name ?? listName(source);
  const place = listPlace(source);
  const evidence = { trustedRoot: options.trustedRoot, timestampRoots: options.timestampRoots, now };
  const mark = await state?.read(LISTS, name);
  const opened = await openRevocations(source, { signers, name, evidence, mark }, signal);
  const before = opened.signed?.list;
  refuseUnsound(opened, before, mark, options.init ?? false);
  const added = add.map((entry) => ({ ...entry, added: now }));
  const known = before?.entries ?? [];
  const entries = added.reduce(withEntry, known);
  const base = { entries: added, checks: opened.checks };
  const isUnchanged = entries === known && added.length > 0;
  if (isUnchanged && opened.signed !== undefined && opened.isCurrent) {
    const { list, digest, signer } = opened.signed;
    return { ...base, list: evidenceOf(place, list, digest, signer), outcome: 'unchanged', findings: warnings(opened) };
  }
  const life = options.expires ?? lifeOf(before) ?? FIRST_LIFE;
  const list: RevocationList = {
    name,
    sequence: Math.max(before?.sequence ?? 0, mark?.sequence ?? 0) + 1,
    issued: now,
    expires: expiryOf(life, now),
    entries,
  };
  const { bytes, digest, signer } = await sealList(list, place, { ...options, signers }, evidence);
  if (!(await writeList(source, opened, bytes, signal))) return undefined;
  const remembered = await rememberMark(state, LISTS, name, { sequence: list.sequence, digest }, `revocation list ${name}`);
  return {
    ...base,
    list: evidenceOf(place, list, digest, signer),
    outcome: before === undefined ? 'begun' : added.length === 0 || isUnchanged ? 'renewed' : 'revoked',
    checks: [...base.checks, ...remembered.checks],
    findings: [...warnings(opened), ...remembered.findings],
  };
}

/** What the list that is there must be before anything is added to it. */
function refuseUnsound(opened: OpenedRevocations, before: RevocationList | undefined, mark: Mark | undefined, isFirst: boolean): void {
  const { subject, present, findings } = opened;
  if (before === undefined) {
    const [why] = findings;
    if (isFirst && (present.kind === 'absent' || present.kind === 'object')) return;
    throw unavailable(why?.code ?? 'revocations-missing', why?.message ?? 'there is no revocation list', {
      subject,
      expected: why?.expected,
      got: why?.got,
      suggestions: isFirst
        ? ['a first list is written only where nothing lies: give another path, or remove the file']
        : ['put the list back that the revoker signed; for a first one: --init'],
    });
  }
  if (isFirst) {
    throw refused('revocations-exist', 'there is a revocation list already', {
      subject,
      got: `sequence ${before.sequence}`,
      suggestions: ['leave out --init, to add to it'],
    });
  }
  if (mark !== undefined && mark.sequence > before.sequence) {
    throw refused(
      'revocations-rolled-back',
      'this is an older revocation list than this client has seen: what is missing in it would be lost',
      {
        subject,
        expected: `sequence ${mark.sequence} or higher`,
        got: `sequence ${before.sequence}`,
        suggestions: ['put the newest list back first; where this is another list of the same name, give it a --state of its own'],
      },
    );
  }
}

/** The entries with one more; the very same where it changes nothing. */
function withEntry(before: readonly Revocation[], entry: Revocation): readonly Revocation[] {
  const known = before.find((each) => revocationId(each) === revocationId(entry));
  if (known === undefined) return [...before, entry];
  const isStricter = known.since !== undefined && (entry.since === undefined || entry.since < known.since);
  return isStricter ? before.map((each) => (each === known ? entry : each)) : before;
}

function lifeOf(before: RevocationList | undefined): Lifetime | undefined {
  return before && { kind: 'for', milliseconds: before.expires.getTime() - before.issued.getTime() };
}

/** What was wrong with the list before is put right by the new one. */
function warnings({ signed, findings }: OpenedRevocations): readonly Finding[] {
  // Of a first list there is nothing to tell.
  if (signed === undefined) return [];
  return findings.map((finding) => (finding.severity === 'note' ? finding : { ...finding, severity: 'warning' }));
}

async function sealList(
  list: RevocationList,
  where: string,
  { signers, signal, ...party }: RevokeOptions,
  evidence: EvidenceOptions & { readonly now: Date },
) {
  const payload = revocationsPayload(list);
  // What nobody could read must not become a list.
  parseRevocations(payload, where);
  const signer = await freshSigner(undefined, party, list.issued);
  const bytes = Buffer.from(serializeBundle(await seal(payload, signer, { witnesses: party.witnesses, signal })));
  if (bytes.length > MAX_REVOCATIONS_BYTES) {
    throw refused('revocations-full', 'the revocation list is larger than mlsign reads', {
      subject: where,
      expected: `at most ${MAX_REVOCATIONS_BYTES} bytes`,
      got: `${bytes.length} bytes`,
      suggestions: ['begin a list of its own for a part of the models, with a rule of its own'],
    });
  }
  const { verified, findings } = await openStatement(bytes, where, signers, parseRevocations, evidence);
  if (verified !== undefined) return { bytes, digest: verified.bundleDigest, signer: signer.description };
  const [why] = findings;
  const details = { subject: where, expected: why?.expected, got: signer.description };
  if (why?.severity === 'undetermined')
    throw unavailable(why.code, `whether this signer may revoke cannot be told: ${why.message}`, details);
  throw refused('signer-not-allowed', 'this signer may not revoke; nothing was written', {
    ...details,
    suggestions: ['sign as a revoker, or name the signer as one (in the policy, or with --trust-revoker)'],
  });
}

async function writeList(
  source: RevocationSource,
  { present }: OpenedRevocations,
  bytes: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  if (source.kind === 'file') {
    await writeFileAtomic(source.path, bytes, { what: 'revocation list', overwrite: present.kind !== 'absent' });
    return true;
  }
  const condition = present.kind === 'object' ? { tag: present.object.tag } : 'absent';
  return (await source.store.write(keyOf(source.prefix), bytes, condition, undefined, signal)) !== undefined;
}

function evidenceOf(place: string, list: RevocationList, digest: string, signer: string): RevocationEvidence {
  const { name, sequence, issued, expires, entries } = list;
  return { place, name, sequence, digest, issued, expires, entries: entries.length, signer };
}
