import { type Check, errorFinding, type Finding, MlsignError, refused, sha256Hex } from '../core/index.ts';
import {
  type Bundle,
  type CertificateInfo,
  claimsPredicateType,
  LEGACY_PREDICATE_TYPE,
  legacyNotAllowed,
  type OmsStatement,
  parseBundle,
  parseOmsStatement,
  publicKeyHint,
  type SchemeName,
  schemeTitle,
} from '../formats/index.ts';
import type { Principal, SigstoreIdentity, Trust } from '../policy/index.ts';
import type { LogRecord, ProvenTime } from './evidence.ts';
import type { Encoding } from './public-key.ts';
import type { SignerMatch } from './signer.ts';
import { StatementStore } from './statement-store.ts';
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
  readonly scheme: SchemeName;
  readonly identity?: SigstoreIdentity | undefined;
}

/** Why a principal counts as a signer. */
export interface SignedBy {
  readonly principal: Principal;
  readonly trust: Trust;
}

let makeVerified: (bundle: Bundle, statement: OmsStatement, bytes: Uint8Array, where: string, matches: Matches) => VerifiedStatement;

type Matches = readonly [SignerMatch, ...SignerMatch[]];

/** A statement whose signature was made by a trusted signer. Only {@link openBundle} makes one. */
export class VerifiedStatement {
  static {
    makeVerified = (...fields) => new VerifiedStatement(...fields);
  }

  readonly statement: OmsStatement;
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

  private constructor(bundle: Bundle, statement: OmsStatement, bytes: Uint8Array, where: string, matches: Matches) {
    this.statement = statement;
    this.bundle = where;
    this.bundleDigest = sha256Hex(bytes);
    this.signedBy = matches.map(({ principal, trust }) => ({ principal, trust }));
    this.signer = describeSigner(bundle, matches[0]);
    this.times = matches[0].proof.times;
    this.logs = matches[0].proof.logs;
  }

  /** Whether a value was made by {@link openBundle}. */
  static is(value: object): value is VerifiedStatement {
    return #verified in value;
  }
}

/** How a bundle is opened. */
export interface OpenOptions extends EnvelopeOptions {
  /** Whether the v0.2.0 form is accepted, with the certificate method only. */
  readonly allowLegacy: boolean;
  /** Where bundles of one model share their statements; each bundle has its own unless given. */
  readonly statements?: StatementStore<OmsStatement> | undefined;
}

/** What {@link openBundle} found: the statement, or why there is none. */
export interface OpenedBundle {
  readonly verified?: VerifiedStatement | undefined;
  readonly checks: readonly Check[];
  readonly findings: readonly Finding[];
}

/**
 * Opens a bundle under a user's trust: parses it strictly, selects trusted signers, verifies the signature over the
 * pre-authentication encoding, and only then reads the statement (OMS §8.1–8.3). What is wrong with a bundle is a
 * finding, never thrown.
 *
 * @param where names the bundle in findings
 */
export async function openBundle(
  bytes: Uint8Array,
  where: string,
  principals: readonly Principal[],
  options: OpenOptions,
): Promise<OpenedBundle> {
  const checks: Check[] = [];
  let running = 'bundle';
  try {
    const bundle = parseBundle(bytes, where);
    checks.push({ name: 'bundle', status: 'passed', detail: `${where}: ${bundle.mediaType}, ${bundle.material.kind} method` });
    running = 'statement';
    const encoding = encodingOf(bundle, where, options.allowLegacy);
    const search = await verifyEnvelope(bundle, where, encoding, principals, options);
    checks.push(...search.checks);
    const [first, ...others] = search.matches;
    if (first === undefined) return { checks, findings: search.findings };
    const { payload } = bundle.envelope;
    const { statements = new StatementStore() } = options;
    const statement = statements.read(payload, where, () => parseOmsStatement(payload, where, { allowLegacy: encoding === 'v0.2.0' }));
    const count = statement.manifest.resources.length;
    checks.push({
      name: 'statement',
      status: 'passed',
      detail: `${where}: OMS ${statement.form}, ${count} ${count === 1 ? 'resource' : 'resources'}`,
    });
    return { verified: makeVerified(bundle, statement, bytes, where, [first, ...others]), checks, findings: [] };
  } catch (error) {
    if (!(error instanceof MlsignError)) throw error;
    const status = error.outcome === 'unavailable' ? 'could-not-run' : 'failed';
    checks.push({ name: running, status, detail: `${where}: ${error.message}` });
    return { checks, findings: [errorFinding(error, where)] };
  }
}

/** The form of the statement decides how it was encoded. Until the signature is verified, nothing else is taken from it. */
function encodingOf({ material, envelope }: Bundle, where: string, allowLegacy: boolean): Encoding {
  // What cannot be read is not legacy: its signature is checked as any other, before this is reported.
  if (!claimsPredicateType(envelope.payload, LEGACY_PREDICATE_TYPE)) return 'dsse';
  if (!allowLegacy) throw legacyNotAllowed(where);
  if (material.kind === 'certificate') return 'v0.2.0';
  throw refused('legacy-not-allowed', 'a bundle of the v0.2.0 form is accepted with the certificate method only', {
    subject: where,
    expected: 'the certificate method',
    got: `the ${material.kind} method`,
    suggestions: ['have the model signed again'],
  });
}

function describeSigner({ material }: Bundle, { key, scheme, certificate, identity }: SignerMatch): VerifiedSigner {
  const hint = publicKeyHint(key);
  if (identity !== undefined) {
    const who = `${identity.identity}, authenticated by ${identity.issuer}`;
    // Each signature of an identity is by another key: what makes it one signer is its name.
    const id = JSON.stringify([identity.issuer, identity.identity]);
    return { kind: 'sigstore', id, description: `${schemeTitle(scheme)}, ${who}`, hint, certificate, scheme, identity };
  }
  const subject = certificate === undefined ? '' : `, certificate ${certificate.subject}`;
  return {
    kind: material.kind === 'key' ? 'key' : 'certificate',
    id: hint,
    description: `${schemeTitle(scheme)}, key ${hint.slice(0, 16)}${subject}`,
    hint,
    certificate,
    scheme,
  };
}
