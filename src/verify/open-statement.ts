import { type Check, errorFinding, type Finding, MlsignError, sha256Hex } from '../core/index.ts';
import {
  type Bundle,
  type CertificateInfo,
  type OmsStatement,
  parseBundle,
  publicKeyHint,
  type SchemeName,
  schemeTitle,
} from '../formats/index.ts';
import type { Principal, SignerGroups, SigstoreIdentity, Trust } from '../policy/index.ts';
import type { LogRecord, ProvenTime } from './evidence.ts';
import type { Encoding } from './public-key.ts';
import type { SignerMatch } from './signer.ts';
import { describeTrust } from './trust.ts';
import { type EnvelopeOptions, verifyEnvelope } from './verify-envelope.ts';

/** The signer of a verified statement. */
export interface VerifiedSigner {
  /** How the signer is known: by its key, by a certificate, or by an identity that Sigstore vouches for. */
  readonly kind: 'key' | 'certificate' | 'sigstore';
  /** The same for every signature of the same signer: the name of its key, or its identity. */
  readonly id: string;
  /** In words: `ECDSA P-256 with SHA-256, key 3f2a…`. */
  readonly description: string;
  /** The name of the key that made the signature; for a certificate, that of its key. */
  readonly hint: string;
  /** The signer's own certificate, or the one whose key is pinned. */
  readonly certificate?: CertificateInfo | undefined;
  /** The names of the keys that stand above its certificate, by which it is trusted. */
  readonly authorities?: readonly string[] | undefined;
  readonly scheme: SchemeName;
  readonly identity?: SigstoreIdentity | undefined;
}

/** Why a principal counts as a signer. */
export interface SignedBy {
  readonly principal: Principal;
  readonly trust: Trust;
}

let makeVerified: <T>(fields: VerifiedFields<T>) => VerifiedStatement<T>;

type VerifiedFields<T> = Pick<VerifiedStatement<T>, 'statement' | 'bundle' | 'bundleDigest' | 'signedBy' | 'signer' | 'times' | 'logs'>;

/** A statement whose signature was made by a trusted signer. Only this file makes one. */
export class VerifiedStatement<T = OmsStatement> {
  static {
    makeVerified = (fields) => new VerifiedStatement(fields);
  }

  readonly statement: T;
  /** Where the bundle is. */
  readonly bundle: string;
  /** SHA-256 of the bundle's bytes, hex. */
  readonly bundleDigest: string;
  /** Every principal that the signature stands for, and why; one at least. */
  readonly signedBy: readonly SignedBy[];
  readonly signer: VerifiedSigner;
  /** When the signature existed, as far as that was looked at and proven. */
  readonly times: readonly ProvenTime[];
  /** The transparency logs that hold the signature, as far as that was looked at and proven. */
  readonly logs: readonly LogRecord[];
  // A private field: nothing else has this type, whatever its other fields are.
  readonly #verified = true;

  private constructor(fields: VerifiedFields<T>) {
    this.statement = fields.statement;
    this.bundle = fields.bundle;
    this.bundleDigest = fields.bundleDigest;
    this.signedBy = fields.signedBy;
    this.signer = fields.signer;
    this.times = fields.times;
    this.logs = fields.logs;
  }

  /**
   * The same signature over what its statement names by digest.
   *
   * @param names compares the digest of what is named with the one in the statement
   * @returns undefined where the statement names something else
   */
  over<U>(named: U, names: (statement: T, named: U) => boolean): VerifiedStatement<U> | undefined {
    return names(this.statement, named) ? new VerifiedStatement({ ...this, statement: named }) : undefined;
  }

  /** Whether a value was made by {@link openStatement}. */
  static is(value: object): value is VerifiedStatement<unknown> {
    return #verified in value;
  }
}

/** What {@link openStatement} found: the statement, or why there is none. */
export interface OpenedStatement<T = OmsStatement> {
  readonly verified?: VerifiedStatement<T> | undefined;
  readonly checks: readonly Check[];
  readonly findings: readonly Finding[];
}

/** What a kind of statement is, and how it is read. */
export interface StatementForm<T> {
  /** How the payload was encoded when it was signed; before the signature is verified, nothing else is taken from the bundle. */
  readonly encoding?: ((bundle: Bundle) => Encoding) | undefined;
  readonly parse: (payload: Uint8Array, encoding: Encoding) => T;
  /** In words, for the evidence. */
  readonly describe?: ((statement: T) => string) | undefined;
}

/**
 * Opens the bundle of an in-toto statement under a user's trust: parses it strictly, selects trusted signers, verifies the
 * signature over the pre-authentication encoding, and only then reads the statement. What is wrong with a bundle is a
 * finding, never thrown.
 *
 * @param where names the bundle in findings
 * @param groups of each, the signer must be one
 * @param parse reads the payload, once its signature is verified
 */
export async function openStatement<T>(
  bytes: Uint8Array,
  where: string,
  groups: SignerGroups,
  parse: (payload: Uint8Array, where: string) => T,
  options: EnvelopeOptions,
): Promise<OpenedStatement<T>> {
  const opened = await openEnvelope(bytes, where, [...new Set(groups.flat())], { parse: (payload) => parse(payload, where) }, options);
  const { verified, checks } = opened;
  const missing = groups.find((group) => !verified?.signedBy.some(({ principal }) => group.includes(principal)));
  if (verified === undefined || missing === undefined) return opened;
  const finding: Finding = {
    code: 'signer-missing',
    severity: 'rejected',
    message: 'the signer is trusted by some of what must hold, and not by all of it',
    subject: where,
    expected: describeTrust(missing),
    got: verified.signer.description,
    suggestion: 'have it signed by one who is trusted by the policy and by the flags',
  };
  return { checks: [...checks, { name: 'signers', status: 'failed', detail: `${where}: ${finding.message}` }], findings: [finding] };
}

/** Opens a bundle of any form; see {@link openStatement}. */
export async function openEnvelope<T>(
  bytes: Uint8Array,
  where: string,
  principals: readonly Principal[],
  { encoding: encodingOf, parse, describe }: StatementForm<T>,
  options: EnvelopeOptions,
): Promise<OpenedStatement<T>> {
  const checks: Check[] = [];
  let running = 'bundle';
  try {
    const bundle = parseBundle(bytes, where);
    checks.push({ name: 'bundle', status: 'passed', detail: `${where}: ${bundle.mediaType}, ${bundle.material.kind} method` });
    running = 'statement';
    const encoding = encodingOf?.(bundle) ?? 'dsse';
    const search = await verifyEnvelope(bundle, where, encoding, principals, options);
    checks.push(...search.checks);
    const { payload } = bundle.envelope;
    const bundleDigest = sha256Hex(bytes);
    const revoked = search.matches.length === 0 ? undefined : options.refuseStatement?.(sha256Hex(payload), bundleDigest, where);
    const { matches, refusals } =
      revoked === undefined ? refuseSigners(bundle, where, search.matches, options) : { matches: [], refusals: [revoked] };
    const [first] = matches;
    checks.push(
      ...refusals.map(({ message, severity }): Check => {
        const status = severity === 'undetermined' ? 'could-not-run' : 'failed';
        return { name: 'revocation', status, detail: `${where}: ${message}` };
      }),
    );
    if (first === undefined) return { checks, findings: [...refusals, ...search.findings] };
    const statement = parse(payload, encoding);
    if (describe !== undefined) checks.push({ name: 'statement', status: 'passed', detail: `${where}: ${describe(statement)}` });
    const verified = makeVerified({
      statement,
      bundle: where,
      bundleDigest,
      signedBy: matches.map(({ principal, trust }) => ({ principal, trust })),
      signer: describeSigner(bundle, first),
      times: first.proof.times,
      logs: first.proof.logs,
    });
    return { verified, checks, findings: [] };
  } catch (error) {
    if (!(error instanceof MlsignError)) throw error;
    const status = error.outcome === 'unavailable' ? 'could-not-run' : 'failed';
    checks.push({ name: running, status, detail: `${where}: ${error.message}` });
    return { checks, findings: [errorFinding(error, where)] };
  }
}

/** The signers that are not revoked; the first refusal where none is left. */
function refuseSigners(bundle: Bundle, where: string, found: readonly SignerMatch[], { refuseSigner }: EnvelopeOptions) {
  const refused = found.map((match) => refuseSigner?.(describeSigner(bundle, match), match.proof.times, where, match.proof.unavailable));
  const matches = found.filter((_, index) => refused[index] === undefined);
  const refusals = matches.length > 0 ? [] : refused.filter((finding) => finding !== undefined).slice(0, 1);
  return { matches, refusals };
}

function describeSigner({ material }: Bundle, { key, scheme, certificate, authorities, identity }: SignerMatch): VerifiedSigner {
  const hint = publicKeyHint(key);
  if (identity !== undefined) {
    const who = `${identity.identity}, authenticated by ${identity.issuer}`;
    // Each signature of an identity is by another key: what makes it one signer is its name.
    const id = JSON.stringify([identity.issuer, identity.identity]);
    return { kind: 'sigstore', id, description: `${schemeTitle(scheme)}, ${who}`, hint, certificate, authorities, scheme, identity };
  }
  const subject = certificate === undefined ? '' : `, certificate ${certificate.subject}`;
  return {
    kind: material.kind === 'key' ? 'key' : 'certificate',
    id: hint,
    description: `${schemeTitle(scheme)}, key ${hint.slice(0, 16)}${subject}`,
    hint,
    certificate,
    authorities,
    scheme,
  };
}
