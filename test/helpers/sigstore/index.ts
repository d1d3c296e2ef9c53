import { CtLog } from './ct-log.ts';
import { Fulcio } from './fulcio.ts';
import { type Claims, OidcIssuer, type TokenKind } from './oidc-issuer.ts';
import { RekorV1 } from './rekor-v1.ts';
import { RekorV2 } from './rekor-v2.ts';
import { TimestampAuthority } from './timestamp-authority.ts';

export { ACTIONS_BEARER, type Claims, OidcIssuer, TOKEN_CLAIMS, type TokenKind } from './oidc-issuer.ts';
export * from './services.ts';
export * from './strict-server.ts';
export { TimestampAuthority, type TimestampQuirks } from './timestamp-authority.ts';
export { CtLog, Fulcio, RekorV1, RekorV2 };

/** A whole Sigstore instance on loopback. */
export interface TestSigstore {
  readonly issuer: OidcIssuer;
  readonly ctLog: CtLog;
  readonly fulcio: Fulcio;
  readonly rekorV1: RekorV1;
  readonly rekorV2: RekorV2;
  readonly tsa: TimestampAuthority;
  readonly urls: {
    readonly issuer: string;
    readonly fulcio: string;
    readonly rekorV1: string;
    readonly rekorV2: string;
    readonly tsa: string;
  };
  /** The documents that verify and use it, as JSON values. */
  readonly trustedRoot: TestTrustedRoot;
  readonly signingConfig: TestSigningConfig;
  /** Both in one, as `--trust-config` takes them. */
  readonly trustConfig: object;
  /** An identity token: of a person, or of a GitHub workflow. */
  mintToken(kind: TokenKind, claims?: Claims): string;
  /** Stops every server, and throws where one was asked for something that a real one would not know. */
  close(): Promise<void>;
}

export type TestTrustedRoot = ReturnType<typeof trustedRootOf>;
export type TestSigningConfig = ReturnType<typeof signingConfigOf>;

/** Starts every server: some 50 ms. */
export async function startSigstore(): Promise<TestSigstore> {
  const ctLog = new CtLog();
  const issuer = await OidcIssuer.start();
  const fulcio = await Fulcio.start(ctLog, issuer);
  const rekorV1 = await RekorV1.start();
  const rekorV2 = await RekorV2.start();
  const tsa = await TimestampAuthority.start();
  const parts = { issuer, ctLog, fulcio, rekorV1, rekorV2, tsa };
  const trustedRoot = trustedRootOf(parts);
  const signingConfig = signingConfigOf(parts);
  return {
    ...parts,
    urls: {
      issuer: issuer.issuerOf('email'),
      fulcio: fulcio.server.url,
      rekorV1: rekorV1.server.url,
      rekorV2: rekorV2.server.url,
      tsa: tsa.url,
    },
    trustedRoot,
    signingConfig,
    trustConfig: { mediaType: 'application/vnd.dev.sigstore.clienttrustconfig.v0.1+json', trustedRoot, signingConfig },
    mintToken: (kind, claims) => issuer.mint(kind, claims),
    close: async () => {
      const ends = await Promise.allSettled([issuer, fulcio, rekorV1, rekorV2, tsa].map(({ server }) => server.close()));
      const problems = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason] : []));
      if (problems.length > 0) throw new AggregateError(problems, problems.map(String).join('\n'));
    },
  };
}

type Parts = Pick<TestSigstore, 'issuer' | 'ctLog' | 'fulcio' | 'rekorV1' | 'rekorV2' | 'tsa'>;

const VALID_FOR = { start: '2020-01-01T00:00:00Z' };
const OPERATOR = 'test.example';

function trustedRootOf({ ctLog, fulcio, rekorV1, rekorV2, tsa }: Parts) {
  const log = (baseUrl: string, key: Buffer, keyDetails: string, id: Buffer) => ({
    baseUrl,
    hashAlgorithm: 'SHA2_256',
    publicKey: { rawBytes: key.toString('base64'), keyDetails, validFor: VALID_FOR },
    logId: { keyId: id.toString('base64') },
  });
  const authority = (uri: string, commonName: string, chain: readonly { readonly der: Buffer }[]) => ({
    subject: { organization: 'mlsign test', commonName },
    uri,
    certChain: { certificates: chain.map(({ der }) => ({ rawBytes: der.toString('base64') })) },
    validFor: VALID_FOR,
  });
  return {
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: [
      log(rekorV1.server.url, rekorV1.publicKey, 'PKIX_ECDSA_P256_SHA_256', rekorV1.logId),
      log(rekorV2.server.url, rekorV2.publicKey, 'PKIX_ED25519', rekorV2.logId),
    ],
    certificateAuthorities: [authority(fulcio.server.url, 'test fulcio root', [fulcio.intermediate, fulcio.root])],
    ctlogs: [log('http://127.0.0.1/ct', ctLog.publicKey, 'PKIX_ECDSA_P256_SHA_256', ctLog.id)],
    timestampAuthorities: [authority(tsa.url, 'test tsa', [tsa.certificate, tsa.root])],
  };
}

function signingConfigOf({ issuer, fulcio, rekorV1, rekorV2, tsa }: Parts) {
  const service = (url: string, majorApiVersion = 1) => ({ url, majorApiVersion, validFor: VALID_FOR, operator: OPERATOR });
  return {
    mediaType: 'application/vnd.dev.sigstore.signingconfig.v0.2+json',
    caUrls: [service(fulcio.server.url)],
    oidcUrls: [service(issuer.issuerOf('email'))],
    rekorTlogUrls: [service(rekorV2.server.url, 2), service(rekorV1.server.url, 1)],
    rekorTlogConfig: { selector: 'ANY' },
    tsaUrls: [service(tsa.url)],
    tsaConfig: { selector: 'ANY' },
  };
}
