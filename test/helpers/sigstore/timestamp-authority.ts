import { createHash, type KeyObject, randomBytes, sign } from 'node:crypto';
import { TimeStampReq } from 'pkijs';
import { readDer } from '../../../src/formats/index.ts';
import { makeCertificate, type TestCertificate } from '../certificates.ts';
import { ascii, boolean, context, der, integer, NULL, octets, oid, sequence, set } from '../der.ts';
import { type Call, expectRequest, Refusal, type Reply, StrictServer } from './strict-server.ts';

const OID = {
  sha256: '2.16.840.1.101.3.4.2.1',
  sha384: '2.16.840.1.101.3.4.2.2',
  sha512: '2.16.840.1.101.3.4.2.3',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  signedData: '1.2.840.113549.1.7.2',
  tstInfo: '1.2.840.113549.1.9.16.1.4',
  contentType: '1.2.840.113549.1.9.3',
  messageDigest: '1.2.840.113549.1.9.4',
  signingCertificateV2: '1.2.840.113549.1.9.16.2.47',
  timeStamping: '1.3.6.1.5.5.7.3.8',
  policy: '1.3.6.1.4.1.57264.2',
} as const;

const IMPRINTS: Readonly<Record<string, number>> = { [OID.sha256]: 32, [OID.sha384]: 48, [OID.sha512]: 64 };

/** How the next timestamps depart from what they should be. */
export interface TimestampQuirks {
  readonly time?: Date;
  /** Digits after the second's point, as they stand: `.25`. */
  readonly fraction?: string;
  readonly imprint?: Uint8Array;
  /** The object identifier of the imprint's algorithm. */
  readonly algorithm?: string;
  /** `null` leaves it out. */
  readonly nonce?: Uint8Array | null;
  readonly status?: number;
  readonly withoutToken?: boolean;
  /** Puts a token beside a refusal. */
  readonly refusedToken?: boolean;
  /** The content type among the signed attributes. */
  readonly signedType?: string;
  /** How many times the signer stands in the token. */
  readonly signers?: number;
  /** The extensions of the content, encoded. */
  readonly extensions?: Uint8Array;
  /** The content types of token and content. */
  readonly contentType?: string;
  readonly version?: number;
  /** Signs with another key than that of the certificate. */
  readonly key?: KeyObject;
  /** Puts another certificate in, and its name. */
  readonly certificate?: TestCertificate;
  /** The certificates that travel with the token; none where empty. */
  readonly certificates?: readonly TestCertificate[];
}

/** What a timestamp is made of. */
export interface TimestampRequest {
  readonly imprint: Uint8Array;
  readonly algorithm: string;
  readonly nonce: Uint8Array | undefined;
  readonly withCertificates: boolean;
}

/** A timestamp authority over HTTP (RFC 3161 §3.4). */
export class TimestampAuthority {
  readonly server: StrictServer;
  readonly root: TestCertificate;
  readonly certificate: TestCertificate;
  quirks: TimestampQuirks = {};

  private constructor(server: StrictServer, name: string) {
    this.server = server;
    const notBefore = new Date(Date.now() - 86_400_000 * 400);
    const notAfter = new Date(Date.now() + 86_400_000 * 365);
    this.root = makeCertificate(
      {
        subject: [
          ['O', 'mlsign test'],
          ['CN', `${name} root`],
        ],
        notBefore,
        notAfter,
      },
      undefined,
      'ca',
    );
    this.certificate = this.certify({ notBefore, notAfter }, name);
    server.on('POST /api/v1/timestamp', (call) => this.#timestamp(call));
  }

  static async start(name = 'test tsa'): Promise<TimestampAuthority> {
    return new TimestampAuthority(await StrictServer.start('timestamp authority'), name);
  }

  /** The full URL. */
  get url(): string {
    return `${this.server.url}/api/v1/timestamp`;
  }

  /** A certificate for timestamps, issued by the root. */
  certify(
    {
      notBefore,
      notAfter,
      purpose = OID.timeStamping,
      critical = true,
    }: { notBefore: Date; notAfter: Date; purpose?: string; critical?: boolean },
    name = 'test tsa',
  ): TestCertificate {
    return makeCertificate(
      {
        subject: [
          ['O', 'mlsign test'],
          ['CN', name],
        ],
        notBefore,
        notAfter,
        extendedKeyUsage: null,
        extensions: [{ id: '2.5.29.37', critical, value: sequence(oid(purpose)) }],
      },
      this.root,
    );
  }

  /** A response over bytes, for tests that need no server. */
  timestamp(data: Uint8Array, quirks: TimestampQuirks = {}): Buffer {
    const imprint = createHash('sha256').update(data).digest();
    return respond({ imprint, algorithm: OID.sha256, nonce: undefined, withCertificates: true }, this.certificate, quirks);
  }

  #timestamp(call: Call): Reply {
    expectRequest(call, { 'content-type': 'application/timestamp-query', accept: 'application/timestamp-reply' });
    const body = respond(readRequest(call.body), this.certificate, this.quirks);
    return { status: 201, headers: { 'content-type': 'application/timestamp-reply' }, body };
  }
}

function readRequest(bytes: Buffer): TimestampRequest {
  const request = TimeStampReq.fromBER(bytes);
  if (!Buffer.from(request.toSchema().toBER()).equals(bytes)) throw new Error('the request is not in DER');
  const algorithm = request.messageImprint.hashAlgorithm.algorithmId;
  const imprint = Buffer.from(request.messageImprint.hashedMessage.getValue());
  if (request.version !== 1 || IMPRINTS[algorithm] !== imprint.length) {
    throw new Refusal({ status: 400, headers: { 'content-type': 'text/plain' }, body: 'bad request' });
  }
  const nonce = request.nonce === undefined ? undefined : Buffer.from(request.nonce.valueBlock.valueHexView);
  if (nonce === undefined || nonce.length < 8) throw new Error('the request has no nonce');
  if ((nonce[0] ?? 0) >= 0x80) throw new Error('the nonce is negative');
  if (request.reqPolicy !== undefined) throw new Error('the request asks for a policy');
  return { imprint, algorithm, nonce, withCertificates: request.certReq === true };
}

function respond(request: TimestampRequest, certificate: TestCertificate, quirks: TimestampQuirks): Buffer {
  const status = quirks.status ?? 0;
  const info = sequence(integer(status), ...(status > 1 ? [sequence(der(0x0c, Buffer.from('no')))] : []));
  return quirks.withoutToken || (status > 1 && !quirks.refusedToken) ? sequence(info) : sequence(info, token(request, certificate, quirks));
}

/** RFC 3161 §2.4.2 in RFC 5652. */
function token(request: TimestampRequest, ownCertificate: TestCertificate, quirks: TimestampQuirks): Buffer {
  const certificate = quirks.certificate ?? ownCertificate;
  const contentType = oid(quirks.contentType ?? OID.tstInfo);
  const info = timestampInfo(request, quirks);
  const attributes = [
    attribute(OID.contentType, quirks.signedType === undefined ? contentType : oid(quirks.signedType)),
    attribute(OID.messageDigest, octets(createHash('sha256').update(info).digest())),
    attribute(OID.signingCertificateV2, sequence(sequence(sequence(octets(createHash('sha256').update(certificate.der).digest()))))),
  ];
  const signedAttributes = set(...attributes);
  const sha256 = sequence(oid(OID.sha256), NULL);
  const signature = sign('sha256', signedAttributes, quirks.key ?? certificate.privateKey);
  const signerInfo = sequence(
    integer(1),
    sequence(...issuerAndSerial(certificate)),
    sha256,
    retag(0xa0, signedAttributes),
    sequence(oid(OID.ecdsaWithSha256)),
    octets(signature),
  );
  const certificates = request.withCertificates ? (quirks.certificates ?? [certificate]) : [];
  return sequence(
    oid(OID.signedData),
    context(
      0,
      sequence(
        integer(3),
        set(sha256),
        sequence(contentType, context(0, octets(info))),
        ...(certificates.length === 0 ? [] : [context(0, Buffer.concat(certificates.map(({ der }) => der)))]),
        set(...Array.from({ length: quirks.signers ?? 1 }, () => signerInfo)),
      ),
    ),
  );
}

function timestampInfo(request: TimestampRequest, quirks: TimestampQuirks): Buffer {
  const digits = (quirks.time ?? new Date()).toISOString().replace(/[-:T]|\.\d+Z$/g, '');
  const nonce = quirks.nonce === undefined ? request.nonce : (quirks.nonce ?? undefined);
  return sequence(
    integer(quirks.version ?? 1),
    oid(OID.policy),
    sequence(sequence(oid(quirks.algorithm ?? request.algorithm), NULL), octets(quirks.imprint ?? request.imprint)),
    der(0x02, Buffer.concat([Buffer.of(0x40), randomBytes(15)])),
    ascii(0x18, `${digits}${quirks.fraction ?? ''}Z`),
    sequence(integer(1)),
    boolean(true),
    ...(nonce === undefined ? [] : [der(0x02, nonce)]),
    ...(quirks.extensions === undefined ? [] : [context(1, quirks.extensions)]),
  );
}

function attribute(id: string, value: Uint8Array): Buffer {
  return sequence(oid(id), set(value));
}

function retag(tag: number, value: Buffer): Buffer {
  return Buffer.concat([Buffer.of(tag), value.subarray(1)]);
}

/** RFC 5280 §4.1: version, serial number, algorithm, issuer. */
function issuerAndSerial({ der }: TestCertificate): readonly Uint8Array[] {
  const [, serial, , issuer] = readDer(der).items[0]?.items ?? [];
  return [issuer?.bytes ?? new Uint8Array(), serial?.bytes ?? new Uint8Array()];
}
