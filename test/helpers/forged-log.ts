import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { isJsonObject, type JsonObject, parseJson } from '../../src/core/index.ts';
import { type Bundle, PAYLOAD_TYPE, preAuthEncoding, type TransparencyLog } from '../../src/formats/index.ts';
import { toPem } from './certificates.ts';
import { MerkleLog } from './sigstore/merkle-log.ts';
import { canonicalJson } from './sigstore/strict-server.ts';

/** When the signatures of the tests are made: the certificates of the test authorities are valid around the present. */
export const SIGNED_AT = new Date(Math.floor(Date.now() / 1000) * 1000 - 30 * 86_400_000);

/** A moment so many seconds after {@link SIGNED_AT}. */
export function secondsLater(seconds: number): Date {
  return new Date(SIGNED_AT.getTime() + seconds * 1000);
}

/** How an entry departs from what the log would do. */
export interface EntryOptions {
  /** Seconds precision; for Rekor v1, which promises it. */
  readonly time?: Date;
  readonly withoutPromise?: boolean;
  readonly withoutProof?: boolean;
  readonly kind?: string;
  readonly version?: string;
}

/** A transparency log that logs whatever it is given. */
export class ForgedLog {
  readonly version: 1 | 2;
  readonly host: string;
  readonly keys: { readonly privateKey: KeyObject; readonly publicKey: KeyObject };
  readonly #log = new MerkleLog();

  constructor(version: 1 | 2, { host = `rekor-v${version}.example`, keys = makeLogKeys(version) } = {}) {
    this.version = version;
    this.host = host;
    this.keys = keys;
    for (const entry of ['one', 'two', 'three', 'four', 'five']) this.#log.append(Buffer.from(entry));
  }

  get logId(): Buffer {
    const spki = this.keys.publicKey.export({ type: 'spki', format: 'der' });
    const hash = createHash('sha256');
    return this.version === 1
      ? hash.update(spki).digest()
      : hash.update(`${this.host}\n`).update(Buffer.of(1)).update(spki.subarray(-32)).digest();
  }

  /** As a trusted root has it. */
  get trust(): TransparencyLog {
    return {
      baseUrl: `https://${this.host}`,
      key: this.keys.publicKey,
      keyDetails: this.version === 1 ? 'PKIX_ECDSA_P256_SHA_256' : 'PKIX_ED25519',
      validFor: { start: undefined, end: undefined },
      logId: this.logId,
      checkpointKeyId: undefined,
      operator: undefined,
    };
  }

  /** An entry with a body. */
  entry(body: JsonObject | Buffer, options: EntryOptions = {}): JsonObject {
    const bytes = Buffer.isBuffer(body) ? body : Buffer.from(canonicalJson(body));
    const proof = this.#log.append(bytes);
    const logIndex = proof.index + (this.version === 1 ? 1000 : 0);
    const integratedTime = Math.floor((options.time ?? SIGNED_AT).getTime() / 1000);
    const promised = { body: bytes.toString('base64'), integratedTime, logID: this.logId.toString('hex'), logIndex };
    const { kind, apiVersion } = Buffer.isBuffer(body) ? { kind: 'dsse', apiVersion: '0.0.1' } : body;
    return {
      logIndex: String(logIndex),
      logId: { keyId: this.logId.toString('base64') },
      kindVersion: { kind: options.kind ?? String(kind), version: options.version ?? String(apiVersion) },
      ...(this.version === 1 ? { integratedTime: String(integratedTime) } : {}),
      ...(this.version === 1 && !options.withoutPromise
        ? { inclusionPromise: { signedEntryTimestamp: this.sign(canonicalJson(promised)).toString('base64') } }
        : {}),
      ...(options.withoutProof
        ? {}
        : {
            inclusionProof: {
              logIndex: String(proof.index),
              rootHash: proof.root.toString('base64'),
              treeSize: String(proof.size),
              hashes: proof.hashes.map((hash) => hash.toString('base64')),
              checkpoint: { envelope: this.checkpoint(proof.size, proof.root) },
            },
          }),
      canonicalizedBody: bytes.toString('base64'),
    };
  }

  /** A signed note, by default as the log would write it. */
  checkpoint(size: number, root: Uint8Array, { origin, name }: { readonly origin?: string; readonly name?: string } = {}): string {
    const note = `${origin ?? (this.version === 1 ? `${this.host} - 42` : this.host)}\n${size}\n${Buffer.from(root).toString('base64')}\n`;
    const line = Buffer.concat([this.logId.subarray(0, 4), this.sign(note)]).toString('base64');
    return `${note}\n— ${name ?? this.host} ${line}\n`;
  }

  sign(text: string): Buffer {
    return sign(this.version === 1 ? 'sha256' : null, Buffer.from(text), this.keys.privateKey);
  }
}

export function makeLogKeys(version: 1 | 2): { readonly privateKey: KeyObject; readonly publicKey: KeyObject } {
  return version === 1 ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('ed25519');
}

/** What an entry is about; a bundle's own signature unless told otherwise. */
export interface Logged {
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
  /** The signer's certificate, or its public key (SPKI), in DER. */
  readonly certificate?: Uint8Array;
  readonly publicKey?: Uint8Array;
}

/** What an entry over a bundle's signature says about it. */
export function logged({ envelope, material }: Bundle, publicKey: KeyObject): Logged {
  const [certificate] = material.kind === 'certificate' ? material.chain : material.kind === 'sigstore' ? [material.certificate] : [];
  const { payload, signature } = envelope;
  if (certificate !== undefined) return { payload, signature, certificate };
  return { payload, signature, publicKey: publicKey.export({ type: 'spki', format: 'der' }) };
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

const pem = ({ certificate, publicKey }: Logged): string =>
  base64(Buffer.from(certificate === undefined ? toPem(publicKey ?? new Uint8Array(), 'PUBLIC KEY') : toPem(certificate)));

const verifier = ({ certificate, publicKey }: Logged): JsonObject =>
  certificate === undefined
    ? { keyDetails: 'PKIX_ECDSA_P256_SHA_256', publicKey: { rawBytes: base64(publicKey ?? new Uint8Array()) } }
    : { keyDetails: 'PKIX_ECDSA_P256_SHA_256', x509Certificate: { rawBytes: base64(certificate) } };

/** The body of each kind of entry that is accepted. */
export const BODIES: Readonly<Record<string, (logged: Logged) => JsonObject>> = {
  'dsse 0.0.1': (about) => ({
    apiVersion: '0.0.1',
    kind: 'dsse',
    spec: {
      envelopeHash: { algorithm: 'sha256', value: '00'.repeat(32) },
      payloadHash: { algorithm: 'sha256', value: createHash('sha256').update(about.payload).digest('hex') },
      signatures: [{ signature: base64(about.signature), verifier: pem(about) }],
    },
  }),
  'dsse 0.0.2': (about) => ({
    apiVersion: '0.0.2',
    kind: 'dsse',
    spec: {
      dsseV002: {
        payloadHash: { algorithm: 'SHA2_256', digest: createHash('sha256').update(about.payload).digest('base64') },
        signatures: [{ content: base64(about.signature), verifier: verifier(about) }],
      },
    },
  }),
  'intoto 0.0.2': (about) => ({
    apiVersion: '0.0.2',
    kind: 'intoto',
    spec: {
      content: {
        envelope: {
          payloadType: PAYLOAD_TYPE,
          signatures: [{ publicKey: pem(about), sig: base64(Buffer.from(base64(about.signature))) }],
        },
        payloadHash: { algorithm: 'sha256', value: createHash('sha256').update(about.payload).digest('hex') },
      },
    },
  }),
  'hashedrekord 0.0.1': (about) => ({
    apiVersion: '0.0.1',
    kind: 'hashedrekord',
    spec: {
      data: { hash: { algorithm: 'sha256', value: paeDigest('sha256', about).toString('hex') } },
      signature: { content: base64(about.signature), publicKey: { content: pem(about) } },
    },
  }),
  'hashedrekord 0.0.2': (about) => hashedRecord(about, 'sha256'),
};

/** A record of Rekor v2 over another digest than SHA-256. */
export function hashedRecord(about: Logged, hash: 'sha256' | 'sha384' | 'sha512'): JsonObject {
  return {
    apiVersion: '0.0.2',
    kind: 'hashedrekord',
    spec: {
      hashedRekordV002: {
        data: { algorithm: hash.replace('sha', 'SHA2_'), digest: paeDigest(hash, about).toString('base64') },
        signature: { content: base64(about.signature), verifier: verifier(about) },
      },
    },
  };
}

function paeDigest(hash: string, { payload }: Logged): Buffer {
  return createHash(hash).update(preAuthEncoding(PAYLOAD_TYPE, payload)).digest();
}

/** An object with another value at a path such as `inclusionProof.checkpoint`; undefined takes the field away. */
export function withField(object: JsonObject, path: string, value: JsonObject[string] | undefined): JsonObject {
  const [name = '', ...rest] = path.split('.');
  const inner = object[name];
  const next = rest.length === 0 ? value : withField(isJsonObject(inner) ? inner : {}, rest.join('.'), value);
  const fields = Object.entries(object).filter(([key]) => key !== name);
  return Object.fromEntries(next === undefined ? fields : [...fields, [name, next]]);
}

/** The body of an entry, parsed. */
export function bodyOf(entry: JsonObject): JsonObject {
  const body = parseJson(Buffer.from(String(entry.canonicalizedBody), 'base64'), 'body');
  return isJsonObject(body) ? body : {};
}
