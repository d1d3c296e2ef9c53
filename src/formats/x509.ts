import { X509Certificate } from 'node:crypto';
import { refused, sha256Hex } from '../core/index.ts';

/** What a certificate says about itself. Nothing here is verified. */
export interface CertificateInfo {
  /** RFC 4514: the last part first, special and control characters escaped. Empty where the certificate names no subject. */
  readonly subject: string;
  readonly issuer: string;
  /** Hex, lower-case. */
  readonly serial: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** SHA-256 of the DER, lower-case hex. */
  readonly fingerprint: string;
  /** Each with its kind: `DNS:example.com`, `email:a@example.com`. */
  readonly alternativeNames: readonly string[];
}

/**
 * Reads what a certificate says, from DER or PEM.
 *
 * @param where names the file or bundle in the error
 * @throws MlsignError `certificate-malformed`
 */
export function certificateInfo(bytes: Uint8Array, where = 'certificate'): CertificateInfo {
  try {
    const certificate = new X509Certificate(bytes);
    return {
      subject: distinguishedName(certificate.subject),
      issuer: distinguishedName(certificate.issuer),
      serial: certificate.serialNumber.toLowerCase(),
      notBefore: date(certificate.validFrom),
      notAfter: date(certificate.validTo),
      fingerprint: sha256Hex(certificate.raw),
      alternativeNames: alternativeNames(certificate.subjectAltName ?? ''),
    };
  } catch (cause) {
    throw refused('certificate-malformed', 'the certificate cannot be read', {
      subject: where,
      expected: 'an X.509 certificate',
      suggestions: ['look at it with: openssl x509 -text'],
      cause,
    });
  }
}

/** node:crypto gives one RDN a line, first one first, escaped as RFC 2253 says; RFC 4514 §2.1 begins with the last one. */
function distinguishedName(lines: string | undefined): string {
  const names = (lines ?? '').split('\n').map((line) => line.replaceAll(' + ', '+'));
  return escapeInvisible(names.reverse().join(','));
}

/** Control and format characters as `\XX` of their UTF-8 (RFC 4514 §2.4), so that a name can neither move a cursor nor reorder text. */
function escapeInvisible(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) =>
    Buffer.from(character)
      .toString('hex')
      .replace(/../g, (byte) => `\\${byte.toUpperCase()}`),
  );
}

/** Values that hold a comma or a quote are JSON strings in node:crypto's list. */
function alternativeNames(list: string): readonly string[] {
  const names = list.match(/(?:[^,"]|"(?:[^"\\]|\\.)*")+/g) ?? [];
  return names.map((name) => escapeInvisible(name.trim().replace(/"(?:[^"\\]|\\.)*"/g, (quoted) => String(JSON.parse(quoted)))));
}

function date(text: string): Date {
  const value = new Date(text);
  if (Number.isNaN(value.getTime())) throw new RangeError(`not a date: ${text}`);
  return value;
}
