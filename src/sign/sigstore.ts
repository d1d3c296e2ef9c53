import { generateKeyPair, type KeyObject, X509Certificate } from 'node:crypto';
import { promisify } from 'node:util';
import { type Clock, Decoder, type JsonValue, type MlsignError, refused, systemClock, throwIfAborted } from '../core/index.ts';
import {
  type CertificateInfo,
  certificateExtensions,
  certificateInfo,
  fulcioIssuer,
  SIGNED_CERTIFICATE_TIMESTAMPS,
  sameKey,
  signData,
} from '../formats/index.ts';
import type { IdentityToken } from './identity/identity-token.ts';
import { callJsonService, type ServiceOptions } from './service.ts';
import type { Signer } from './signer.ts';

/** How an identity becomes a signer. */
export interface SigstoreSignerOptions extends ServiceOptions {
  readonly identityToken: IdentityToken;
  /** The base URL. */
  readonly fulcioUrl: string;
  readonly signal?: AbortSignal | undefined;
}

/** A signer with a key of its own that lives as long as its certificate. */
export interface SigstoreSigner extends Signer {
  readonly validUntil: Date;
  /** Whom the certificate names: `alice@example.com`, the URI of a workflow. */
  readonly identity: string;
  /** Who vouched for the identity. */
  readonly issuer: string;
}

const SCHEME = 'ecdsa-p256-sha256';

/** How far ahead the clock of the authority may be. */
const CLOCK_SKEW_MS = 60_000;

/**
 * A signer for an identity: a fresh P-256 key, certified by Fulcio for whom the token names, with proof that the certificate
 * was published (SCT).
 *
 * @throws MlsignError `fulcio-refused`, `fulcio-certificate-wrong`, `certificate-malformed`, `service-unavailable`,
 *   `service-response-malformed`, `interrupted`
 */
export async function sigstoreSigner(options: SigstoreSignerOptions): Promise<SigstoreSigner> {
  const { identityToken, fulcioUrl, signal, clock = systemClock } = options;
  throwIfAborted(signal);
  const { privateKey, publicKey } = await promisify(generateKeyPair)('ec', { namedCurve: 'P-256' });
  const certificate = await requestCertificate(options, privateKey, publicKey);
  const { info, issuer } = checkCertificate(certificate, publicKey, fulcioUrl, clock);
  const identity = (info.alternativeNames[0] ?? identityToken.identity).replace(/^[A-Za-z]+:/, '');
  return {
    scheme: SCHEME,
    publicKey,
    material: { kind: 'sigstore', certificate },
    description: `Sigstore identity ${identity}, issuer ${issuer}`,
    identity,
    issuer,
    validUntil: info.notAfter,
    async sign(data, during) {
      throwIfAborted(during);
      return signData(SCHEME, privateKey, data);
    },
  };
}

/** Fulcio's API v2: the token, the public key, and its proof of possession, a signature over whom the token names. */
async function requestCertificate(options: SigstoreSignerOptions, privateKey: KeyObject, publicKey: KeyObject): Promise<Uint8Array> {
  const { identityToken, fulcioUrl, signal } = options;
  const url = `${fulcioUrl.replace(/\/+$/, '')}/api/v2/signingCert`;
  const proof = signData(SCHEME, privateKey, Buffer.from(identityToken.identity));
  const request = {
    credentials: { oidcIdentityToken: identityToken.token },
    publicKeyRequest: {
      publicKey: { algorithm: 'ECDSA', content: publicKey.export({ type: 'spki', format: 'pem' }) },
      proofOfPossession: Buffer.from(proof).toString('base64'),
    },
  };
  const { json } = await callJsonService(
    {
      service: `Fulcio (${new URL(url).host})`,
      url,
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify(request),
      timeoutMs: 30_000,
      secrets: [identityToken.token],
      refusedCode: 'fulcio-refused',
      suggestions: [`the token is from ${identityToken.issuer}: this Fulcio must accept that issuer and the audience of the token`],
      signal,
    },
    options,
  );
  return readLeaf(json, fulcioUrl);
}

function readLeaf(json: JsonValue, where: string): Uint8Array {
  const decoder = new Decoder();
  const top = decoder.object(json, '');
  // The other form has its SCT beside the certificate, where no bundle could carry it.
  if (!top.has('signedCertificateEmbeddedSct') && top.has('signedCertificateDetachedSct')) throw wrongCertificate(where, 'it holds no SCT');
  const chain = top.object('signedCertificateEmbeddedSct').object('chain');
  const leaf = decoder.string(chain.array('certificates', 1, 16)[0], `${chain.at('certificates')}[0]`);
  decoder.finish('fulcio-response-malformed', 'answer of Fulcio', where);
  try {
    return new X509Certificate(leaf).raw;
  } catch {
    throw wrongCertificate(where, 'it cannot be read');
  }
}

function checkCertificate(der: Uint8Array, key: KeyObject, where: string, clock: Clock): { info: CertificateInfo; issuer: string } {
  const info = certificateInfo(der, where);
  const extensions = certificateExtensions(der, where);
  const now = clock();
  if (!sameKey(new X509Certificate(der).publicKey, key)) throw wrongCertificate(where, 'it is for another key');
  if (now.getTime() + CLOCK_SKEW_MS < info.notBefore.getTime() || now > info.notAfter) {
    throw wrongCertificate(where, `it is valid from ${info.notBefore.toISOString()} to ${info.notAfter.toISOString()}`, [
      `compare the clocks: here it is ${now.toISOString()}`,
    ]);
  }
  // An OCTET STRING with a list; the shortest real one has some 100 bytes, an empty list four.
  if ((extensions.get(SIGNED_CERTIFICATE_TIMESTAMPS)?.length ?? 0) <= 4) throw wrongCertificate(where, 'it holds no SCT');
  const issuer = fulcioIssuer(extensions);
  if (issuer === undefined) throw wrongCertificate(where, 'it names no issuer of the identity');
  return { info, issuer };
}

function wrongCertificate(where: string, detail: string, suggestions: readonly string[] = []): MlsignError {
  return refused('fulcio-certificate-wrong', `the certificate that Fulcio issued cannot be used: ${detail}`, {
    subject: where,
    expected: 'a certificate for the key that was sent, valid now, with its SCT',
    suggestions,
  });
}
