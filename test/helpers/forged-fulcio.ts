import { createPublicKey, sign } from 'node:crypto';
import type { TransparencyLog, TrustedRoot } from '../../src/formats/index.ts';
import type { Signer } from '../../src/sign/index.ts';
import { type CertificateOptions, type Extension, makeCertificate, makeKey, type TestCertificate, type TestKey } from './certificates.ts';
import { octets, sequence, utf8 } from './der.ts';
import { SIGNED_AT, secondsLater } from './forged-log.ts';
import { CtLog, SCT_LIST } from './sigstore/ct-log.ts';

/** What a certificate of the test Fulcio says. */
export interface LeafOptions {
  readonly names?: CertificateOptions['subjectAlternativeNames'];
  /** Extensions 1.3.6.1.4.1.57264.1.N, each as its DER value. */
  readonly fulcio?: Readonly<Record<number, Uint8Array>>;
  readonly key?: TestKey;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  readonly extensions?: readonly Extension[];
  readonly sct?: 'none' | 'empty' | 'forged' | 'other-issuer' | 'other-id' | CtLog;
}

export const IDENTITY = 'https://github.com/acme/models/.github/workflows/release.yml@refs/heads/main';
export const ISSUER = 'https://token.actions.githubusercontent.com';

/** What Fulcio writes for a workflow. */
export const WORKFLOW: Readonly<Record<number, Uint8Array>> = {
  1: Buffer.from(ISSUER),
  2: Buffer.from('push'),
  3: Buffer.from('a'.repeat(40)),
  4: Buffer.from('release'),
  5: Buffer.from('acme/models'),
  6: Buffer.from('refs/heads/main'),
  8: utf8(ISSUER),
  9: utf8(IDENTITY),
  11: utf8('github-hosted'),
  12: utf8('https://github.com/acme/models'),
  13: utf8('a'.repeat(40)),
  14: utf8('refs/heads/main'),
  18: utf8(IDENTITY),
  20: utf8('push'),
};

/** A certificate authority for identities, with a log of certificates. */
export class ForgedFulcio {
  readonly ctLog = new CtLog();
  readonly root: TestCertificate;
  readonly intermediate: TestCertificate;

  constructor(name = 'fulcio') {
    const period = { notBefore: secondsLater(-86_400), notAfter: secondsLater(10 * 365 * 86_400) };
    this.root = makeCertificate({ subject: `${name} root`, key: 'ec-p384', ...period }, undefined, 'ca');
    this.intermediate = makeCertificate({ subject: `${name} intermediate`, key: 'ec-p384', ...period }, this.root, 'ca');
  }

  issue({ names, fulcio = WORKFLOW, key = makeKey(), sct = this.ctLog, ...options }: LeafOptions = {}): TestCertificate {
    const leaf: CertificateOptions = {
      subject: sequence(),
      key,
      serial: 0x4000_1234n,
      notBefore: options.notBefore ?? SIGNED_AT,
      notAfter: options.notAfter ?? secondsLater(600),
      subjectAlternativeNames: names === undefined ? { uri: [IDENTITY], critical: true } : names,
      extensions: [
        ...Object.entries(fulcio).map(([arc, value]) => ({ id: `1.3.6.1.4.1.57264.1.${arc}`, value })),
        ...(options.extensions ?? []),
      ],
    };
    const bare = makeCertificate(leaf, this.intermediate);
    if (sct === 'none') return bare;
    const promise = this.#promise(bare, sct);
    return makeCertificate({ ...leaf, extensions: [...(leaf.extensions ?? []), { id: SCT_LIST, value: promise }] }, this.intermediate);
  }

  #promise(bare: TestCertificate, sct: Exclude<LeafOptions['sct'], 'none' | undefined>): Buffer {
    if (sct === 'empty') return octets(Buffer.of(0, 0));
    const issuer = sct === 'other-issuer' ? this.root : this.intermediate;
    const log = sct instanceof CtLog ? sct : this.ctLog;
    const list = log.certify(bare.der, issuer.publicKey.export({ type: 'spki', format: 'der' }), SIGNED_AT);
    // The id of the log stands behind two headers of DER, two lengths and the version.
    if (sct === 'other-id') list[list.indexOf(log.id)] = (log.id[0] ?? 0) ^ 1;
    if (sct === 'forged') list[list.length - 1] = (list.at(-1) ?? 0) ^ 1;
    return list;
  }

  /** A signer whose bundles carry the certificate. */
  signer(leaf: TestCertificate = this.issue()): Signer {
    return {
      scheme: 'ecdsa-p256-sha256',
      publicKey: leaf.publicKey,
      material: { kind: 'sigstore', certificate: leaf.der },
      description: 'an identity',
      sign: async (data) => sign('sha256', data, leaf.privateKey),
    };
  }

  /** As a trusted root has it, with logs and timestamp authorities. */
  trustedRoot(parts: Partial<Pick<TrustedRoot, 'tlogs' | 'timestampAuthorities' | 'ctlogs' | 'certificateAuthorities'>> = {}): TrustedRoot {
    return {
      tlogs: [],
      timestampAuthorities: [],
      certificateAuthorities: [authority(this.intermediate, this.root)],
      ctlogs: [ctTrust(this.ctLog)],
      ...parts,
      document: {},
    };
  }
}

/** A log of certificates as a trusted root has it. */
export function ctTrust(log: CtLog): TransparencyLog {
  return {
    baseUrl: 'https://ct.example',
    key: createPublicKey({ key: log.publicKey, format: 'der', type: 'spki' }),
    keyDetails: 'PKIX_ECDSA_P256_SHA_256',
    validFor: { start: undefined, end: undefined },
    logId: log.id,
    checkpointKeyId: undefined,
    operator: undefined,
  };
}

/** A chain as a trusted root has it. */
export function authority(...chain: readonly { readonly der: Uint8Array }[]): TrustedRoot['certificateAuthorities'][number] {
  const validFor = { start: undefined, end: undefined };
  return { uri: 'https://authority.example', chain: chain.map(({ der }) => der), validFor, operator: undefined };
}
