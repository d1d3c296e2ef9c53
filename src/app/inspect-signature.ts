import { X509Certificate } from 'node:crypto';
import { MlsignError } from '../core/index.ts';
import {
  type Bundle,
  type CertificateInfo,
  certificateInfo,
  decodeOmsStatement,
  type OmsStatement,
  parseStatement,
  parseTrustedPem,
  publicKeyHint,
  type SchemeName,
  type Statement,
  schemeForKey,
  schemeTitle,
  type VerificationMaterial,
} from '../formats/index.ts';
import { StatementStore } from '../verify/index.ts';
import { type ClaimedTime, claimedTimes } from './claimed-times.ts';
import type { ReadBundle } from './read-bundle.ts';

/** Whom a bundle names as its signer. Anyone can write anything there. */
export type ClaimedSigner =
  | {
      readonly kind: 'key';
      /** Hex SHA-256 of the key's PEM. */
      readonly hint: string | undefined;
      /** Whether the bundle carries the key itself, as those before v1.1.0 do. */
      readonly embedded: boolean;
    }
  | {
      readonly kind: 'certificate' | 'sigstore';
      readonly certificate: CertificateInfo;
      /** The further certificates of the bundle, in its order. */
      readonly issuers: readonly CertificateInfo[];
    };

/** A signature algorithm as something in a bundle implies it; only the trusted key decides. */
export interface ImpliedAlgorithm {
  /** The padding of an RSA signature cannot be seen. */
  readonly scheme: SchemeName | 'rsa';
  /** In words: `ECDSA P-256 with SHA-256`. */
  readonly title: string;
  readonly from: 'key' | 'signature';
}

/** What a statement is about. */
export interface ClaimedStatement {
  readonly predicateType: string;
  /** Names of what it is about. */
  readonly subjects: readonly string[];
  /** Set where it signs the content of a model. */
  readonly statement: OmsStatement | undefined;
}

/** What a bundle says. Nothing of it is verified. */
export interface InspectedSignature extends ClaimedStatement {
  readonly path: string;
  /** Of the bundle, hex. */
  readonly sha256: string;
  readonly mediaType: string;
  readonly signer: ClaimedSigner;
  /** What the key in the bundle, or else the form of the signature, implies; undefined where neither does. */
  readonly algorithm: ImpliedAlgorithm | undefined;
  readonly times: readonly ClaimedTime[];
}

/**
 * Tells what a bundle says.
 *
 * @param store where bundles of one model share their statements
 * @throws MlsignError `statement-malformed`, `certificate-malformed` and others
 */
export async function inspectSignature(
  { path, sha256, bundle }: ReadBundle,
  store: StatementStore<ClaimedStatement> = new StatementStore(),
): Promise<InspectedSignature> {
  const { payload } = bundle.envelope;
  return {
    path,
    sha256,
    mediaType: bundle.mediaType,
    signer: claimedSigner(bundle.material, path),
    algorithm: impliedAlgorithm(bundle, path),
    times: await claimedTimes(bundle),
    ...store.read(payload, path, () => claimedStatement(payload, path)),
  };
}

function claimedStatement(payload: Uint8Array, path: string): ClaimedStatement {
  const statement = parseStatement(payload, path);
  const subjects = statement.subject.map(({ name }) => name);
  return { predicateType: statement.predicateType, subjects, statement: contentStatement(statement, path) };
}

/** Undefined for statements about other things: attestations travel in bundles too. */
function contentStatement(statement: Statement, path: string): OmsStatement | undefined {
  try {
    return decodeOmsStatement(statement, path, { allowLegacy: true });
  } catch (error) {
    if (error instanceof MlsignError && error.code === 'predicate-type-unknown') return undefined;
    throw error;
  }
}

/** Whom a bundle names as its signer. Nothing of it is verified. */
export function claimedSigner(material: VerificationMaterial, path: string): ClaimedSigner {
  switch (material.kind) {
    case 'key':
      return { kind: 'key', hint: material.hint ?? embeddedHint(material.embeddedKey), embedded: material.embeddedKey !== undefined };
    case 'certificate':
    case 'sigstore': {
      const [leaf = new Uint8Array(), ...others] = material.kind === 'certificate' ? material.chain : [material.certificate];
      return {
        kind: material.kind,
        certificate: certificateInfo(leaf, path),
        issuers: others.map((der) => certificateInfo(der, path)),
      };
    }
  }
}

function embeddedHint(pem: Uint8Array | undefined): string | undefined {
  const key = pem === undefined ? undefined : attempt(() => parseTrustedPem(pem, 'embedded key'));
  return key?.kind === 'key' ? publicKeyHint(key.key) : undefined;
}

function impliedAlgorithm({ material, envelope }: Bundle, path: string): ImpliedAlgorithm | undefined {
  const scheme = attempt(() => {
    switch (material.kind) {
      case 'key': {
        const key = material.embeddedKey === undefined ? undefined : parseTrustedPem(material.embeddedKey, path);
        return key?.kind === 'key' ? schemeForKey(key.key, path) : undefined;
      }
      case 'certificate':
        return material.chain[0] === undefined ? undefined : schemeForKey(new X509Certificate(material.chain[0]).publicKey, path);
      case 'sigstore':
        return schemeForKey(new X509Certificate(material.certificate).publicKey, path);
    }
  });
  if (scheme !== undefined) return { scheme, title: schemeTitle(scheme), from: 'key' };
  const implied = schemeOfSignature(envelope.signature);
  if (implied === undefined) return undefined;
  return { scheme: implied, title: implied === 'rsa' ? 'RSA' : schemeTitle(implied), from: 'signature' };
}

/** What a signature's length says (FIPS 204 table 2, RFC 8032, RFC 3279 for the DER of ECDSA); RSA leaves its padding open. */
function schemeOfSignature(signature: Uint8Array): SchemeName | 'rsa' | undefined {
  const { length } = signature;
  if (signature[0] === 0x30) {
    if (length >= 66 && length <= 72) return 'ecdsa-p256-sha256';
    if (length >= 98 && length <= 104) return 'ecdsa-p384-sha384';
    if (length >= 133 && length <= 139) return 'ecdsa-p521-sha512';
  }
  if (length === 64) return 'ed25519';
  if (length === 2420) return 'ml-dsa-44';
  if (length === 3309) return 'ml-dsa-65';
  if (length === 4627) return 'ml-dsa-87';
  return length >= 256 && length <= 2048 && length % 32 === 0 ? 'rsa' : undefined;
}

/** Not worth an error: what cannot be read is shown as unknown. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
