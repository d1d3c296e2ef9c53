import { type KeyObject, X509Certificate } from 'node:crypto';
import { refused } from '../core/index.ts';
import { type CertificateInfo, certificateInfo, parseCertificates, sameKey } from '../formats/index.ts';
import type { Signer } from './signer.ts';

/** A PEM file and its name in errors. */
export interface NamedPem {
  readonly pem: Uint8Array | string;
  readonly where: string;
}

/** The certificates of a signer. */
export interface CertificateOptions {
  /** The signer's own certificate; issuers may follow it in the same file. */
  readonly certificate: NamedPem;
  /** The certificates of its issuers, leaf to root. The root may be among them or left out. */
  readonly chain?: readonly NamedPem[] | undefined;
  /** The present time: nobody could verify what an expired certificate signs. */
  readonly now: Date;
}

/**
 * A signer that shows a certificate chain instead of a bare key (OMS §4.1, method `certificate`). The chain goes into the
 * bundle as it is given, leaf first, the root included only where it was given.
 *
 * @throws MlsignError `certificate-key-mismatch`, `certificate-chain-order`, `certificate-expired`, `certificate-not-yet-valid`,
 *   `certificate-malformed`, `pem-malformed`
 */
export function certificateSigner(signer: Signer, options: CertificateOptions): Signer {
  const { certificate, chain = [], now } = options;
  const given = [certificate, ...chain].flatMap(({ pem, where }) => parseCertificates(pem, where).map((der) => readLink(der, where)));
  // A root that is its own leaf is commonly given twice, as --cert and as --chain.
  const links = given.filter((link, index) => given.findIndex(({ info }) => info.fingerprint === link.info.fingerprint) === index);
  const [leaf] = links;
  if (leaf?.key === undefined || !sameKey(leaf.key, signer.publicKey)) {
    throw refused('certificate-key-mismatch', 'the certificate is for another key than the one that signs', {
      subject: certificate.where,
      expected: `a certificate for ${signer.description}`,
      got: leaf?.info.subject,
      suggestions: ['the first certificate of --cert must be that of --key'],
    });
  }
  checkValidity(leaf, now);
  for (const [index, link] of links.entries()) {
    const issuer = links[index + 1];
    if (issuer === undefined || isIssuedBy(link, issuer)) continue;
    throw refused('certificate-chain-order', 'the certificate chain must run from the leaf to the root, each one issued by the next', {
      subject: issuer.where,
      expected: `the issuer of ${link.info.subject}: ${link.info.issuer}`,
      got: issuer.info.subject,
    });
  }
  return {
    ...signer,
    material: { kind: 'certificate', chain: links.map(({ der }) => der) },
    description: `${signer.description}, certificate ${leaf.info.subject}`,
  };
}

/** One certificate of a chain, read. */
interface Link {
  readonly der: Uint8Array;
  readonly where: string;
  readonly info: CertificateInfo;
  readonly x509: X509Certificate;
  /** Undefined where node:crypto knows no such key. */
  readonly key: KeyObject | undefined;
}

function readLink(der: Uint8Array, where: string): Link {
  const x509 = new X509Certificate(der);
  return { der, where, info: certificateInfo(der, where), x509, key: keyOf(x509) };
}

function keyOf(x509: X509Certificate): KeyObject | undefined {
  try {
    return x509.publicKey;
  } catch {
    return undefined;
  }
}

function isIssuedBy({ x509 }: Link, issuer: Link): boolean {
  return issuer.key !== undefined && x509.checkIssued(issuer.x509) && x509.verify(issuer.key);
}

function checkValidity({ info, where }: Link, now: Date): void {
  const early = now < info.notBefore;
  if (!early && now <= info.notAfter) return;
  const [code, message] = early
    ? ['certificate-not-yet-valid', 'the certificate is not valid yet']
    : ['certificate-expired', 'the certificate has expired'];
  throw refused(code, message, {
    subject: where,
    expected: `a certificate that is valid at ${now.toISOString()}`,
    got: `valid from ${info.notBefore.toISOString()} to ${info.notAfter.toISOString()}`,
  });
}
