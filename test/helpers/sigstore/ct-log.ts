import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { readDer } from '../../../src/formats/index.ts';
import { octets } from '../der.ts';

/** The extension that holds signed certificate timestamps (RFC 6962 §3.3). */
export const SCT_LIST = '1.3.6.1.4.1.11129.2.4.2';

/** A certificate transparency log that signs what it is given; it keeps no tree, since nobody asks for proofs. */
export class CtLog {
  readonly #key = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  readonly publicKey = this.#key.publicKey.export({ type: 'spki', format: 'der' });
  readonly id = createHash('sha256').update(this.publicKey).digest();

  /** The value of the SCT extension for a certificate that has none yet, issued by a key. */
  certify(certificate: Uint8Array, issuerKey: Uint8Array, at: Date): Buffer {
    const tbs = readDer(certificate).items[0]?.bytes ?? new Uint8Array();
    const sct = Buffer.concat([Buffer.of(0), this.id, milliseconds(at), uint(2, 0), this.promise(tbs, issuerKey, at)]);
    return octets(Buffer.concat([uint(2, sct.length + 2), uint(2, sct.length), sct]));
  }

  /** What the log signs for the body of a certificate that has no SCT yet: RFC 6962 §3.2, as RFC 5246 §4.7 writes signatures. */
  promise(tbs: Uint8Array, issuerKey: Uint8Array, at: Date): Buffer {
    // v1, certificate_timestamp, time, precert_entry, issuer key hash, certificate, no extensions.
    const signed = Buffer.concat([
      Buffer.of(0, 0),
      milliseconds(at),
      Buffer.of(0, 1),
      createHash('sha256').update(issuerKey).digest(),
      uint(3, tbs.length),
      tbs,
      uint(2, 0),
    ]);
    const signature = sign('sha256', signed, this.#key.privateKey);
    // sha256(4), ecdsa(3).
    return Buffer.concat([Buffer.of(4, 3), uint(2, signature.length), signature]);
  }
}

function milliseconds(at: Date): Buffer {
  const time = Buffer.alloc(8);
  time.writeBigUInt64BE(BigInt(at.getTime()));
  return time;
}

function uint(length: number, value: number): Buffer {
  const buffer = Buffer.alloc(length);
  buffer.writeUIntBE(value, 0, length);
  return buffer;
}
