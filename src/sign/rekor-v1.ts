import { createHash } from 'node:crypto';
import { Decoder, decodeUtf8, type JsonValue, sha256Hex } from '../core/index.ts';
import type { Bundle, Envelope } from '../formats/index.ts';
import {
  decodeCount,
  decodeField,
  decodeHashes,
  encode,
  isBase64Of,
  type LogEntry,
  malformedEntry,
  parseBody,
  wrongEntry,
} from './log-entry.ts';
import type { LoggedKey } from './logged-key.ts';

/** What is sent to Rekor v1, and what its entry must say. */
export interface DsseProposal {
  readonly request: string;
  /** The envelope as it is sent: its digest is in the entry. */
  readonly envelope: string;
}

/** An entry of type `dsse` 0.0.1 for an envelope, with the certificate or public key that verifies it as PEM. */
export function proposeDsse({ payload, payloadType, signature }: Envelope, key: LoggedKey): DsseProposal {
  const envelope = JSON.stringify({ payload: encode(payload), payloadType, signatures: [{ sig: encode(signature) }] });
  const proposedContent = { envelope, verifiers: [encode(Buffer.from(key.pem))] };
  return { request: JSON.stringify({ apiVersion: '0.0.1', kind: 'dsse', spec: { proposedContent } }), envelope };
}

/**
 * The entry in an answer of Rekor v1: one field, named by the entry's id.
 *
 * @throws MlsignError `log-entry-malformed`
 */
export function readLogEntryV1(answer: JsonValue, where: string): LogEntry {
  const decoder = new Decoder();
  const top = decoder.object(answer, '');
  const [id = '', ...others] = top.keys();
  if (others.length > 0) throw malformedEntry(where, 'the answer holds several');
  const fields = top.object(id);
  const verification = fields.object('verification');
  const proof = verification.object('inclusionProof');
  const entry: LogEntry = {
    index: decodeCount(decoder, fields, 'logIndex'),
    logId: decodeField(decoder, fields, 'logID', 'hex'),
    kind: 'dsse',
    version: '0.0.1',
    body: decodeField(decoder, fields, 'body'),
    promise: {
      time: decodeCount(decoder, fields, 'integratedTime'),
      signature: decodeField(decoder, verification, 'signedEntryTimestamp'),
    },
    proof: {
      index: decodeCount(decoder, proof, 'logIndex'),
      size: decodeCount(decoder, proof, 'treeSize'),
      root: decodeField(decoder, proof, 'rootHash', 'hex'),
      hashes: decodeHashes(decoder, proof, 'hex'),
      checkpoint: proof.string('checkpoint'),
    },
  };
  if (fields.present && entry.logId.length !== 32) decoder.problem(fields.at('logID'), '32 bytes in hex', fields.raw('logID'));
  if (fields.present && entry.promise?.time === 0n) decoder.problem(fields.at('integratedTime'), 'a time', fields.raw('integratedTime'));
  decoder.finish('log-entry-malformed', 'entry of the transparency log', where);
  return entry;
}

/**
 * Checks that an entry is for this envelope, this signature and this key.
 *
 * @throws MlsignError `log-entry-wrong`, `log-entry-malformed`
 */
export function checkDsseBody(body: Uint8Array, bundle: Bundle, key: LoggedKey, proposal: DsseProposal, where: string): void {
  const decoder = new Decoder();
  const top = decoder.object(parseBody(body, where), 'body');
  top.oneOf('kind', ['dsse']);
  top.oneOf('apiVersion', ['0.0.1']);
  const spec = top.object('spec');
  const digest = (name: string): string => {
    const hash = spec.object(name);
    hash.oneOf('algorithm', ['sha256']);
    return hash.string('value');
  };
  const payloadHash = digest('payloadHash');
  const envelopeHash = digest('envelopeHash');
  const signature = decoder.object(spec.array('signatures', 1, 1)[0], spec.at('signatures[0]'));
  const sent = signature.raw('signature');
  const verifier = decodeUtf8(decodeField(decoder, signature, 'verifier')) ?? '';
  decoder.finish('log-entry-malformed', 'entry of the transparency log', where);
  const { envelope } = bundle;
  if (payloadHash !== createHash('sha256').update(envelope.payload).digest('hex')) throw wrongEntry(where, 'payload');
  if (envelopeHash !== sha256Hex(proposal.envelope)) throw wrongEntry(where, 'envelope');
  if (!isBase64Of(sent, envelope.signature)) throw wrongEntry(where, 'signature');
  if (!isPemOf(verifier, key)) throw wrongEntry(where, 'key');
}

/** Rekor writes PEM anew: what counts is in it. */
function isPemOf(pem: string, { der, pem: own }: LoggedKey): boolean {
  const label = own.slice(0, own.indexOf('\n'));
  return pem.startsWith(label) && pem.replace(/-----[A-Z ]+-----|\s/g, '') === encode(der);
}
