import type { Finding, MlsignError } from '../core/index.ts';
import type { ProvenTime, VerifiedSigner } from '../verify/index.ts';
import type { Revocation, RevocationList } from './revocations.ts';

/** One way from a model up to something that it was made from: each step in words, the revoked one last. */
export type AncestorPath = readonly string[];

/** What a signer goes by. */
export interface SignerNames {
  readonly hint: string;
  /** The names of the keys above its certificate. */
  readonly authorities?: readonly string[] | undefined;
  readonly identity?: Pick<NonNullable<VerifiedSigner['identity']>, 'identity' | 'issuer'> | undefined;
  readonly certificate?: Pick<NonNullable<VerifiedSigner['certificate']>, 'subject' | 'issuer' | 'alternativeNames'> | undefined;
}

/** When a signature existed, and who says so. */
type SignedAt = Pick<ProvenTime, 'time' | 'authority'>;

/** What to do once a model turns out to be revoked. */
const NEXT = 'do not use it: go back to a release before it (mlsign rollback), and see what else it reaches (mlsign affected)';

/** Everything that verified lists revoke, to be asked about one thing after another. */
export class Revocations {
  readonly #entries = new Map<string, Revocation>();
  readonly #identities: readonly Revocation[];
  readonly #lists: readonly Pick<RevocationList, 'name' | 'entries'>[];

  constructor(lists: readonly Pick<RevocationList, 'name' | 'entries'>[]) {
    this.#lists = lists;
    const all = lists.flatMap(({ entries }) => entries);
    this.#identities = all.filter(({ kind }) => kind === 'identity');
    for (const entry of all) {
      if (entry.kind === 'identity') continue;
      const id = `${entry.kind} ${entry.value}`;
      this.#entries.set(id, stricter(this.#entries.get(id), entry));
    }
  }

  /** Whether the time at which something was signed may matter. */
  get asksForTimes(): boolean {
    return [...this.#entries.values(), ...this.#identities].some(({ since }) => since !== undefined);
  }

  /** Whether any file may be revoked by its digest. */
  get hasDigests(): boolean {
    return [...this.#entries.values()].some(({ kind }) => kind === 'digest');
  }

  /** How many digests are revoked, by algorithm. */
  get algorithms(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const { kind, value } of this.#entries.values()) {
      const algorithm = value.slice(0, value.indexOf(':'));
      if (kind === 'digest') counts.set(algorithm, (counts.get(algorithm) ?? 0) + 1);
    }
    return counts;
  }

  /** Digests that were not revoked yet in the lists that somebody knew, by name. */
  digestsSince(known: readonly Pick<RevocationList, 'name' | 'issued'>[]): readonly string[] {
    return this.#lists.flatMap(({ name, entries }) => {
      const issued = known.filter((list) => list.name === name).map((list) => list.issued.getTime());
      const last = Math.max(Number.NEGATIVE_INFINITY, ...issued);
      return entries.flatMap(({ kind, value, added }) => (kind === 'digest' && added.getTime() > last ? [value] : []));
    });
  }

  /** Why something is revoked, by its digest (`sha256:…`). */
  digest(value: string): Revocation | undefined {
    return this.#entries.get(`digest ${value}`);
  }

  /** The model itself. */
  model(modelId: string, subject: string): Finding | undefined {
    const entry = this.digest(`sha256:${modelId}`);
    return entry && revoked('revoked-model', 'this model is revoked', entry, subject);
  }

  /** One of its files. */
  file(algorithm: string, digest: string, subject: string): Finding | undefined {
    const entry = this.digest(`${algorithm}:${digest}`);
    return entry && revoked('revoked-file', 'this file is revoked', entry, subject);
  }

  /**
   * A signed statement: by what it says, or by the bytes of its bundle, which whoever names a digest may mean.
   *
   * @param statement SHA-256 of the signed bytes, hex; undefined where only the bundle is known
   * @param bundle SHA-256 of the bundle's bytes, hex
   */
  readonly statement = (statement: string | undefined, bundle: string, subject: string): Finding | undefined => {
    const find = (digest: string) => this.#entries.get(`attestation ${digest}`) ?? this.digest(`sha256:${digest}`);
    const said = statement === undefined ? undefined : find(statement);
    const entry = said ?? find(bundle);
    if (entry === undefined) return undefined;
    const finding = revoked('revoked-attestation', 'this statement is revoked, and counts for nothing', entry, subject);
    if (said !== undefined || statement === undefined) return finding;
    const suggestion = `revoke what it says too (mlsign revoke attestation:${statement}): the same statement in another file would count`;
    return { ...finding, suggestion };
  };

  /** Something that it was made from. */
  ancestor(value: string, subject: string, path: AncestorPath): Finding | undefined {
    const entry = this.digest(value);
    return entry && revoked('revoked-ancestor', `this model was made from what is revoked: ${path.join(' ← ')}`, entry, subject);
  }

  /**
   * Whoever signed with a revoked key or identity, or beneath a revoked key of an authority, unless the signature is proven to be older.
   *
   * @param unavailable why times could not be looked at
   */
  readonly signer = (signer: SignerNames, times: readonly SignedAt[], where: string, unavailable?: MlsignError): Finding | undefined => {
    const refused = this.#about(signer)
      .filter(({ entry }) => !isOlder(entry, times))
      .map(({ code, message, entry }) =>
        openWithoutTimes(revoked(code, message, entry, where, sinceWords(entry, times)), entry, unavailable),
      );
    return refused.find(({ severity }) => severity === 'rejected') ?? refused[0];
  };

  /** Every entry about a signer. */
  #about(signer: SignerNames) {
    const keys = [signer.hint, ...(signer.authorities ?? [])].flatMap((hint) => this.#entries.get(`key ${hint}`) ?? []);
    const names = this.#identities.filter((entry) => isNamedSo(entry, signer));
    return [
      ...keys.map((entry) => ({
        code: 'revoked-key',
        message:
          entry.value === signer.hint
            ? 'the key that made this signature is revoked'
            : 'the key of an authority above the certificate of this signature is revoked',
        entry,
      })),
      ...names.map((entry) => ({ code: 'revoked-identity', message: 'the identity that made this signature is revoked', entry })),
    ];
  }
}

/** Of two entries about one thing, the one that lets fewer signatures live. */
function stricter(known: Revocation | undefined, entry: Revocation): Revocation {
  if (known === undefined) return entry;
  if (known.since === undefined || entry.since === undefined) return known.since === undefined ? known : entry;
  return known.since <= entry.since ? known : entry;
}

/** Names are compared exactly; an alternative name of a certificate with its type (`email:…`) or without it. */
function isNamedSo({ value, issuer }: Revocation, { identity, certificate }: SignerNames): boolean {
  if (identity !== undefined) return identity.identity === value && (issuer === undefined || identity.issuer === issuer);
  if (certificate === undefined || (issuer !== undefined && certificate.issuer !== issuer)) return false;
  const names = certificate.alternativeNames.flatMap((name) => [name, name.replace(/^[A-Za-z ]+:/, '')]);
  return certificate.subject === value || names.includes(value);
}

function isOlder({ since }: Revocation, times: readonly SignedAt[]): boolean {
  return since !== undefined && times.some(({ time }) => time < since);
}

/** How old the signature is, nobody can tell without the trusted root. */
function openWithoutTimes(finding: Finding, { since }: Revocation, unavailable: MlsignError | undefined): Finding {
  if (since === undefined || unavailable === undefined) return finding;
  const message = `${finding.message}; whether the signature is older cannot be told: ${unavailable.message}`;
  return { ...finding, severity: 'undetermined', message, suggestion: unavailable.suggestions[0] ?? finding.suggestion };
}

function sinceWords({ since, value }: Revocation, [first]: readonly SignedAt[]) {
  if (since === undefined) return { got: value };
  return {
    expected: `a signature that is proven to be older than ${since.toISOString()}`,
    got: first === undefined ? 'no proven time' : `signed at ${first.time.toISOString()} or before, says ${first.authority}`,
  };
}

function revoked(
  code: string,
  message: string,
  { reason, value }: Revocation,
  subject: string,
  words: Pick<Finding, 'expected' | 'got'> = { got: value },
): Finding {
  const isSigner = code === 'revoked-key' || code === 'revoked-identity';
  const isStatement = code === 'revoked-attestation';
  const suggestion = isStatement
    ? 'have the model looked at, and attested or approved again'
    : isSigner
      ? 'have the model looked at, and signed again by one who is trusted'
      : NEXT;
  return { code, severity: 'rejected', message: `${message}: ${reason}`, subject, ...words, suggestion };
}
