import { createHash, generateKeyPairSync, type KeyObject, sign, X509Certificate } from 'node:crypto';
import { json } from 'node:stream/consumers';
import { Certificate } from 'pkijs';
import { type LoopbackServer, listen, sendJson } from './http-server.ts';

/** A certificate transparency log that really signs its promises and keeps nothing. */
export interface CtLog extends LoopbackServer {
  readonly publicKey: KeyObject;
}

const POISON = '1.3.6.1.4.1.11129.2.4.3';

/** Starts a log that answers `add-pre-chain` (RFC 6962 §4.2), all that Fulcio asks of one. */
export async function startCtLog(): Promise<CtLog> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const id = sha256(publicKey.export({ type: 'spki', format: 'der' }));
  const server = await listen(async (request, response) => {
    if (request.method !== 'POST' || request.url !== '/ct/v1/add-pre-chain') {
      response.writeHead(404).end();
      return;
    }
    const [certificate, issuer] = chainOf(await json(request));
    const timestamp = Date.now();
    const signature = sign('sha256', signedPart(certificate, issuer, timestamp), privateKey);
    // RFC 5246 §4.7: sha256, ecdsa, the length of the signature.
    const signed = Buffer.concat([Buffer.of(4, 3, signature.length >> 8, signature.length & 0xff), signature]);
    sendJson(response, { sct_version: 0, id: id.toString('base64'), timestamp, extensions: '', signature: signed.toString('base64') });
  });
  return { ...server, publicKey };
}

function chainOf(body: unknown): readonly [certificate: Buffer, issuer: Buffer] {
  if (typeof body === 'object' && body !== null && 'chain' in body && Array.isArray(body.chain)) {
    const [certificate, issuer] = body.chain;
    if (typeof certificate === 'string' && typeof issuer === 'string')
      return [Buffer.from(certificate, 'base64'), Buffer.from(issuer, 'base64')];
  }
  throw new Error('a chain of a precertificate and its issuer was expected');
}

/** What the promise is over: RFC 6962 §3.2, a precertificate without its poison. */
function signedPart(precertificate: Uint8Array, issuer: Uint8Array, timestamp: number): Buffer {
  const certificate = Certificate.fromBER(precertificate);
  const extensions = certificate.extensions ?? [];
  certificate.extensions = extensions.filter(({ extnID }) => extnID !== POISON);
  if (certificate.extensions.length !== extensions.length - 1) throw new Error('a precertificate was expected');
  const tbs = Buffer.from(certificate.encodeTBS().toBER());
  const head = Buffer.alloc(12);
  head.writeBigUInt64BE(BigInt(timestamp), 2);
  head.writeUInt16BE(1, 10);
  const length = Buffer.alloc(3);
  length.writeUIntBE(tbs.length, 0, 3);
  const issuerKey = new X509Certificate(issuer).publicKey.export({ type: 'spki', format: 'der' });
  return Buffer.concat([head, sha256(issuerKey), length, tbs, Buffer.alloc(2)]);
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}
