import { createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import {
  Decoder,
  decodeBase64,
  type Fields,
  isJsonObject,
  type JsonLimits,
  type JsonObject,
  type JsonValue,
  parseJson,
} from '../core/index.ts';
import { decodeValidity, type ValidityPeriod } from './validity-period.ts';

/** What a trusted root or a signing configuration may cost. */
export const TRUST_CONFIG_LIMITS: JsonLimits = { maxBytes: 4 * 1024 * 1024, maxDepth: 16, maxValues: 20_000 };

const MEDIA_TYPES = [
  'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
  'application/vnd.dev.sigstore.trustedroot.v0.1+json',
  'application/vnd.dev.sigstore.trustedroot.v0.2+json',
] as const;

const MAX_ENTRIES = 256;
const MAX_CHAIN = 16;

/** Sigstore's `PublicKeyDetails` that logs have, each with the type or curve of its keys. */
const KEY_DETAILS = {
  PKIX_ECDSA_P256_SHA_256: 'prime256v1',
  PKIX_ECDSA_P384_SHA_384: 'secp384r1',
  PKIX_ECDSA_P521_SHA_512: 'secp521r1',
  PKIX_ED25519: 'ed25519',
  PKIX_RSA_PKCS1V15_2048_SHA256: 'rsa',
  PKIX_RSA_PKCS1V15_3072_SHA256: 'rsa',
  PKIX_RSA_PKCS1V15_4096_SHA256: 'rsa',
  PKIX_RSA_PKCS1V5: 'rsa',
  PKCS1_RSA_PKCS1V5: 'rsa',
} as const;

/** The algorithm of a log's key. */
export type LogKeyDetails = keyof typeof KEY_DETAILS;

/** A transparency log: Rekor, or one of certificates. */
export interface TransparencyLog {
  /** For Rekor the origin of its checkpoints, with or without a scheme. */
  readonly baseUrl: string;
  readonly key: KeyObject;
  readonly keyDetails: LogKeyDetails;
  readonly validFor: ValidityPeriod;
  readonly logId: Uint8Array;
  /** Key id of its checkpoints where the root gives one; otherwise it is the front of `logId`. */
  readonly checkpointKeyId: Uint8Array | undefined;
  readonly operator: string | undefined;
}

/** A certificate authority (Fulcio) or a timestamp authority. */
export interface CertificateAuthority {
  readonly uri: string;
  /** DER: for Fulcio from the issuer of leaves, for timestamps from the authority's own certificate, to the trust anchor. */
  readonly chain: readonly Uint8Array[];
  readonly validFor: ValidityPeriod;
  readonly operator: string | undefined;
}

/** Whom a Sigstore verifier trusts. */
export interface TrustedRoot {
  readonly tlogs: readonly TransparencyLog[];
  readonly certificateAuthorities: readonly CertificateAuthority[];
  readonly ctlogs: readonly TransparencyLog[];
  readonly timestampAuthorities: readonly CertificateAuthority[];
  /** The document as it stands. */
  readonly document: JsonObject;
}

/**
 * Reads a Sigstore trusted root, v0.1 or v0.2, in JSON. A field that these versions do not have is refused: it could narrow a trust.
 *
 * @param where names the document in errors
 * @throws MlsignError `trusted-root-malformed` with every bad field, and what `parseJson` throws
 */
export function parseTrustedRoot(bytes: Uint8Array | string, where: string): TrustedRoot {
  const decoder = new Decoder();
  const root = decodeTrustedRoot(decoder, parseJson(bytes, where, TRUST_CONFIG_LIMITS), '');
  decoder.finish('trusted-root-malformed', 'trusted root', where);
  return root;
}

/** Reads a trusted root inside another document; what is wrong is noted in the decoder. */
export function decodeTrustedRoot(decoder: Decoder, value: JsonValue | undefined, path: string): TrustedRoot {
  const top = decoder.object(value, path);
  const entries = (name: string): readonly Fields[] =>
    (top.has(name) ? top.array(name, 0, MAX_ENTRIES) : []).map((entry, i) => decoder.object(entry, `${top.at(name)}[${i}]`));
  top.oneOf('mediaType', MEDIA_TYPES);
  const root: TrustedRoot = {
    tlogs: entries('tlogs').flatMap((entry) => decodeLog(decoder, entry)),
    certificateAuthorities: entries('certificateAuthorities').map((entry) => decodeAuthority(decoder, entry)),
    ctlogs: entries('ctlogs').flatMap((entry) => decodeLog(decoder, entry)),
    timestampAuthorities: entries('timestampAuthorities').map((entry) => decodeAuthority(decoder, entry)),
    document: isJsonObject(value) ? value : {},
  };
  top.done();
  return root;
}

function decodeLog(decoder: Decoder, fields: Fields): readonly TransparencyLog[] {
  fields.oneOf('hashAlgorithm', ['SHA2_256']);
  const material = fields.object('publicKey');
  const keyDetails = decodeKeyDetails(decoder, material);
  const log = {
    baseUrl: fields.string('baseUrl'),
    key: decodeKey(decoder, material, keyDetails),
    keyDetails,
    validFor: decodeValidity(decoder, material),
    logId: decodeKeyId(decoder, fields, 'logId'),
    checkpointKeyId: fields.has('checkpointKeyId') ? decodeKeyId(decoder, fields, 'checkpointKeyId') : undefined,
    operator: decodeName(decoder, fields, 'operator'),
  };
  material.done();
  fields.done();
  return log.key === undefined ? [] : [{ ...log, key: log.key }];
}

function decodeAuthority(decoder: Decoder, fields: Fields): CertificateAuthority {
  if (fields.has('subject')) {
    const subject = fields.object('subject');
    for (const name of ['organization', 'commonName']) decodeName(decoder, subject, name);
    subject.done();
  }
  const chain = fields.object('certChain');
  const authority: CertificateAuthority = {
    uri: decodeName(decoder, fields, 'uri') ?? '',
    chain: chain.array('certificates', 1, MAX_CHAIN).map((entry, i) => {
      const certificate = decoder.object(entry, `${chain.at('certificates')}[${i}]`);
      const der = decodeBytes(decoder, certificate, 'rawBytes');
      if (der.length > 0 && !isCertificate(der)) decoder.problem(certificate.at('rawBytes'), 'a certificate', certificate.raw('rawBytes'));
      certificate.done();
      return der;
    }),
    validFor: decodeValidity(decoder, fields),
    operator: decodeName(decoder, fields, 'operator'),
  };
  chain.done();
  fields.done();
  return authority;
}

function decodeKeyDetails(decoder: Decoder, fields: Fields): LogKeyDetails {
  const name = fields.string('keyDetails');
  if (isLogKeyDetails(name)) return name;
  if (name !== '') decoder.problem(fields.at('keyDetails'), Object.keys(KEY_DETAILS).join(', '), name);
  return 'PKIX_ECDSA_P256_SHA_256';
}

function isLogKeyDetails(name: string): name is LogKeyDetails {
  return Object.hasOwn(KEY_DETAILS, name);
}

function decodeKey(decoder: Decoder, fields: Fields, details: LogKeyDetails): KeyObject | undefined {
  const der = decodeBytes(decoder, fields, 'rawBytes');
  if (der.length === 0) return undefined;
  const key = readKey(der, details);
  const kind = key?.asymmetricKeyDetails?.namedCurve ?? key?.asymmetricKeyType;
  if (kind === KEY_DETAILS[details]) return key;
  decoder.problem(fields.at('rawBytes'), `a public key of the kind ${details}`, kind ?? fields.raw('rawBytes'));
  return undefined;
}

function readKey(der: Uint8Array, details: LogKeyDetails): KeyObject | undefined {
  try {
    return createPublicKey({ key: Buffer.from(der), format: 'der', type: details === 'PKCS1_RSA_PKCS1V5' ? 'pkcs1' : 'spki' });
  } catch {
    return undefined;
  }
}

function isCertificate(der: Uint8Array): boolean {
  try {
    return new X509Certificate(der).raw.length === der.length;
  } catch {
    return false;
  }
}

function decodeKeyId(decoder: Decoder, fields: Fields, name: string): Uint8Array {
  const id = fields.object(name);
  const bytes = decodeBytes(decoder, id, 'keyId');
  id.done();
  // A signed note names keys by four bytes (C2SP signed-note).
  if (bytes.length > 0 && bytes.length < 4) decoder.problem(id.at('keyId'), 'at least four bytes', id.raw('keyId'));
  return bytes;
}

function decodeBytes(decoder: Decoder, fields: Fields, name: string): Uint8Array {
  const text = fields.string(name);
  const bytes = text === '' ? undefined : decodeBase64(text);
  if (text !== '' && bytes === undefined) decoder.problem(fields.at(name), 'canonical base64', text);
  return bytes ?? new Uint8Array();
}

/** An optional text, which may be empty. */
function decodeName(decoder: Decoder, fields: Fields, name: string): string | undefined {
  const value = fields.raw(name);
  if (value === undefined || value === '') return undefined;
  return decoder.string(value, fields.at(name));
}
