import { createHash, randomBytes } from 'node:crypto';
import { refused } from '../core/index.ts';
import { certificateInfo } from '../formats/index.ts';
import { leafCertificate } from './leaf.ts';
import { callService, type ServiceCall, type ServiceOptions, wrongContent } from './service.ts';
import type { Signer } from './signer.ts';
import { readTimestamp, timestampRequest } from './timestamp-token.ts';
import type { Witness } from './witness.ts';

/** Which timestamp authority is asked. */
export interface TimestampWitnessOptions extends ServiceOptions {
  /** The full URL, as RFC 3161 §3.4 uses it. */
  readonly url: string;
}

const QUERY = 'application/timestamp-query';
const REPLY = 'application/timestamp-reply';

/**
 * A witness that tells when a signature was there: an RFC 3161 timestamp over it (SHA-256, with nonce).
 *
 * @throws MlsignError when testifying: `timestamp-refused`, `timestamp-wrong`, `timestamp-malformed`,
 *   `timestamp-outside-certificate`, `service-unavailable`, `service-response-malformed`, `interrupted`
 */
export function timestampWitness(options: TimestampWitnessOptions): Witness {
  const { url } = options;
  const name = `the timestamp authority ${new URL(url).host}`;
  return {
    name,
    accepts: () => undefined,
    async testify(bundle, signer, signal) {
      const imprint = createHash('sha256').update(bundle.envelope.signature).digest();
      const nonce = randomBytes(8);
      // A positive INTEGER of eight bytes has its first bit clear; the next one set keeps it that long.
      nonce[0] = ((nonce[0] ?? 0) & 0x3f) | 0x40;
      const call: ServiceCall = {
        service: name,
        url,
        method: 'POST',
        headers: { 'content-type': QUERY, accept: REPLY },
        body: timestampRequest(imprint, nonce),
        timeoutMs: 30_000,
        refusedCode: 'timestamp-refused',
        signal,
      };
      const { body, headers } = await callService(call, options);
      const type = (headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase();
      if (type !== REPLY) throw wrongContent(call, `something that is not ${REPLY}`);
      const time = readTimestamp(body, { imprint, nonce, where: url });
      checkCertificate(signer, time, url);
      return { ...bundle, timestamps: [...bundle.timestamps, body] };
    },
  };
}

/** A certificate is judged at the time of the timestamp: outside its validity no verifier could accept the signature. */
function checkCertificate({ material }: Signer, time: Date, where: string): void {
  const leaf = leafCertificate(material);
  if (leaf === undefined) return;
  const { notBefore, notAfter } = certificateInfo(leaf);
  if (notBefore <= time && time <= notAfter) return;
  throw refused('timestamp-outside-certificate', 'the timestamp lies outside the validity of the signer’s certificate', {
    subject: where,
    expected: `from ${notBefore.toISOString()} to ${notAfter.toISOString()}`,
    got: time.toISOString(),
    suggestions: ['compare the clocks of the authorities; sign again'],
  });
}
