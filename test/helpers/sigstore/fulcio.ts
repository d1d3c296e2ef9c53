import { createPublicKey, type KeyObject, randomBytes, verify } from 'node:crypto';
import { type Extension, makeCertificate, type TestCertificate } from '../certificates.ts';
import { sequence, utf8 } from '../der.ts';
import { type CtLog, SCT_LIST } from './ct-log.ts';
import type { Claims, OidcIssuer } from './oidc-issuer.ts';
import { bytes, type Call, expectKeys, expectRequest, json, Refusal, type Reply, StrictServer, text } from './strict-server.ts';

const ARC = '1.3.6.1.4.1.57264.1';

/** Fulcio's extensions of GitHub tokens: the claim of each, in the order of its object identifiers. */
const GITHUB_EXTENSIONS: readonly (readonly [number: number, value: (claims: Claims) => string])[] = [
  [9, (claims) => `https://github.com/${String(claims.job_workflow_ref)}`],
  [10, (claims) => String(claims.job_workflow_sha)],
  [11, (claims) => String(claims.runner_environment)],
  [12, (claims) => `https://github.com/${String(claims.repository)}`],
  [13, (claims) => String(claims.sha)],
  [14, (claims) => String(claims.ref)],
  [15, (claims) => String(claims.repository_id)],
  [16, (claims) => `https://github.com/${String(claims.repository_owner)}`],
  [17, (claims) => String(claims.repository_owner_id)],
  [18, (claims) => `https://github.com/${String(claims.workflow_ref)}`],
  [19, (claims) => String(claims.workflow_sha)],
  [20, (claims) => String(claims.event_name)],
  [
    21,
    (claims) =>
      `https://github.com/${String(claims.repository)}/actions/runs/${String(claims.run_id)}/attempts/${String(claims.run_attempt)}`,
  ],
  [22, (claims) => String(claims.repository_visibility)],
];

/** The first extensions of GitHub tokens, whose values are bare text. */
const GITHUB_LEGACY = [
  [2, 'event_name'],
  [3, 'sha'],
  [4, 'workflow'],
  [5, 'repository'],
  [6, 'ref'],
] as const;

/** How the next certificates depart from what they should be. */
export interface FulcioQuirks {
  /** The key that is certified, in place of the one asked for. */
  readonly key?: KeyObject;
  readonly withoutSct?: boolean;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
}

/** A certificate authority that certifies keys for identities, as Fulcio 1.8 does over HTTP. */
export class Fulcio {
  readonly server: StrictServer;
  readonly root: TestCertificate;
  readonly intermediate: TestCertificate;
  readonly #ctLog: CtLog;
  readonly #issuer: OidcIssuer;
  quirks: FulcioQuirks = {};

  private constructor(server: StrictServer, ctLog: CtLog, issuer: OidcIssuer) {
    this.server = server;
    this.#ctLog = ctLog;
    this.#issuer = issuer;
    const notBefore = new Date(Date.now() - 86_400_000);
    const notAfter = new Date(Date.now() + 86_400_000 * 365);
    this.root = makeCertificate(
      {
        subject: [
          ['O', 'mlsign test'],
          ['CN', 'test fulcio root'],
        ],
        key: 'ec-p384',
        notBefore,
        notAfter,
      },
      undefined,
      'ca',
    );
    this.intermediate = makeCertificate(
      {
        subject: [
          ['O', 'mlsign test'],
          ['CN', 'test fulcio intermediate'],
        ],
        key: 'ec-p384',
        notBefore,
        notAfter,
        basicConstraints: { ca: true, pathLength: 0 },
        extendedKeyUsage: ['1.3.6.1.5.5.7.3.3'],
      },
      this.root,
      'ca',
    );
    server.on('POST /api/v2/signingCert', (call) => this.#signingCert(call));
  }

  static async start(ctLog: CtLog, issuer: OidcIssuer): Promise<Fulcio> {
    return new Fulcio(await StrictServer.start('Fulcio'), ctLog, issuer);
  }

  #signingCert(call: Call): Reply {
    expectRequest(call, { 'content-type': 'application/json', accept: 'application/json' });
    const request = expectKeys(JSON.parse(call.body.toString()), ['credentials', 'publicKeyRequest'], 'request');
    const credentials = expectKeys(request.credentials, ['oidcIdentityToken'], 'credentials');
    const keyRequest = expectKeys(request.publicKeyRequest, ['publicKey', 'proofOfPossession'], 'publicKeyRequest');
    const publicKey = expectKeys(keyRequest.publicKey, ['algorithm', 'content'], 'publicKey');
    if (publicKey.algorithm !== 'ECDSA') throw new Error(`algorithm is ${String(publicKey.algorithm)}`);
    const token = text(credentials.oidcIdentityToken, 'oidcIdentityToken');
    const claims = this.#issuer.verify(token);
    const now = Date.now() / 1000;
    // The real one says the same, and repeats the token in other versions: clients must not pass it on.
    const denied = (reason: string): Refusal =>
      new Refusal(json(400, { code: 16, message: `There was an error processing the identity token: ${reason}: ${token}`, details: [] }));
    if (claims === undefined) throw denied('signature');
    if (claims.aud !== 'sigstore' || Number(claims.exp) < now) throw denied('audience or expiry');
    const isEmail = claims.iss === this.#issuer.issuerOf('email');
    if (isEmail && claims.email_verified !== true) throw denied('email_verified claim was false');
    const subject = String(isEmail ? claims.email : claims.sub);
    const key = createPublicKey(text(publicKey.content, 'content'));
    if (!verify('sha256', Buffer.from(subject), key, bytes(keyRequest.proofOfPossession, 'proofOfPossession'))) {
      throw new Refusal(json(400, { code: 3, message: 'The signature supplied in the request could not be verified', details: [] }));
    }
    const leaf = this.issue(claims, key);
    const certificates = [leaf, this.intermediate, this.root].map(({ pem }) => pem);
    return json(200, { signedCertificateEmbeddedSct: { chain: { certificates } } });
  }

  /** A certificate for what a token says, with an SCT of the CT log. */
  issue(claims: Claims, key: KeyObject): TestCertificate {
    const { quirks } = this;
    const certified = quirks.key ?? key;
    const isEmail = claims.iss === this.#issuer.issuerOf('email');
    const identity = isEmail
      ? { email: [String(claims.email)], critical: true }
      : { uri: [`https://github.com/${String(claims.job_workflow_ref)}`], critical: true };
    const options = {
      subject: sequence(),
      // The certificate's private key is not ours: makeCertificate only reads the public one.
      key: { publicKey: certified, privateKey: this.intermediate.privateKey },
      serial: BigInt(`0x40${randomBytes(15).toString('hex')}`),
      notBefore: quirks.notBefore ?? seconds(Date.now()),
      notAfter: quirks.notAfter ?? seconds(Date.now() + 600_000),
      subjectAlternativeNames: identity,
    };
    const extensions = fulcioExtensions(claims, isEmail);
    if (quirks.withoutSct) return makeCertificate({ ...options, extensions }, this.intermediate);
    const precertificate = makeCertificate({ ...options, extensions }, this.intermediate);
    const issuerKey = this.intermediate.publicKey.export({ type: 'spki', format: 'der' });
    const value = this.#ctLog.certify(precertificate.der, issuerKey, new Date());
    return makeCertificate({ ...options, extensions: [...extensions, { id: SCT_LIST, value }] }, this.intermediate);
  }
}

function fulcioExtensions(claims: Claims, isEmail: boolean): readonly Extension[] {
  const issuer = String(claims.iss);
  const bare = (number: number, value: string): Extension => ({ id: `${ARC}.${number}`, value: Buffer.from(value) });
  const encoded = (number: number, value: string): Extension => ({ id: `${ARC}.${number}`, value: utf8(value) });
  if (isEmail) return [bare(1, issuer), encoded(8, issuer)];
  return [
    bare(1, issuer),
    ...GITHUB_LEGACY.map(([number, claim]) => bare(number, String(claims[claim]))),
    encoded(8, issuer),
    ...GITHUB_EXTENSIONS.map(([number, value]) => encoded(number, value(claims))),
  ];
}

function seconds(milliseconds: number): Date {
  return new Date(Math.floor(milliseconds / 1000) * 1000);
}
