import { X509Certificate } from 'node:crypto';
import { refused } from '../core/index.ts';
import { parseCertificates } from '../formats/index.ts';
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
  const given = [certificate, ...chain].flatMap(({ pem, where }) =>
    parseCertificates(pem, where).map((der) => ({ der, where, x509: new X509Certificate(der) })),
  );
  // A root that is its own leaf is commonly given twice, as --cert and as --chain.
  const links = given.filter(({ x509 }, index) => given.findIndex((other) => other.x509.fingerprint256 === x509.fingerprint256) === index);
  const [leaf] = links;
  if (leaf === undefined) throw refused('certificate-malformed', 'there is no certificate', { subject: certificate.where });
  if (!leaf.x509.publicKey.equals(signer.publicKey)) {
    throw refused('certificate-key-mismatch', 'the certificate is for another key than the one that signs', {
      subject: certificate.where,
      expected: `a certificate for ${signer.description}`,
      got: oneLine(leaf.x509.subject),
      suggestions: ['the first certificate of --cert must be that of --key'],
    });
  }
  checkValidity(leaf.x509, leaf.where, now);
  for (const [index, { x509 }] of links.entries()) {
    const issuer = links[index + 1];
    if (issuer !== undefined && !(x509.checkIssued(issuer.x509) && x509.verify(issuer.x509.publicKey))) {
      throw refused('certificate-chain-order', 'the certificate chain must run from the leaf to the root, each one issued by the next', {
        subject: issuer.where,
        expected: `the issuer of ${oneLine(x509.subject)}: ${oneLine(x509.issuer)}`,
        got: oneLine(issuer.x509.subject),
      });
    }
  }
  return {
    ...signer,
    material: { kind: 'certificate', chain: links.map(({ der }) => der) },
    description: `${signer.description}, certificate ${oneLine(leaf.x509.subject)}`,
  };
}

function checkValidity(x509: X509Certificate, where: string, now: Date): void {
  const early = now < x509.validFromDate;
  if (!early && now <= x509.validToDate) return;
  const [code, message] = early
    ? ['certificate-not-yet-valid', 'the certificate is not valid yet']
    : ['certificate-expired', 'the certificate has expired'];
  throw refused(code, message, {
    subject: where,
    expected: `a certificate that is valid at ${now.toISOString()}`,
    got: `valid from ${x509.validFromDate.toISOString()} to ${x509.validToDate.toISOString()}`,
  });
}

/** node:crypto writes one attribute of a name a line, with line ends inside values escaped. */
function oneLine(name: string | undefined): string {
  return (name ?? '').split('\n').join(', ');
}
