import type { Finding } from '../core/index.ts';
import type { ProvenTime, VerifiedSigner } from '../verify/index.ts';
import type { Revocation, RevocationList } from './revocations.ts';

/** One way from a model up to something that it was made from: each step in words, the revoked one last. */
export type AncestorPath = readonly string[];

/** What a signer goes by. */
export interface SignerNames {
  readonly hint: string;
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

  constructor(lists: readonly Pick<RevocationList, 'entries'>[]) {
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

  /** Something that it was made from. */
  ancestor(value: string, subject: string, path: AncestorPath): Finding | undefined {
    const entry = this.digest(value);
    return entry && revoked('revoked-ancestor', `this model was made from what is revoked: ${path.join(' ← ')}`, entry, subject);
  }

  /** Whoever signed with a revoked key or identity, unless the signature is proven to be older. */
  readonly signer = (signer: SignerNames, times: readonly SignedAt[], where: string): Finding | undefined => {
    const key = this.#entries.get(`key ${signer.hint}`);
    if (key !== undefined && !isOlder(key, times)) {
      return revoked('revoked-key', 'the key that made this signature is revoked', key, where, sinceWords(key, times));
    }
    for (const entry of this.#identities) {
      if (!isNamedSo(entry, signer) || isOlder(entry, times)) continue;
      return revoked('revoked-identity', 'the identity that made this signature is revoked', entry, where, sinceWords(entry, times));
    }
    return undefined;
  };
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

function sinceWords({ since }: Revocation, [first]: readonly SignedAt[]) {
  if (since === undefined) return {};
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
  const suggestion = isSigner ? 'have the model looked at, and signed again by one who is trusted' : NEXT;
  return { code, severity: 'rejected', message: `${message}: ${reason}`, subject, ...words, suggestion };
}
