import type { Finding } from '../core/index.ts';
import type { PathCertificate } from './path-certificate.ts';

/** What a rejection says besides its message. */
export interface FindingDetails {
  readonly expected?: string;
  readonly got?: string;
  readonly suggestion?: string;
}

/** A certificate for people: its subject, or its serial number where it has none. */
export function nameOf({ info }: PathCertificate): string {
  if (info.subject === '') return `serial ${info.serial}`;
  return info.subject.length > 200 ? `${info.subject.slice(0, 199)}…` : info.subject;
}

/** A rejection that names the certificate: `the certificate of CN=leaf …`. */
export function rejectCertificate(certificate: PathCertificate, code: string, what: string, details: FindingDetails = {}): Finding {
  const name = nameOf(certificate);
  return { code, severity: 'rejected', message: `the certificate of ${name} ${what}`, subject: name, ...details };
}
