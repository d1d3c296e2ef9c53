import { refused } from '../core/index.ts';
import { DerError, objectIdentifier, readDer, sequenceItems, TAG } from './der.ts';

/** Extensions of Fulcio certificates: who vouched for the identity, and the proof that the certificate was published. */
export const FULCIO_ISSUER_V1 = '1.3.6.1.4.1.57264.1.1';
export const FULCIO_ISSUER_V2 = '1.3.6.1.4.1.57264.1.8';
export const SIGNED_CERTIFICATE_TIMESTAMPS = '1.3.6.1.4.1.11129.2.4.2';

/**
 * The extensions of a certificate (RFC 5280 §4.2), by object identifier: what the OCTET STRING of each holds.
 *
 * @param where names the certificate in errors
 * @throws MlsignError `certificate-malformed`
 */
export function certificateExtensions(der: Uint8Array, where: string): ReadonlyMap<string, Uint8Array> {
  try {
    const [body] = sequenceItems(readDer(der), 3, 3);
    const wrapped = body?.items.find(({ tag }) => tag === 0xa3)?.items[0];
    const extensions = new Map<string, Uint8Array>();
    for (const extension of wrapped === undefined ? [] : sequenceItems(wrapped)) {
      const items = sequenceItems(extension, 2, 3);
      const [id] = items;
      const value = items.at(-1);
      if (id === undefined || value?.tag !== TAG.octetString) throw new DerError('an extension has no value');
      const name = objectIdentifier(id);
      if (extensions.has(name)) throw new DerError('an extension stands twice');
      extensions.set(name, value.content);
    }
    return extensions;
  } catch (cause) {
    if (!(cause instanceof DerError)) throw cause;
    throw refused('certificate-malformed', `the certificate cannot be read: ${cause.message}`, {
      subject: where,
      expected: 'an X.509 certificate',
    });
  }
}

/** The identity provider that a Fulcio certificate names: the newer extension is a DER UTF8String, the older one bare text. */
export function fulcioIssuer(extensions: ReadonlyMap<string, Uint8Array>): string | undefined {
  const encoded = extensions.get(FULCIO_ISSUER_V2);
  if (encoded !== undefined) return utf8String(encoded);
  const bare = extensions.get(FULCIO_ISSUER_V1);
  return bare === undefined ? undefined : Buffer.from(bare).toString('utf8');
}

function utf8String(der: Uint8Array): string | undefined {
  try {
    const { tag, content } = readDer(der);
    return tag === 0x0c ? Buffer.from(content).toString('utf8') : undefined;
  } catch {
    return undefined;
  }
}
