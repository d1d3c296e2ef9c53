/** The payload type of every envelope that mlsign writes or reads: an in-toto statement. */
export const PAYLOAD_TYPE = 'application/vnd.in-toto+json';

/** A DSSE envelope with its one signature, decoded. */
export interface Envelope {
  readonly payloadType: string;
  /** The payload's own bytes; what is signed is {@link preAuthEncoding} of them. */
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
}

/** The bytes that a DSSE signature covers: PAE of DSSE v1, `DSSEv1 <length> <type> <length> <payload>`. */
export function preAuthEncoding(payloadType: string, payload: Uint8Array): Uint8Array {
  const header = `DSSEv1 ${Buffer.byteLength(payloadType)} ${payloadType} ${payload.length} `;
  return Buffer.concat([Buffer.from(header), payload]);
}
