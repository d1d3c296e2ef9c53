import { createHash, X509Certificate } from 'node:crypto';
import { MlsignError, sha256Hex } from '../core/index.ts';
import {
  type CertificateAuthority,
  DerError,
  type DerValue,
  isWithin,
  objectIdentifier,
  readDer,
  sequenceItems,
  TAG,
  type ValidityPeriod,
} from '../formats/index.ts';
import { type PathResult, validatePath } from './certificate.ts';
import { EvidenceError, keyDigest, type ProvenTime } from './evidence.ts';
import { readSignedPart } from './signed-part.ts';
import { hashOf, readTimestamp, type TimestampToken } from './timestamp-token.ts';

/** Whom a user trusts to say when a signature existed. */
export interface TimestampTrust {
  /** Trust anchors, DER. */
  readonly roots: readonly Uint8Array[];
  /** Certificates that may help to reach a root, DER. They give no trust. */
  readonly intermediates: readonly Uint8Array[];
  /** The one certificate that may sign, DER, where the trust is in it alone. */
  readonly signer?: Uint8Array | undefined;
  readonly validFor?: ValidityPeriod | undefined;
}

const TIME_STAMPING = '1.3.6.1.5.5.7.3.8';
const EXTENDED_KEY_USAGE = '2.5.29.37';
const ATTRIBUTE = {
  contentType: '1.2.840.113549.1.9.3',
  messageDigest: '1.2.840.113549.1.9.4',
  signingCertificate: '1.2.840.113549.1.9.16.2.12',
  signingCertificateV2: '1.2.840.113549.1.9.16.2.47',
} as const;
const TST_INFO = '1.2.840.113549.1.9.16.1.4';
const RSA_ENCRYPTION = '1.2.840.113549.1.1.1';
const RSA_WITH = {
  sha256: '1.2.840.113549.1.1.11',
  sha384: '1.2.840.113549.1.1.12',
  sha512: '1.2.840.113549.1.1.13',
} as const;

/**
 * The time that an RFC 3161 response claims (`genTime`, §2.4.2), or undefined where it cannot be read. Nothing of it is
 * verified: neither who made it, nor over what.
 */
export async function claimedGenerationTime(response: Uint8Array): Promise<Date | undefined> {
  try {
    return readTimestamp(response).time;
  } catch (error) {
    if (error instanceof DerError || error instanceof EvidenceError) return undefined;
    throw error;
  }
}

/** Trust in roots that a user names; what is no root in the list only helps to reach one. */
export function trustInRoots(certificates: readonly Uint8Array[]): TimestampTrust {
  const isRoot = (der: Uint8Array) => {
    const { subject, issuer } = new X509Certificate(der);
    return subject === issuer;
  };
  return { roots: certificates.filter(isRoot), intermediates: certificates.filter((der) => !isRoot(der)) };
}

/** Trust in an authority of a trusted root: in its own certificate, where the chain begins with one. */
export function trustInAuthority({ chain, validFor }: CertificateAuthority): TimestampTrust {
  const [first] = chain;
  const isPinned = first !== undefined && !new X509Certificate(first).ca;
  return { roots: chain.slice(-1), intermediates: chain.slice(0, -1), signer: isPinned ? first : undefined, validFor };
}

/**
 * Verifies an RFC 3161 response over a signature: the imprint is that of the signature's bytes, the token is signed by the
 * certificate that it names, and that certificate is one for timestamps alone and leads to a trusted authority at that time.
 *
 * @throws EvidenceError `timestamp-malformed`, `timestamp-mismatch`, `timestamp-untrusted`, `timestamp-signature`; DerError
 */
export async function verifyTimestamp(
  response: Uint8Array,
  signature: Uint8Array,
  authorities: readonly TimestampTrust[],
): Promise<ProvenTime> {
  const token = readTimestamp(response);
  const { algorithm, digest } = token.imprint;
  if (algorithm === undefined) throw new EvidenceError('timestamp-mismatch', 'the timestamp is over a digest that is not accepted');
  if (!createHash(algorithm).update(signature).digest().equals(digest)) {
    throw new EvidenceError('timestamp-mismatch', 'the timestamp is over other bytes than the signature');
  }
  let failure = new EvidenceError('timestamp-untrusted', 'the timestamp is not of a trusted authority');
  for (const authority of authorities) {
    try {
      const signer = findSigner(token, authority);
      if (signer === undefined) continue;
      await checkSignature(token, signer);
      return await timeOf(token, signer, authority);
    } catch (error) {
      if (!(error instanceof EvidenceError)) throw error;
      failure = error;
    }
  }
  throw failure;
}

/** The certificate that the token's signer names by its hash (RFC 5035 §5): one that the token brings, or the authority's own. */
function findSigner(token: TimestampToken, { intermediates, roots, signer }: TimestampTrust): Uint8Array | undefined {
  const { hash, digest } = signingCertificate(token);
  const isNamed = (der: Uint8Array) => createHash(hash).update(der).digest().equals(digest);
  return signer === undefined ? [...token.certificates, ...intermediates, ...roots].find(isNamed) : [signer].find(isNamed);
}

async function checkSignature(token: TimestampToken, signer: Uint8Array): Promise<void> {
  const { attributes, content, digestAlgorithm } = token;
  const digest = only(attributes.get(ATTRIBUTE.messageDigest));
  if (objectIdentifier(only(attributes.get(ATTRIBUTE.contentType))) !== TST_INFO || digestAlgorithm === undefined) {
    throw new EvidenceError('timestamp-malformed', 'the timestamp is malformed: its signed attributes are about something else');
  }
  if (digest.tag !== TAG.octetString || !createHash(digestAlgorithm).update(content).digest().equals(digest.content)) {
    throw new EvidenceError('timestamp-signature', 'the timestamp was changed after it was signed');
  }
  const [id, parameters] = sequenceItems(token.signatureAlgorithm, 1, 2);
  const name = objectIdentifier(id ?? token.signatureAlgorithm);
  // RFC 3370 §3.2: the digest of plain rsaEncryption is that of the signer.
  const algorithm = { id: name === RSA_ENCRYPTION ? RSA_WITH[digestAlgorithm] : name, parameters };
  const [{ decodeCertificate }, { isSignedBy }] = await Promise.all([import('./path-certificate.ts'), import('./path-signature.ts')]);
  const certificate = decodeCertificate(signer);
  const signed = { ...certificate, algorithm, signedPart: token.signedAttributes, signature: token.signature };
  if (!isSignedBy(signed, certificate.publicKey)) {
    throw new EvidenceError('timestamp-signature', 'the signature of the timestamp does not verify');
  }
}

async function timeOf(token: TimestampToken, signer: Uint8Array, authority: TimestampTrust): Promise<ProvenTime> {
  checkPurpose(signer);
  const { roots, intermediates, validFor } = authority;
  const untrusted = (reason: string) => new EvidenceError('timestamp-untrusted', `the timestamp is not of a trusted authority: ${reason}`);
  if (validFor !== undefined && !isWithin(validFor, token.time)) throw untrusted('it is not one at the time that it gives');
  const others = [...token.certificates, ...intermediates].filter((der) => Buffer.compare(der, signer) !== 0);
  const path = await validatePath([signer, ...others], roots, token.time, { extendedKeyUsage: TIME_STAMPING });
  if (!path.ok) throw untrusted(path.finding.message);
  return { time: token.time, by: 'timestamp-authority', authority: path.leaf.subject, id: anchorOf(path, authority) };
}

/** RFC 3161 §2.3: one purpose, and critical. */
function checkPurpose(signer: Uint8Array): void {
  const usage = readSignedPart(signer).extensions.get(EXTENDED_KEY_USAGE);
  const purposes = usage === undefined ? [] : sequenceItems(readDer(usage.value)).map(objectIdentifier);
  if (usage?.critical === true && purposes.length === 1 && purposes[0] === TIME_STAMPING) return;
  throw new EvidenceError('timestamp-untrusted', 'the timestamp is signed with a certificate that is not for timestamps alone');
}

/** RFC 5035 §5.4.1: the first of the certificate hashes is the signer's. */
function signingCertificate({ attributes }: TimestampToken): { readonly hash: string; readonly digest: Uint8Array } {
  const v2 = attributes.get(ATTRIBUTE.signingCertificateV2);
  const [list] = sequenceItems(only(v2 ?? attributes.get(ATTRIBUTE.signingCertificate)), 1, 2);
  const [first] = list === undefined ? [] : sequenceItems(list, 1);
  const fields = first === undefined ? [] : sequenceItems(first, 1, 3);
  const [named] = v2 !== undefined && fields[0]?.tag === TAG.sequence ? fields : [];
  const hash = v2 === undefined ? 'sha1' : named === undefined ? 'sha256' : hashOf(named);
  const digest = fields.find(({ tag }) => tag === TAG.octetString);
  if (hash === undefined || digest === undefined) throw new DerError('the certificate of the signer is not named');
  return { hash, digest: digest.content };
}

/** The key of the root that a path ends at. */
function anchorOf({ path }: Extract<PathResult, { ok: true }>, { roots }: TimestampTrust): string {
  const anchor = roots.find((der) => sha256Hex(der) === path.at(-1)?.fingerprint);
  if (anchor === undefined) throw new MlsignError('bug', 'path-without-root', 'a certificate path does not end at a root');
  return keyDigest(new X509Certificate(anchor).publicKey);
}

function only(values: readonly DerValue[] | undefined): DerValue {
  const [value, another] = values ?? [];
  if (value === undefined || another !== undefined) throw new DerError('an attribute is missing, or has several values');
  return value;
}
