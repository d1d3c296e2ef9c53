import { createHash } from 'node:crypto';
import { Decoder, type Fields, type JsonValue, refused } from '../core/index.ts';
import { MAX_BUNDLE_BYTES, parseStatement, STATEMENT_TYPE } from '../formats/index.ts';
import { decodeTime } from '../release/index.ts';

/** The predicate type of a revocation list. */
export const REVOCATIONS_TYPE = 'https://mlsign/revocations/v1';

/** The largest list that is read or written, in bytes. */
export const MAX_REVOCATIONS_BYTES = MAX_BUNDLE_BYTES;
/** The most entries that a list may have. */
export const MAX_REVOCATIONS = 100_000;

/** Something that is not to be used any more. */
export interface Revocation {
  /**
   * `digest`: a model by its id, or a file, dataset or commit by its digest. `key`: whoever signs with it. `identity`: whom
   * Sigstore, or a certificate, names so. `attestation`: one signed statement about a model.
   */
  readonly kind: 'digest' | 'key' | 'identity' | 'attestation';
  /** `sha256:…`; the name of a key (the SHA-256 of its PEM, hex); an identity, exactly; the SHA-256 of a statement, hex. */
  readonly value: string;
  /** Of an identity: only where this issuer has authenticated it. */
  readonly issuer?: string | undefined;
  /** Of a key or identity: signatures that are proven to be older still count. */
  readonly since?: Date | undefined;
  /** For those who meet it: one line. */
  readonly reason: string;
  readonly added: Date;
}

/** Everything that is revoked at a place: a numbered, expiring list of which the newest one counts. */
export interface RevocationList {
  /** The logical name of the place that it is for. */
  readonly name: string;
  /** Higher than that of every list before it. */
  readonly sequence: number;
  readonly issued: Date;
  readonly expires: Date;
  readonly entries: readonly Revocation[];
}

/** What a list may be called: neither path nor reference. */
export const LIST_NAME = /^[^\p{Cc}@/\\]{1,255}$/u;
/** What a revoked digest looks like. */
export const DIGEST = /^[A-Za-z][A-Za-z0-9_]{1,31}:[0-9a-f]{32,128}$/;
/** How a key is named. */
export const KEY_NAME = /^[0-9a-f]{64}$/;
const LINE = /^\P{Cc}{1,500}$/u;
const MOST_PROBLEMS = 100;

/**
 * The list as the in-toto statement to sign. Its subject is the list itself, by a digest that no artifact has.
 *
 * @throws MlsignError `revocations-full`
 */
export function revocationsPayload(list: RevocationList): Uint8Array {
  const { name, sequence, issued, expires } = list;
  if (list.entries.length > MAX_REVOCATIONS) {
    throw refused('revocations-full', 'a revocation list holds no more than this', {
      subject: name,
      expected: `at most ${MAX_REVOCATIONS} entries`,
      got: String(list.entries.length),
      suggestions: ['begin a list of its own for a part of the models, with a rule of its own'],
    });
  }
  const entries = list.entries.map(entryDocument);
  const statement = {
    _type: STATEMENT_TYPE,
    subject: [{ name, digest: { mlsignRevocations: digestOf(list.entries) } }],
    predicateType: REVOCATIONS_TYPE,
    predicate: { name, sequence, issued: issued.toISOString(), expires: expires.toISOString(), entries },
  };
  return Buffer.from(JSON.stringify(statement));
}

/** An entry as documents have it. */
export function entryDocument({ kind, value, issuer, since, reason, added }: Revocation) {
  return {
    kind,
    value,
    ...(issuer === undefined ? {} : { issuer }),
    ...(since === undefined ? {} : { since: since.toISOString() }),
    reason,
    added: added.toISOString(),
  };
}

/** SHA-256 of the entries as JSON, hex; one after the other, because all of them as one text take as much memory as the list. */
function digestOf(entries: readonly Revocation[]): string {
  const hash = createHash('sha256').update('[');
  for (const [i, entry] of entries.entries()) hash.update(`${i === 0 ? '' : ','}${JSON.stringify(entryDocument(entry))}`);
  return hash.update(']').digest('hex');
}

/**
 * Reads a revocation list strictly.
 *
 * @param where names the bundle in errors
 * @throws MlsignError `revocations-malformed`, `predicate-type-unknown`, and what `parseStatement` throws
 */
export function parseRevocations(payload: Uint8Array, where: string): RevocationList {
  const { predicateType, subject, predicate } = parseStatement(payload, where);
  if (predicateType !== REVOCATIONS_TYPE) {
    const details = { subject: where, expected: REVOCATIONS_TYPE, got: predicateType };
    throw refused('predicate-type-unknown', 'the signed statement is not a revocation list', details);
  }
  const decoder = new Decoder();
  const fields = decoder.object(predicate, 'predicate');
  const list: RevocationList = {
    name: fields.string('name', LIST_NAME, 'a name without "/", "\\" and "@"'),
    sequence: fields.integer('sequence', 1),
    issued: decodeTime(decoder, fields, 'issued'),
    expires: decodeTime(decoder, fields, 'expires'),
    entries: decodeEntries(decoder, fields.array('entries', 0, MAX_REVOCATIONS)),
  };
  fields.done();
  if (list.expires <= list.issued) decoder.problem('predicate.expires', 'a moment after "issued"', fields.raw('expires'));
  const [first, ...others] = subject;
  if (others.length > 0) decoder.problem('subject', 'exactly 1 entry', subject.length);
  if (first?.name !== list.name) decoder.problem('subject[0].name', 'the name in the predicate', first?.name);
  if (first?.annotations !== undefined) decoder.problem('subject[0].annotations', 'no such field', first.annotations);
  const digest = digestOf(list.entries);
  if (Object.keys(first?.digests ?? {}).join() !== 'mlsignRevocations' || first?.digests.mlsignRevocations !== digest) {
    decoder.problem('subject[0].digest', 'mlsignRevocations alone, the SHA-256 of the entries', first?.digests);
  }
  decoder.finish('revocations-malformed', 'revocation list', where);
  return list;
}

function decodeEntries(decoder: Decoder, values: readonly JsonValue[]): readonly Revocation[] {
  const seen = new Set<string>();
  const entries: Revocation[] = [];
  for (const [i, value] of values.entries()) {
    if (decoder.problems.length >= MOST_PROBLEMS) break;
    const fields = decoder.object(value, `predicate.entries[${i}]`);
    const entry = decodeEntry(decoder, fields);
    const id = revocationId(entry);
    if (seen.has(id)) decoder.problem(fields.path, 'each thing once', entry.value);
    seen.add(id);
    entries.push(entry);
  }
  return entries;
}

/** The same for two entries about one thing. */
export function revocationId({ kind, value, issuer }: Pick<Revocation, 'kind' | 'value' | 'issuer'>): string {
  return JSON.stringify([kind, value, issuer]);
}

function decodeEntry(decoder: Decoder, fields: Fields): Revocation {
  const kind = fields.oneOf('kind', ['digest', 'key', 'identity', 'attestation']);
  const entry: Revocation = {
    kind,
    value: decodeValue(fields, kind),
    ...(fields.has('issuer') ? { issuer: fields.string('issuer', LINE, 'one line of at most 500 characters') } : {}),
    ...(fields.has('since') ? { since: decodeTime(decoder, fields, 'since') } : {}),
    reason: fields.string('reason', LINE, 'one line of at most 500 characters'),
    added: decodeTime(decoder, fields, 'added'),
  };
  if (entry.issuer !== undefined && kind !== 'identity') decoder.problem(fields.at('issuer'), 'no such field', entry.issuer);
  if (entry.since !== undefined && (kind === 'digest' || kind === 'attestation'))
    decoder.problem(fields.at('since'), 'no such field', fields.raw('since'));
  fields.done();
  return entry;
}

function decodeValue(fields: Fields, kind: Revocation['kind']): string {
  switch (kind) {
    case 'digest':
      return fields.string('value', DIGEST, 'an algorithm, ":" and lower-case hex digits');
    case 'key':
    case 'attestation':
      return fields.string('value', KEY_NAME, '64 lower-case hex digits');
    case 'identity':
      return fields.string('value', LINE, 'one line of at most 500 characters');
  }
}
