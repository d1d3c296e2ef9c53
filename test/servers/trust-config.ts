import { createHash, type KeyObject, X509Certificate } from 'node:crypto';

/** Where the parts of an instance answer. */
export interface SigstoreUrls {
  readonly issuer: string;
  readonly ctLog: string;
  readonly fulcio: string;
  readonly timestamp: string;
  readonly rekor: string;
}

/** The keys and certificates of an instance. */
export interface SigstoreKeys {
  readonly ctLog: KeyObject;
  /** Ed25519: the key of its checkpoints. */
  readonly rekor: KeyObject;
  /** PEM, from the issuing certificate to the root. */
  readonly fulcio: string;
  readonly timestamp: string;
}

const VALID = { start: '2020-01-01T00:00:00Z' };

/** The trusted root (v0.1) of an instance: whom its verifiers trust. */
export function trustedRoot(urls: SigstoreUrls, keys: SigstoreKeys): object {
  const ctLogKey = spki(keys.ctLog);
  return {
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: [
      {
        baseUrl: urls.rekor,
        hashAlgorithm: 'SHA2_256',
        publicKey: { rawBytes: base64(spki(keys.rekor)), keyDetails: 'PKIX_ED25519', validFor: VALID },
        logId: { keyId: base64(checkpointKeyId(new URL(urls.rekor).hostname, keys.rekor)) },
      },
    ],
    certificateAuthorities: [authority('fulcio', urls.fulcio, keys.fulcio)],
    ctlogs: [
      {
        baseUrl: urls.ctLog,
        hashAlgorithm: 'SHA2_256',
        publicKey: { rawBytes: base64(ctLogKey), keyDetails: 'PKIX_ECDSA_P256_SHA_256', validFor: VALID },
        // RFC 6962 §3.2
        logId: { keyId: base64(sha256(ctLogKey)) },
      },
    ],
    timestampAuthorities: [authority('timestamps', urls.timestamp, keys.timestamp)],
  };
}

/** The signing config (v0.2) of an instance: which services its signers use. */
export function signingConfig(urls: SigstoreUrls): object {
  const service = (url: string, majorApiVersion = 1): object => ({ url, majorApiVersion, validFor: VALID, operator: 'private' });
  return {
    mediaType: 'application/vnd.dev.sigstore.signingconfig.v0.2+json',
    caUrls: [service(urls.fulcio)],
    oidcUrls: [service(`${urls.issuer}/email`)],
    rekorTlogUrls: [service(urls.rekor, 2)],
    rekorTlogConfig: { selector: 'ANY' },
    tsaUrls: [service(`${urls.timestamp}/api/v1/timestamp`)],
    tsaConfig: { selector: 'ANY' },
  };
}

/** Both in one document (v0.1): what `--trust-config` takes. */
export function clientTrustConfig(root: object, config: object): object {
  return { mediaType: 'application/vnd.dev.sigstore.clienttrustconfig.v0.1+json', trustedRoot: root, signingConfig: config };
}

/** The Python client wants a common name in each subject. */
function authority(commonName: string, uri: string, pem: string): object {
  const certificates = certificatesOf(pem).map(({ raw }) => ({ rawBytes: base64(raw) }));
  return { subject: { organization: 'private', commonName }, uri, certChain: { certificates }, validFor: VALID };
}

/** Every certificate of a PEM text, in its order. */
export function certificatesOf(pem: string): readonly X509Certificate[] {
  return [...pem.matchAll(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g)].map(([text]) => new X509Certificate(text));
}

/** The key id of signed notes, whole: https://c2sp.org/signed-note */
function checkpointKeyId(origin: string, key: KeyObject): Buffer {
  return sha256(Buffer.concat([Buffer.from(`${origin}\n`), Buffer.of(1), spki(key).subarray(-32)]));
}

function spki(key: KeyObject): Buffer {
  return key.export({ type: 'spki', format: 'der' });
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}
