import { createHash, randomBytes } from 'node:crypto';
import { makeKey, signatureScheme, type TestKey, type TestKeyType, type TestSignature } from './certificate-keys.ts';
import { ascii, bits, boolean, context, der, integer, namedBits, octets, oid, sequence, set, time, utf8 } from './der.ts';

export { makeKey, type TestKey, type TestKeyType, type TestSignature } from './certificate-keys.ts';

export interface GeneralNames {
  readonly dns?: readonly string[];
  readonly email?: readonly string[];
  readonly uri?: readonly string[];
  /** Raw bytes: 4 or 16 in a certificate, 8 or 32 in a constraint. */
  readonly ip?: readonly Uint8Array[];
  readonly directory?: readonly TestName[];
  /** Encoded GeneralName values of any other kind. */
  readonly raw?: readonly Uint8Array[];
}

/** A common name, or RDNs as [attribute, value] in encoded order: `[['C', 'DE'], ['CN', 'leaf']]`; or an encoded Name. */
export type TestName = string | readonly (readonly [attribute: keyof typeof ATTRIBUTES, value: string])[] | Uint8Array;

export interface Extension {
  readonly id: string;
  readonly critical?: boolean;
  /** The DER inside the OCTET STRING. */
  readonly value: Uint8Array;
}

/** What a certificate says. A field left out has the usual value of its role (leaf or CA); `null` leaves an extension out. */
export interface CertificateOptions {
  readonly subject?: TestName;
  /** The issuer's name as this certificate gives it, where it is not the issuer's subject. */
  readonly issuerName?: TestName;
  readonly key?: TestKeyType | TestKey;
  readonly serial?: bigint;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  readonly version?: 1 | 3;
  readonly basicConstraints?: { readonly ca: boolean; readonly pathLength?: number; readonly critical?: boolean } | null;
  readonly keyUsage?: readonly KeyUsage[] | null;
  /** Object identifiers, or the names in {@link EKU}. */
  readonly extendedKeyUsage?: readonly string[] | null;
  readonly subjectAlternativeNames?: (GeneralNames & { readonly critical?: boolean }) | null;
  readonly nameConstraints?: { readonly permitted?: GeneralNames; readonly excluded?: GeneralNames; readonly critical?: boolean };
  readonly subjectKeyId?: Uint8Array | null;
  readonly authorityKeyId?: Uint8Array | null;
  /** Further extensions, after those above. */
  readonly extensions?: readonly Extension[];
  readonly signature?: TestSignature;
  /** The AlgorithmIdentifier inside the signed part, where it is not the real one. */
  readonly innerAlgorithm?: Uint8Array;
  /** The AlgorithmIdentifier beside the signature, where it is not the real one. */
  readonly outerAlgorithm?: Uint8Array;
  /** Signs with this key instead of the issuer's. */
  readonly signWith?: TestKey;
  /** Flips one bit of the signature. */
  readonly corruptSignature?: boolean;
}

export interface TestCertificate extends TestKey {
  readonly der: Buffer;
  readonly pem: string;
  /** The private key, PKCS#8. */
  readonly keyPem: string;
  readonly publicKeyPem: string;
  /** The encoded subject. */
  readonly name: Buffer;
  readonly keyId: Buffer | null;
}

export interface TestChain {
  readonly root: TestCertificate;
  /** From the one that the root issued to the one that issued the leaf. */
  readonly intermediates: readonly TestCertificate[];
  readonly leaf: TestCertificate;
  readonly rootPem: string;
  readonly leafPem: string;
  readonly leafKeyPem: string;
  /** The intermediates, leaf's issuer first. */
  readonly chainPem: string;
  /** The leaf and the intermediates, leaf first, as a bundle holds them. */
  readonly chain: readonly Buffer[];
}

const ATTRIBUTES = {
  CN: '2.5.4.3',
  C: '2.5.4.6',
  O: '2.5.4.10',
  OU: '2.5.4.11',
  emailAddress: '1.2.840.113549.1.9.1',
} as const;

const KEY_USAGES = [
  'digitalSignature',
  'contentCommitment',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
  'encipherOnly',
  'decipherOnly',
] as const;
export type KeyUsage = (typeof KEY_USAGES)[number];

export const EKU = {
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  codeSigning: '1.3.6.1.5.5.7.3.3',
  timeStamping: '1.3.6.1.5.5.7.3.8',
  any: '2.5.29.37.0',
} as const;

/** The moment at which the certificates made here are valid unless told otherwise. */
export const VALID_AT = new Date('2026-03-01T00:00:00Z');

/** One certificate, issued by `issuer`, or self-signed without one. `role` gives the defaults. */
export function makeCertificate(options: CertificateOptions, issuer?: TestCertificate, role: 'leaf' | 'ca' = 'leaf'): TestCertificate {
  const key = typeof options.key === 'object' ? options.key : makeKey(options.key);
  const name = encodeName(options.subject ?? (role === 'leaf' ? 'test leaf' : issuer === undefined ? 'test root' : 'test intermediate'));
  const spki = key.publicKey.export({ type: 'spki', format: 'der' });
  const keyId = options.subjectKeyId === undefined ? createHash('sha256').update(spki).digest().subarray(0, 20) : options.subjectKeyId;
  const signer = options.signWith ?? issuer ?? key;
  const scheme = signatureScheme(signer.privateKey, options.signature ?? 'default');
  const extensions = encodeExtensions(options, role, keyId === null ? null : Buffer.from(keyId), issuer);
  const issuerName = options.issuerName === undefined ? (issuer?.name ?? name) : encodeName(options.issuerName);
  const tbs = sequence(
    ...(options.version === 1 ? [] : [context(0, integer(2))]),
    integer(options.serial ?? BigInt(`0x40${randomBytes(15).toString('hex')}`)),
    options.innerAlgorithm ?? scheme.algorithm,
    issuerName,
    sequence(time(options.notBefore ?? new Date('2026-01-01T00:00:00Z')), time(options.notAfter ?? new Date('2036-01-01T00:00:00Z'))),
    name,
    spki,
    ...(options.version === 1 || extensions.length === 0 ? [] : [context(3, sequence(...extensions))]),
  );
  const signature = scheme.sign(tbs);
  if (options.corruptSignature) signature[signature.length - 1] = (signature.at(-1) ?? 0) ^ 1;
  const bytes = sequence(tbs, options.outerAlgorithm ?? scheme.algorithm, bits(signature));
  return {
    ...key,
    der: bytes,
    pem: toPem(bytes),
    keyPem: key.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicKeyPem: key.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    name,
    keyId: keyId === null ? null : Buffer.from(keyId),
  };
}

/** A root, its intermediates (root's side first) and a leaf for code signing, valid at {@link VALID_AT}. */
export function makeChain(
  options: {
    readonly root?: CertificateOptions;
    readonly intermediates?: readonly CertificateOptions[];
    readonly leaf?: CertificateOptions;
  } = {},
): TestChain {
  const root = makeCertificate(options.root ?? {}, undefined, 'ca');
  let issuer = root;
  const intermediates = (options.intermediates ?? []).map((intermediate, index) => {
    issuer = makeCertificate({ subject: `test intermediate ${index + 1}`, ...intermediate }, issuer, 'ca');
    return issuer;
  });
  const leaf = makeCertificate(options.leaf ?? {}, issuer);
  const upwards = intermediates.toReversed();
  return {
    root,
    intermediates,
    leaf,
    rootPem: root.pem,
    leafPem: leaf.pem,
    leafKeyPem: leaf.keyPem,
    chainPem: upwards.map(({ pem }) => pem).join(''),
    chain: [leaf.der, ...upwards.map(({ der }) => der)],
  };
}

export function toPem(bytes: Uint8Array, label = 'CERTIFICATE'): string {
  const lines =
    Buffer.from(bytes)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

export function encodeName(name: TestName): Buffer {
  if (name instanceof Uint8Array) return Buffer.from(name);
  const parts = typeof name === 'string' ? [['CN', name] as const] : name;
  return sequence(
    ...parts.map(([attribute, value]) =>
      set(sequence(oid(ATTRIBUTES[attribute]), attribute === 'emailAddress' ? ascii(0x16, value) : utf8(value))),
    ),
  );
}

export function encodeGeneralNames(names: GeneralNames): readonly Buffer[] {
  return [
    ...(names.email ?? []).map((text) => ascii(0x81, text)),
    ...(names.dns ?? []).map((text) => ascii(0x82, text)),
    ...(names.directory ?? []).map((name) => context(4, encodeName(name))),
    ...(names.uri ?? []).map((text) => ascii(0x86, text)),
    ...(names.ip ?? []).map((bytes) => der(0x87, bytes)),
    ...(names.raw ?? []).map((bytes) => Buffer.from(bytes)),
  ];
}

function encodeExtensions(options: CertificateOptions, role: 'leaf' | 'ca', keyId: Buffer | null, issuer?: TestCertificate): Buffer[] {
  const encoded: Buffer[] = [];
  const add = (id: string, critical: boolean, value: Uint8Array): void => {
    encoded.push(sequence(oid(id), ...(critical ? [boolean(true)] : []), octets(value)));
  };
  const constraints = options.basicConstraints === undefined ? (role === 'ca' ? { ca: true } : null) : options.basicConstraints;
  if (constraints !== null) {
    const fields = [...(constraints.ca ? [boolean(true)] : [])];
    if (constraints.pathLength !== undefined) fields.push(integer(constraints.pathLength));
    add('2.5.29.19', constraints.critical ?? true, sequence(...fields));
  }
  const usage =
    options.keyUsage === undefined
      ? role === 'ca'
        ? ['keyCertSign' as const, 'cRLSign' as const]
        : ['digitalSignature' as const]
      : options.keyUsage;
  if (usage !== null) add('2.5.29.15', true, namedBits(usage.map((name) => KEY_USAGES.indexOf(name))));
  const purposes = options.extendedKeyUsage === undefined ? (role === 'leaf' ? [EKU.codeSigning] : null) : options.extendedKeyUsage;
  if (purposes !== null) add('2.5.29.37', false, sequence(...purposes.map((id) => oid(id))));
  if (keyId !== null) add('2.5.29.14', false, octets(keyId));
  const authority = options.authorityKeyId === undefined ? (issuer?.keyId ?? keyId) : options.authorityKeyId;
  if (authority !== null) add('2.5.29.35', false, sequence(context(0, authority, false)));
  const names = options.subjectAlternativeNames;
  if (names) add('2.5.29.17', names.critical ?? false, sequence(...encodeGeneralNames(names)));
  const limits = options.nameConstraints;
  if (limits) {
    const subtrees = (tag: number, list: GeneralNames | undefined): Buffer[] =>
      list === undefined ? [] : [context(tag, Buffer.concat(encodeGeneralNames(list).map((name) => sequence(name))))];
    add('2.5.29.30', limits.critical ?? true, sequence(...subtrees(0, limits.permitted), ...subtrees(1, limits.excluded)));
  }
  for (const { id, critical, value } of options.extensions ?? []) add(id, critical ?? false, value);
  return encoded;
}
