import { type KeyObject, X509Certificate } from 'node:crypto';
import * as asn1js from 'asn1js';
import * as pkijs from 'pkijs';
import { type CertificateInfo, certificateInfo } from '../formats/index.ts';
import { type NameConstraints, readNameConstraints } from './path-constraints.ts';
import { DerError, type DerValue, objectIdentifier, readDer, sequenceItems, smallInteger, TAG } from './path-der.ts';
import { type DistinguishedName, type GeneralName, readGeneralName, readName } from './path-names.ts';

/** Bits of KeyUsage that matter here (RFC 5280 §4.2.1.3). */
export const KEY_USAGE = { digitalSignature: 0, keyCertSign: 5 } as const;

export interface Algorithm {
  readonly id: string;
  readonly parameters: DerValue | undefined;
}

/** A certificate with everything that RFC 5280 §6.1 asks about. */
export interface PathCertificate {
  readonly der: Uint8Array;
  readonly info: CertificateInfo;
  /** Undefined where node:crypto does not know the kind of key. */
  readonly publicKey: KeyObject | undefined;
  readonly signedPart: Uint8Array;
  readonly algorithm: Algorithm;
  readonly signature: Uint8Array;
  readonly serial: Uint8Array;
  readonly issuer: DistinguishedName;
  readonly subject: DistinguishedName;
  readonly extensions: Extensions;
}

/** Extensions that were there, read. Where a field is undefined the extension was absent. */
export interface Extensions {
  basicConstraints?: { readonly ca: boolean; readonly pathLength: number | undefined };
  /** The numbers of the bits that are set. */
  keyUsage?: ReadonlySet<number>;
  extendedKeyUsage?: readonly string[];
  subjectKeyId?: Uint8Array;
  authorityKeyId?: { readonly keyId: Uint8Array | undefined; readonly serial: Uint8Array | undefined };
  alternativeNames?: { readonly names: readonly GeneralName[]; readonly critical: boolean };
  nameConstraints?: NameConstraints;
  policies?: readonly string[];
  policyMappings?: readonly { readonly issuer: string; readonly subject: string }[];
  policyConstraints?: { readonly requireExplicit: number | undefined; readonly inhibitMapping: number | undefined };
  inhibitAnyPolicy?: number;
  /** Critical extensions that nothing here knows what to do with. */
  unknownCritical: string[];
}

/** Largest certificate that is read; real ones stay below a sixth of it, post-quantum signatures included. */
export const MAX_CERTIFICATE_BYTES = 64 * 1024;

const EC_PUBLIC_KEY = '1.2.840.10045.2.1';

/**
 * Decodes a certificate. pkijs reads the frame. It reads the values of extensions loosely (fields in a wrong order or left over are
 * skipped, so that a `cA` can get lost), so those are read from strict DER here.
 *
 * @throws DerError saying what is wrong; MlsignError `certificate-malformed` where OpenSSL does not read it
 */
export function decodeCertificate(der: Uint8Array): PathCertificate {
  if (der.length > MAX_CERTIFICATE_BYTES) throw new DerError(`it is larger than ${MAX_CERTIFICATE_BYTES} bytes`);
  readDer(der);
  const info = certificateInfo(der);
  const frame = readFrame(der);
  const [algorithm, inner] = [frame.signatureAlgorithm, frame.signature].map((id) => new Uint8Array(id.toSchema().toBER()));
  if (algorithm === undefined || inner === undefined || Buffer.compare(algorithm, inner) !== 0) {
    throw new DerError('the algorithm inside its signed part is not the one outside');
  }
  // Bits after the end of the signature would belong to nothing that is signed.
  if (frame.signatureValue.valueBlock.unusedBits !== 0) throw new DerError('its signature is not whole bytes');
  if (frame.extensions !== undefined && frame.version !== 2) throw new DerError('it has extensions but is not of version 3');
  return {
    der,
    info,
    publicKey: readPublicKey(der, frame),
    signedPart: frame.tbsView,
    algorithm: readAlgorithm(readDer(algorithm)),
    signature: frame.signatureValue.valueBlock.valueHexView,
    serial: frame.serialNumber.valueBlock.valueHexView,
    issuer: readName(readDer(new Uint8Array(frame.issuer.valueBeforeDecode))),
    subject: readName(readDer(new Uint8Array(frame.subject.valueBeforeDecode))),
    extensions: readExtensions(frame.extensions ?? []),
  };
}

function readFrame(der: Uint8Array): pkijs.Certificate {
  try {
    return pkijs.Certificate.fromBER(der);
  } catch {
    throw new DerError('its structure is not that of a certificate');
  }
}

function readPublicKey(der: Uint8Array, { subjectPublicKeyInfo }: pkijs.Certificate): KeyObject | undefined {
  // Curves by their parameters instead of by name are how CVE-2020-0601 was done (RFC 5480 §2.1.1: they are not used).
  const { algorithmId, algorithmParams } = subjectPublicKeyInfo.algorithm;
  if (algorithmId === EC_PUBLIC_KEY && !(algorithmParams instanceof asn1js.ObjectIdentifier)) return undefined;
  try {
    return new X509Certificate(der).publicKey;
  } catch {
    return undefined;
  }
}

function readAlgorithm(value: DerValue): Algorithm {
  const [id, parameters] = sequenceItems(value, 1, 2);
  if (id === undefined) throw new DerError('its signature has no algorithm');
  return { id: objectIdentifier(id), parameters };
}

function readExtensions(list: readonly pkijs.Extension[]): Extensions {
  const found: Extensions = { unknownCritical: [] };
  const seen = new Set<string>();
  for (const { extnID, critical, extnValue } of list) {
    if (seen.has(extnID)) throw new DerError(`extension ${extnID} stands twice`);
    seen.add(extnID);
    const known = readExtension(found, extnID, critical, () => readDer(extnValue.valueBlock.valueHexView));
    if (critical && !known) found.unknownCritical.push(extnID);
  }
  return found;
}

/** Whether a critical extension of this kind is one that path validation here takes into account. */
function readExtension(found: Extensions, id: string, critical: boolean, read: () => DerValue): boolean {
  switch (id) {
    case '2.5.29.19':
      found.basicConstraints = readBasicConstraints(read());
      return true;
    case '2.5.29.15':
      found.keyUsage = readBits(read());
      return true;
    case '2.5.29.37':
      found.extendedKeyUsage = sequenceItems(read(), 1).map(objectIdentifier);
      return true;
    case '2.5.29.17':
      found.alternativeNames = { names: sequenceItems(read(), 1).map(readGeneralName), critical };
      return true;
    case '2.5.29.30':
      found.nameConstraints = readNameConstraints(read());
      return true;
    case '2.5.29.32':
      found.policies = sequenceItems(read(), 1).map((policy) => firstIdentifier(sequenceItems(policy, 1, 2)));
      return true;
    case '2.5.29.33':
      found.policyMappings = sequenceItems(read(), 1).map(readMapping);
      return true;
    case '2.5.29.36':
      found.policyConstraints = readPolicyConstraints(read());
      return true;
    case '2.5.29.54':
      found.inhibitAnyPolicy = smallInteger(read());
      return true;
    // RFC 5280 §4.2.1.1 and §4.2.1.2: never critical. They choose between issuers and prove nothing.
    case '2.5.29.14':
      found.subjectKeyId = octetString(read());
      return false;
    case '2.5.29.35':
      found.authorityKeyId = readAuthorityKeyId(read());
      return false;
    default:
      return false;
  }
}

function readBasicConstraints(value: DerValue): { ca: boolean; pathLength: number | undefined } {
  const items = [...sequenceItems(value, 0, 2)];
  // An explicit FALSE is not DER, but the field is full of it.
  const ca = items[0]?.tag === TAG.boolean ? items.shift()?.content[0] === 0xff : false;
  const [pathLength, extra] = items;
  if (extra !== undefined) throw new DerError('the basic constraints are malformed');
  return { ca, pathLength: pathLength === undefined ? undefined : smallInteger(pathLength) };
}

function readBits({ tag, content }: DerValue): ReadonlySet<number> {
  if (tag !== TAG.bitString) throw new DerError('the key usage is not a bit string');
  const bits = content.subarray(1);
  const numbers = Array.from({ length: bits.length * 8 - (content[0] ?? 0) }, (_, number) => number);
  return new Set(numbers.filter((number) => ((bits[number >> 3] ?? 0) & (0x80 >> (number & 7))) !== 0));
}

function readAuthorityKeyId(value: DerValue): { keyId: Uint8Array | undefined; serial: Uint8Array | undefined } {
  const items = sequenceItems(value, 0, 3);
  if (items.some(({ tag }, index) => ![0x80, 0xa1, 0x82].includes(tag) || tag === items[index - 1]?.tag)) {
    throw new DerError('the authority key identifier is malformed');
  }
  const field = (tag: number): Uint8Array | undefined => items.find((item) => item.tag === tag)?.content;
  return { keyId: field(0x80), serial: field(0x82) };
}

function readMapping(value: DerValue): { issuer: string; subject: string } {
  const [issuer, subject] = sequenceItems(value, 2, 2);
  return { issuer: firstIdentifier([issuer]), subject: firstIdentifier([subject]) };
}

function readPolicyConstraints(value: DerValue): { requireExplicit: number | undefined; inhibitMapping: number | undefined } {
  const items = sequenceItems(value, 1, 2);
  if (items.some(({ tag }) => tag !== 0x80 && tag !== 0x81) || items[0]?.tag === items[1]?.tag) {
    throw new DerError('the policy constraints are malformed');
  }
  const field = (tag: number): number | undefined => {
    const item = items.find((candidate) => candidate.tag === tag);
    return item === undefined ? undefined : smallInteger(item, tag);
  };
  return { requireExplicit: field(0x80), inhibitMapping: field(0x81) };
}

function firstIdentifier([first]: readonly (DerValue | undefined)[]): string {
  if (first === undefined) throw new DerError('a policy is empty');
  return objectIdentifier(first);
}

function octetString({ tag, content }: DerValue): Uint8Array {
  if (tag !== TAG.octetString) throw new DerError('the subject key identifier is not an octet string');
  return content;
}
