import { createHash, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { decodeBase64, decodeUtf8, isJsonObject, type JsonObject, type JsonValue, parseJson } from '../core/index.ts';
import { BUNDLE_LIMITS, type Envelope, parsePem, preAuthEncoding, sameKey } from '../formats/index.ts';
import { EvidenceError } from './evidence.ts';
import type { LogEntry } from './tlog-entry.ts';

/** The signature that evidence must be about. */
export interface SignatureSubject {
  readonly envelope: Envelope;
  /** The key that made the signature. */
  readonly key: KeyObject;
  /** DER of the signer's own certificate, where the bundle has one. */
  readonly certificate?: Uint8Array | undefined;
}

/** What an entry says was signed, by whom; undefined where it does not say. */
interface Recorded {
  readonly signature: Uint8Array | undefined;
  readonly digest: Uint8Array | undefined;
  /** The digest that the entry should have. */
  readonly expectedDigest: Uint8Array | undefined;
  readonly verifier: Verifier | undefined;
}

type Verifier = { readonly certificate: Uint8Array } | { readonly key: KeyObject };

/**
 * Checks that a log entry is about exactly one signature: the same signature, made by the same key (and certificate), over
 * the same bytes. Kinds: `dsse` 0.0.1 and 0.0.2, `intoto` 0.0.2, and `hashedrekord` 0.0.1 and 0.0.2 over the digest of the
 * pre-authentication encoding.
 *
 * @throws EvidenceError `log-entry-unknown`, `log-entry-mismatch`; MlsignError for a body that is not JSON
 */
export function checkBody({ kind, version, body }: LogEntry, subject: SignatureSubject): void {
  const document = parseJson(body, 'log entry', BUNDLE_LIMITS);
  if (at(document, 'kind') !== kind || at(document, 'apiVersion') !== version) {
    throw new EvidenceError('log-entry-mismatch', 'the log entry is of another kind than the bundle says');
  }
  const spec = at(document, 'spec');
  const recorded = READERS[`${kind} ${version}`]?.(spec, subject.envelope);
  if (recorded === undefined) throw new EvidenceError('log-entry-unknown', `log entries of kind ${kind} ${version} are not known`);
  const { signature, digest, expectedDigest, verifier } = recorded;
  if (!isSame(signature, subject.envelope.signature)) throw mismatch('signature');
  if (!isSame(digest, expectedDigest)) throw mismatch('digest');
  if (verifier === undefined || !isVerifier(verifier, subject)) throw mismatch('key');
}

const READERS: Readonly<Record<string, (spec: JsonValue | undefined, envelope: Envelope) => Recorded>> = {
  'dsse 0.0.1': (spec, { payload }) => {
    const [signature] = only(at(spec, 'signatures'));
    return {
      signature: base64(at(signature, 'signature')),
      verifier: pemVerifier(base64(at(signature, 'verifier'))),
      ...hexDigest(at(spec, 'payloadHash'), payload),
    };
  },
  'intoto 0.0.2': (spec, { payload }) => {
    const [signature] = only(at(spec, 'content', 'envelope', 'signatures'));
    // Rekor encodes the signature, which is base64 in the envelope, once more.
    const inner = base64(at(signature, 'sig'));
    return {
      signature: inner === undefined ? undefined : base64(decodeUtf8(inner)),
      verifier: pemVerifier(base64(at(signature, 'publicKey'))),
      ...hexDigest(at(spec, 'content', 'payloadHash'), payload),
    };
  },
  'hashedrekord 0.0.1': (spec, { payloadType, payload }) => ({
    signature: base64(at(spec, 'signature', 'content')),
    verifier: pemVerifier(base64(at(spec, 'signature', 'publicKey', 'content'))),
    ...hexDigest(at(spec, 'data', 'hash'), preAuthEncoding(payloadType, payload)),
  }),
  'dsse 0.0.2': (spec, { payload }) => {
    const [signature] = only(at(spec, 'dsseV002', 'signatures'));
    return {
      signature: base64(at(signature, 'content')),
      verifier: rawVerifier(at(signature, 'verifier')),
      ...rawDigest(at(spec, 'dsseV002', 'payloadHash'), payload),
    };
  },
  'hashedrekord 0.0.2': (spec, { payloadType, payload }) => ({
    signature: base64(at(spec, 'hashedRekordV002', 'signature', 'content')),
    verifier: rawVerifier(at(spec, 'hashedRekordV002', 'signature', 'verifier')),
    ...rawDigest(at(spec, 'hashedRekordV002', 'data'), preAuthEncoding(payloadType, payload)),
  }),
};

type Digests = Pick<Recorded, 'digest' | 'expectedDigest'>;

/** A digest of Rekor v1: `{algorithm: sha256, value: <hex>}`. */
function hexDigest(value: JsonValue | undefined, data: Uint8Array): Digests {
  const text = at(value, 'value');
  const isHex = typeof text === 'string' && /^([0-9a-f]{2})+$/.test(text);
  return { digest: isHex ? Buffer.from(text, 'hex') : undefined, expectedDigest: hash(at(value, 'algorithm'), data) };
}

/** A digest of Rekor v2: `{algorithm: SHA2_256, digest: <base64>}`. */
function rawDigest(value: JsonValue | undefined, data: Uint8Array): Digests {
  return { digest: base64(at(value, 'digest')), expectedDigest: hash(at(value, 'algorithm'), data) };
}

const ALGORITHMS: Readonly<Record<string, string>> = {
  sha256: 'sha256',
  sha384: 'sha384',
  sha512: 'sha512',
  SHA2_256: 'sha256',
  SHA2_384: 'sha384',
  SHA2_512: 'sha512',
};

function hash(algorithm: JsonValue | undefined, data: Uint8Array): Uint8Array | undefined {
  const name = typeof algorithm === 'string' && Object.hasOwn(ALGORITHMS, algorithm) ? ALGORITHMS[algorithm] : undefined;
  return name === undefined ? undefined : createHash(name).update(data).digest();
}

/** PEM, as Rekor v1 has it: one certificate or one public key. */
function pemVerifier(pem: Uint8Array | undefined): Verifier | undefined {
  if (pem === undefined) return undefined;
  const [block, ...others] = parsePem(pem, 'log entry');
  if (block === undefined || others.length > 0) return undefined;
  if (block.label === 'CERTIFICATE') return { certificate: block.der };
  return block.label === 'PUBLIC KEY' ? keyVerifier(block.der) : undefined;
}

/** DER, as Rekor v2 has it. */
function rawVerifier(value: JsonValue | undefined): Verifier | undefined {
  const certificate = base64(at(value, 'x509Certificate', 'rawBytes'));
  const key = base64(at(value, 'publicKey', 'rawBytes'));
  if (certificate !== undefined) return key === undefined ? { certificate } : undefined;
  return key === undefined ? undefined : keyVerifier(key);
}

function keyVerifier(der: Uint8Array): Verifier | undefined {
  try {
    return { key: createPublicKey({ key: Buffer.from(der), format: 'der', type: 'spki' }) };
  } catch {
    return undefined;
  }
}

/** The same certificate where both name one: two certificates of one key may stand for different signers. */
function isVerifier(verifier: Verifier, { key, certificate }: SignatureSubject): boolean {
  if ('key' in verifier) return sameKey(verifier.key, key);
  if (certificate !== undefined) return isSame(verifier.certificate, certificate);
  try {
    return sameKey(new X509Certificate(verifier.certificate).publicKey, key);
  } catch {
    return false;
  }
}

function mismatch(what: string): EvidenceError {
  return new EvidenceError('log-entry-mismatch', `the log entry is about another ${what}`);
}

function isSame(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a !== undefined && b !== undefined && Buffer.compare(a, b) === 0;
}

function at(value: JsonValue | undefined, ...names: readonly string[]): JsonValue | undefined {
  return names.reduce<JsonValue | undefined>((inner, name) => (isJsonObject(inner) ? field(inner, name) : undefined), value);
}

function field(object: JsonObject, name: string): JsonValue | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

/** The one item of a list; nothing where there are none or several. */
function only(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) && value.length === 1 ? value : [];
}

function base64(value: JsonValue | undefined): Uint8Array | undefined {
  return typeof value === 'string' && value !== '' ? decodeBase64(value) : undefined;
}
