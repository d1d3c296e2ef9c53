import { Decoder, decodeBase64, type Fields, isJsonObject, type JsonObject, parseJson, refused } from '../core/index.ts';
import { type Envelope, PAYLOAD_TYPE } from './dsse.ts';
import { BUNDLE_LIMITS, MAX_BUNDLE_BYTES } from './limits.ts';

/** The media type of the bundles that mlsign writes. */
export const BUNDLE_MEDIA_TYPE = 'application/vnd.dev.sigstore.bundle.v0.3+json';

const MEDIA_TYPES = [
  BUNDLE_MEDIA_TYPE,
  'application/vnd.dev.sigstore.bundle+json;version=0.3',
  'application/vnd.dev.sigstore.bundle+json;version=0.2',
  'application/vnd.dev.sigstore.bundle+json;version=0.1',
] as const;

/** More than any honest bundle has of certificates, log entries or timestamps. */
const MAX_ENTRIES = 64;

/** What a bundle says about its signer (OMS §4.1). It selects among trusted keys and is never itself trusted. */
export type VerificationMaterial =
  | {
      readonly kind: 'key';
      /** Hex SHA-256 of the key's PEM, in bundles of v1.1.0 and later. */
      readonly hint?: string | undefined;
      /** The key that bundles before v1.1.0 carry: the bytes of its PEM. */
      readonly embeddedKey?: Uint8Array | undefined;
    }
  /** DER certificates, the leaf first. */
  | { readonly kind: 'certificate'; readonly chain: readonly Uint8Array[] }
  /** The DER certificate that Fulcio issued. */
  | { readonly kind: 'sigstore'; readonly certificate: Uint8Array };

/** A Sigstore bundle around a DSSE envelope with exactly one signature. */
export interface Bundle {
  readonly mediaType: string;
  readonly material: VerificationMaterial;
  /** Transparency log entries as they stand. */
  readonly tlogEntries: readonly JsonObject[];
  /** RFC 3161 timestamp tokens, DER. */
  readonly timestamps: readonly Uint8Array[];
  readonly envelope: Envelope;
}

/**
 * Reads a Sigstore bundle (v0.1 to v0.3) that holds a DSSE envelope. Nothing in it is verified.
 *
 * @param where names the bundle in errors
 * @throws MlsignError `bundle-malformed` with every bad field, and what `parseJson` throws
 */
export function parseBundle(bytes: Uint8Array, where: string): Bundle {
  const decoder = new Decoder();
  const top = decoder.object(parseJson(bytes, where, BUNDLE_LIMITS), '');
  const mediaType = top.oneOf('mediaType', MEDIA_TYPES);
  const material = top.object('verificationMaterial');
  const bundle: Bundle = {
    mediaType,
    material: parseMaterial(decoder, material),
    tlogEntries: optionalArray(material, 'tlogEntries').flatMap((entry, i) => {
      if (isJsonObject(entry)) return [entry];
      decoder.problem(`${material.at('tlogEntries')}[${i}]`, 'an object', entry);
      return [];
    }),
    timestamps: parseTimestamps(decoder, material),
    envelope: parseEnvelope(decoder, top.object('dsseEnvelope')),
  };
  top.done();
  decoder.finish('bundle-malformed', 'bundle', where);
  return bundle;
}

function parseEnvelope(decoder: Decoder, fields: Fields): Envelope {
  const payloadType = fields.oneOf('payloadType', [PAYLOAD_TYPE]);
  const payload = base64(decoder, fields, 'payload');
  const [only] = fields.array('signatures', 1, 1);
  fields.done();
  if (only === undefined) return { payloadType, payload, signature: new Uint8Array() };
  const entry = decoder.object(only, fields.at('signatures[0]'));
  const signature = base64(decoder, entry, 'sig');
  // OMS §4.1: absent, empty or null, and never used; DSSE allows any string.
  const keyid = entry.raw('keyid');
  if (keyid !== undefined && keyid !== null && typeof keyid !== 'string') decoder.problem(entry.at('keyid'), 'a string', keyid);
  entry.done();
  return { payloadType, payload, signature };
}

function parseMaterial(decoder: Decoder, fields: Fields): VerificationMaterial {
  const kinds = ['publicKey', 'x509CertificateChain', 'certificate'].filter((name) => fields.has(name));
  if (fields.present && kinds.length !== 1) {
    const got = kinds.length === 0 ? undefined : kinds.join(' and ');
    decoder.problem(fields.path, 'exactly one of publicKey, x509CertificateChain and certificate', got);
  }
  switch (kinds[0]) {
    case 'publicKey':
      return parsePublicKey(decoder, fields.object('publicKey'));
    case 'certificate':
      return { kind: 'sigstore', certificate: base64(decoder, fields.object('certificate'), 'rawBytes') };
    default: {
      const chain = kinds.length === 0 ? [] : fields.object('x509CertificateChain').array('certificates', 1, MAX_ENTRIES);
      const path = fields.at('x509CertificateChain.certificates');
      return { kind: 'certificate', chain: chain.map((entry, i) => base64(decoder, decoder.object(entry, `${path}[${i}]`), 'rawBytes')) };
    }
  }
}

function parsePublicKey(decoder: Decoder, fields: Fields): VerificationMaterial {
  const hint = fields.has('hint') ? fields.string('hint') : undefined;
  const embeddedKey = fields.has('rawBytes') ? base64(decoder, fields, 'rawBytes') : undefined;
  if (fields.present && hint === undefined && embeddedKey === undefined) decoder.problem(fields.path, 'a hint or rawBytes', undefined);
  return { kind: 'key', hint, embeddedKey };
}

function parseTimestamps(decoder: Decoder, material: Fields): readonly Uint8Array[] {
  // Protobuf's JSON may say null for what is absent; early npm bundles do.
  if ((material.raw('timestampVerificationData') ?? null) === null) return [];
  const data = material.object('timestampVerificationData');
  return optionalArray(data, 'rfc3161Timestamps').map((entry, i) =>
    base64(decoder, decoder.object(entry, data.at(`rfc3161Timestamps[${i}]`)), 'signedTimestamp'),
  );
}

function optionalArray(fields: Fields, name: string): ReturnType<Fields['array']> {
  return fields.has(name) ? fields.array(name, 0, MAX_ENTRIES) : [];
}

function base64(decoder: Decoder, fields: Fields, name: string): Uint8Array {
  const bytes = fields.present ? decodeBase64(fields.string(name)) : undefined;
  if (fields.present && bytes === undefined) decoder.problem(fields.at(name), 'canonical base64', fields.raw(name));
  return bytes ?? new Uint8Array();
}

/**
 * Writes a bundle as JSON on one line.
 *
 * @throws MlsignError `bundle-too-large` where no mlsign would read it again
 */
export function serializeBundle(bundle: Bundle): string {
  const { mediaType, material, tlogEntries, timestamps, envelope } = bundle;
  const document = {
    mediaType,
    verificationMaterial: {
      ...serializeMaterial(material),
      ...(tlogEntries.length > 0 || material.kind === 'sigstore' ? { tlogEntries } : {}),
      ...(timestamps.length > 0
        ? { timestampVerificationData: { rfc3161Timestamps: timestamps.map((token) => ({ signedTimestamp: encode(token) })) } }
        : {}),
    },
    dsseEnvelope: {
      payload: encode(envelope.payload),
      payloadType: envelope.payloadType,
      signatures: [{ sig: encode(envelope.signature) }],
    },
  };
  const text = `${JSON.stringify(document)}\n`;
  // Base64 and log entries are ASCII: one byte a character.
  if (text.length > MAX_BUNDLE_BYTES) {
    throw refused('bundle-too-large', 'the model has more files or shards than a bundle may hold', {
      expected: `a bundle of at most ${MAX_BUNDLE_BYTES} bytes`,
      got: `${text.length} bytes`,
      suggestions: ['use larger shards', 'pack small files together, or sign parts of the model separately'],
    });
  }
  return text;
}

function serializeMaterial(material: VerificationMaterial): object {
  switch (material.kind) {
    case 'key':
      return {
        publicKey: {
          ...(material.hint === undefined ? {} : { hint: material.hint }),
          ...(material.embeddedKey === undefined ? {} : { rawBytes: encode(material.embeddedKey) }),
        },
      };
    case 'certificate':
      return { x509CertificateChain: { certificates: material.chain.map((der) => ({ rawBytes: encode(der) })) } };
    case 'sigstore':
      return { certificate: { rawBytes: encode(material.certificate) } };
  }
}

function encode(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}
