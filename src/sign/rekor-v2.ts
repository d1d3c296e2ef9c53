import { createHash, type KeyObject } from 'node:crypto';
import { Decoder, type JsonValue } from '../core/index.ts';
import { type Bundle, preAuthEncoding, type SchemeName } from '../formats/index.ts';
import { decodeCount, decodeField, decodeHashes, encode, isBase64Of, type LogEntry, parseBody, wrongEntry } from './log-entry.ts';
import type { LoggedKey } from './logged-key.ts';

/** An algorithm of Rekor v2: how Sigstore names it, and the digest that stands for what was signed. */
export interface LogAlgorithm {
  readonly keyDetails: string;
  readonly digest: 'sha256' | 'sha384' | 'sha512';
}

const REGISTRY_NAMES = { sha256: 'SHA2_256', sha384: 'SHA2_384', sha512: 'SHA2_512' } as const;

/** How Rekor v2 takes a key (rekor-tiles: `AllowedClientSigningAlgorithms`), or undefined where it does not. */
export function logAlgorithm(scheme: SchemeName, key: KeyObject): LogAlgorithm | undefined {
  switch (scheme) {
    case 'ecdsa-p256-sha256':
      return { keyDetails: 'PKIX_ECDSA_P256_SHA_256', digest: 'sha256' };
    case 'ecdsa-p384-sha384':
      return { keyDetails: 'PKIX_ECDSA_P384_SHA_384', digest: 'sha384' };
    case 'ecdsa-p521-sha512':
      return { keyDetails: 'PKIX_ECDSA_P521_SHA_512', digest: 'sha512' };
    case 'rsa-pkcs1-sha256': {
      const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
      return [2048, 3072, 4096].includes(bits) ? { keyDetails: `PKIX_RSA_PKCS1V15_${bits}_SHA256`, digest: 'sha256' } : undefined;
    }
    default:
      return undefined;
  }
}

/** What is sent to Rekor v2, and what its entry must say. */
export interface RecordProposal {
  readonly request: string;
  /** Of the pre-authentication encoding. */
  readonly digest: Uint8Array;
  readonly algorithm: LogAlgorithm;
}

/** A `hashedrekord` 0.0.2 over the digest of the pre-authentication encoding: the only form in which Rekor v2 takes an envelope. */
export function proposeRecord({ envelope }: Bundle, key: LoggedKey, algorithm: LogAlgorithm): RecordProposal {
  const digest = createHash(algorithm.digest).update(preAuthEncoding(envelope.payloadType, envelope.payload)).digest();
  const material = { rawBytes: encode(key.der) };
  const verifier = {
    ...(key.kind === 'certificate' ? { x509Certificate: material } : { publicKey: material }),
    keyDetails: algorithm.keyDetails,
  };
  const hashedRekordRequestV002 = { digest: encode(digest), signature: { content: encode(envelope.signature), verifier } };
  return { request: JSON.stringify({ hashedRekordRequestV002 }), digest, algorithm };
}

/**
 * The entry in an answer of Rekor v2. It has no time and no promise.
 *
 * @throws MlsignError `log-entry-malformed`
 */
export function readLogEntryV2(answer: JsonValue, where: string): LogEntry {
  const decoder = new Decoder();
  const fields = decoder.object(answer, '');
  const kind = fields.object('kindVersion');
  const proof = fields.object('inclusionProof');
  const entry: LogEntry = {
    // Protobuf's JSON may leave zeros out.
    index: fields.has('logIndex') ? decodeCount(decoder, fields, 'logIndex') : 0n,
    logId: decodeField(decoder, fields.object('logId'), 'keyId'),
    kind: kind.oneOf('kind', ['hashedrekord']),
    version: kind.oneOf('version', ['0.0.2']),
    body: decodeField(decoder, fields, 'canonicalizedBody'),
    proof: {
      index: proof.has('logIndex') ? decodeCount(decoder, proof, 'logIndex') : 0n,
      size: decodeCount(decoder, proof, 'treeSize'),
      root: decodeField(decoder, proof, 'rootHash'),
      hashes: decodeHashes(decoder, proof, 'base64'),
      checkpoint: proof.object('checkpoint').string('envelope'),
    },
  };
  decoder.finish('log-entry-malformed', 'entry of the transparency log', where);
  return entry;
}

/**
 * Checks that an entry is for this signature, this digest and this key.
 *
 * @throws MlsignError `log-entry-wrong`, `log-entry-malformed`
 */
export function checkRecordBody(body: Uint8Array, bundle: Bundle, key: LoggedKey, proposal: RecordProposal, where: string): void {
  const decoder = new Decoder();
  const top = decoder.object(parseBody(body, where), 'body');
  top.oneOf('kind', ['hashedrekord']);
  top.oneOf('apiVersion', ['0.0.2']);
  const record = top.object('spec').object('hashedRekordV002');
  const data = record.object('data');
  data.oneOf('algorithm', [REGISTRY_NAMES[proposal.algorithm.digest]]);
  const signature = record.object('signature');
  const verifier = signature.object('verifier');
  const name = key.kind === 'certificate' ? 'x509Certificate' : 'publicKey';
  const sentKey = verifier.object(name).raw('rawBytes');
  const keyDetails = verifier.string('keyDetails');
  decoder.finish('log-entry-malformed', 'entry of the transparency log', where);
  if (!isBase64Of(data.raw('digest'), proposal.digest)) throw wrongEntry(where, 'payload');
  if (!isBase64Of(signature.raw('content'), bundle.envelope.signature)) throw wrongEntry(where, 'signature');
  if (!isBase64Of(sentKey, key.der) || keyDetails !== proposal.algorithm.keyDetails) throw wrongEntry(where, 'key');
}
