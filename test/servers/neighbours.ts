import { X509Certificate } from 'node:crypto';
import { Certificate } from 'pkijs';
import {
  bytes,
  CtLog,
  expectKeys,
  expectRequest,
  json,
  OidcIssuer,
  StrictServer,
  type TokenKind,
  text,
} from '../helpers/sigstore/index.ts';

/** The kinds of identity that the issuer has tokens for. */
export const TOKEN_KINDS = ['email', 'github'] as const satisfies readonly TokenKind[];

/** A log that Fulcio can send its precertificates to. */
export interface CtLogServer {
  readonly url: string;
  /** SPKI, DER. */
  readonly publicKey: Buffer;
  close(): Promise<void>;
}

/** An issuer that Fulcio can discover. */
export interface IssuerServer {
  readonly url: string;
  issuerOf(kind: TokenKind): string;
  close(): Promise<void>;
}

const POISON = '1.3.6.1.4.1.11129.2.4.3';

/** Serves the CT log of the unit suite over `add-pre-chain` (RFC 6962 §4.2), all that Fulcio asks of one. */
export async function startCtLog(): Promise<CtLogServer> {
  const log = new CtLog();
  const server = await StrictServer.start('CT log');
  server.on('POST /ct/v1/add-pre-chain', (call) => {
    expectRequest(call, { 'content-type': 'application/json' });
    const { chain } = expectKeys(JSON.parse(call.body.toString()), ['chain'], 'request');
    const [precertificate, issuer] = Array.isArray(chain) ? chain.map((entry) => bytes(entry, 'chain')) : [];
    if (precertificate === undefined || issuer === undefined) throw new Error('a precertificate and its issuer were expected');
    const at = new Date();
    const issuerKey = new X509Certificate(issuer).publicKey.export({ type: 'spki', format: 'der' });
    const signature = log.promise(withoutPoison(precertificate), issuerKey, at).toString('base64');
    return json(200, { sct_version: 0, id: log.id.toString('base64'), timestamp: at.getTime(), extensions: '', signature });
  });
  return { url: server.url, publicKey: log.publicKey, close: () => server.close() };
}

/** The body of a precertificate as the certificate will have it: RFC 6962 §3.2. */
function withoutPoison(precertificate: Uint8Array): Buffer {
  const certificate = Certificate.fromBER(precertificate);
  const extensions = certificate.extensions ?? [];
  certificate.extensions = extensions.filter(({ extnID }) => extnID !== POISON);
  if (certificate.extensions.length !== extensions.length - 1) throw new Error('a precertificate was expected');
  return Buffer.from(certificate.encodeTBS().toBER());
}

/**
 * Serves the issuer of the unit suite, with one address more: `/mint?type=email` gives a token, with further claims as
 * they stand in the query.
 */
export async function startIssuer(): Promise<IssuerServer> {
  const issuer = await OidcIssuer.start();
  issuer.server.on('GET /mint', ({ url }) => {
    const { type, ...claims } = Object.fromEntries(url.searchParams);
    const kind = TOKEN_KINDS.find((known) => known === type);
    if (kind === undefined) throw new Error(`no tokens of type ${text(type, 'type')}`);
    return json(200, { value: issuer.mint(kind, claims) });
  });
  return { url: issuer.server.url, issuerOf: (kind) => issuer.issuerOf(kind), close: () => issuer.server.close() };
}
