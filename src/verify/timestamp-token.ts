import { DerError, type DerValue, objectIdentifier, readDer, sequenceItems, smallInteger, TAG, timeOf } from '../formats/index.ts';
import { EvidenceError } from './evidence.ts';

/** A hash that timestamps may use, as node:crypto names it. */
export type TimestampHash = 'sha256' | 'sha384' | 'sha512';

/** An RFC 3161 timestamp token, read; nothing of it is verified. */
export interface TimestampToken {
  readonly time: Date;
  /** What was timestamped. */
  readonly imprint: { readonly algorithm: TimestampHash | undefined; readonly digest: Uint8Array };
  /** The TSTInfo as encoded. */
  readonly content: Uint8Array;
  readonly digestAlgorithm: TimestampHash | undefined;
  /** The DER that the signature covers. */
  readonly signedAttributes: Uint8Array;
  /** The values of each signed attribute, by object identifier. */
  readonly attributes: ReadonlyMap<string, readonly DerValue[]>;
  readonly signatureAlgorithm: DerValue;
  readonly signature: Uint8Array;
  /** The certificates that the token brings, DER. They give no trust. */
  readonly certificates: readonly Uint8Array[];
}

const SIGNED_DATA = '1.2.840.113549.1.7.2';
const TST_INFO = '1.2.840.113549.1.9.16.1.4';

const HASHES: Readonly<Record<string, TimestampHash>> = {
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
};

/**
 * Reads a TimeStampResp with its token: CMS SignedData by one signer over a TSTInfo (RFC 3161 §2.4.2, RFC 5652 §5), in DER.
 *
 * @throws DerError; EvidenceError `timestamp-malformed`
 */
export function readTimestamp(response: Uint8Array): TimestampToken {
  const [status, token] = sequenceItems(readDer(response), 1, 2);
  const code = status === undefined ? -1 : smallInteger(item(sequenceItems(status), 0));
  // granted, grantedWithMods
  if (code > 1 || token === undefined) throw malformed('it is a refusal');
  const contentInfo = sequenceItems(token, 2, 2);
  if (objectIdentifier(item(contentInfo, 0)) !== SIGNED_DATA) throw malformed('it is not signed data');
  const [, , encapsulated, ...rest] = sequenceItems(inside(contentInfo[1], 0xa0), 4, 6);
  const content = readContent(encapsulated);
  const signers = rest.at(-1);
  const [signer, another] = signers?.tag === TAG.set ? signers.items : [];
  if (signer === undefined || another !== undefined) throw malformed('it has no signer or several');
  const certificates = rest.find(({ tag }) => tag === 0xa0)?.items ?? [];
  return { ...readInfo(content), content, ...readSigner(signer), certificates: certificates.map(({ bytes }) => bytes) };
}

/** The hash that an AlgorithmIdentifier names; undefined for any that is not accepted. */
export function hashOf(algorithm: DerValue | undefined): TimestampHash | undefined {
  const [id] = algorithm === undefined ? [] : sequenceItems(algorithm, 1, 2);
  return id === undefined ? undefined : HASHES[objectIdentifier(id)];
}

function readContent(encapsulated: DerValue | undefined): Uint8Array {
  const [type, content] = encapsulated === undefined ? [] : sequenceItems(encapsulated, 2, 2);
  if (type === undefined || objectIdentifier(type) !== TST_INFO) throw malformed('it signs something else than a timestamp');
  const octets = inside(content, 0xa0);
  if (octets.tag !== TAG.octetString) throw malformed('its content is not an octet string');
  return octets.content;
}

function readInfo(content: Uint8Array): Pick<TimestampToken, 'time' | 'imprint'> {
  const [version, , imprint, , time, ...rest] = sequenceItems(readDer(content, { fractions: true }), 5, 10);
  if (version === undefined || smallInteger(version) !== 1) throw malformed('it is of another version');
  const [algorithm, digest] = imprint === undefined ? [] : sequenceItems(imprint, 2, 2);
  if (time?.tag !== TAG.generalizedTime || digest?.tag !== TAG.octetString)
    throw malformed('it names no time, or nothing that existed then');
  const extensions = rest.find(({ tag }) => tag === 0xa1)?.items ?? [];
  if (extensions.some(({ items }) => items[1]?.tag === TAG.boolean && items[1].content[0] === 0xff)) {
    throw malformed('it has a critical extension');
  }
  return { time: timeOf(time), imprint: { algorithm: hashOf(algorithm), digest: digest.content } };
}

type SignerFields = Pick<TimestampToken, 'digestAlgorithm' | 'signedAttributes' | 'attributes' | 'signatureAlgorithm' | 'signature'>;

function readSigner(signer: DerValue): SignerFields {
  const [, , digest, signed, signatureAlgorithm, signature] = sequenceItems(signer, 6, 7);
  if (signed?.tag !== 0xa0 || signatureAlgorithm === undefined || signature?.tag !== TAG.octetString) {
    throw malformed('its signer has no signed attributes');
  }
  const attributes = new Map<string, readonly DerValue[]>();
  for (const attribute of signed.items) {
    const [type, values] = sequenceItems(attribute, 2, 2);
    const id = objectIdentifier(type ?? attribute);
    if (attributes.has(id) || values?.tag !== TAG.set) throw malformed('its signed attributes are malformed');
    attributes.set(id, values.items);
  }
  // RFC 5652 §5.4: what is signed has the tag of a SET, and not the implicit one.
  const signedAttributes = Buffer.concat([Buffer.of(TAG.set), signed.bytes.subarray(1)]);
  return { digestAlgorithm: hashOf(digest), signedAttributes, attributes, signatureAlgorithm, signature: signature.content };
}

function item(items: readonly DerValue[], index: number): DerValue {
  const value = items[index];
  if (value === undefined) throw new DerError('a sequence is too short');
  return value;
}

function inside(value: DerValue | undefined, tag: number): DerValue {
  if (value?.tag !== tag || value.items.length !== 1) throw malformed('a value has another tag');
  return item(value.items, 0);
}

function malformed(reason: string): EvidenceError {
  return new EvidenceError('timestamp-malformed', `the timestamp is malformed: ${reason}`);
}
