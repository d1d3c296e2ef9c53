import { type KeyObject, X509Certificate } from 'node:crypto';
import {
  type CertificateInfo,
  certificateInfo,
  parseCertificates,
  parseTrustedPem,
  publicKeyHint,
  type SchemeName,
  sameKey,
  schemeForKey,
} from '../formats/index.ts';
import { type IdentityTrust, identitiesOverlap } from './identity.ts';

/** A public key that is trusted by itself. */
export interface KeyTrust {
  readonly kind: 'key';
  readonly key: KeyObject;
  /** The one scheme that the key is used with. */
  readonly scheme: SchemeName;
  readonly hint: string;
  /** The pinned certificate that the key came from: its validity applies. */
  readonly certificate?: CertificateInfo | undefined;
  /** The last moment at which the key may have signed. */
  readonly notAfter?: Date | undefined;
  /** The file, flag or field that it came from. */
  readonly where: string;
}

/** A certificate authority that is trusted to issue signers. */
export interface AuthorityTrust {
  readonly kind: 'ca';
  /** Root certificates, DER. */
  readonly roots: readonly Uint8Array[];
  /** The exact subject that a leaf must have; any leaf of the authority without it. */
  readonly subject?: string | undefined;
  /** An exact alternative name that a leaf must have. */
  readonly alternativeName?: string | undefined;
  /** The one scheme that leaves must sign with; the default of their key without it. */
  readonly scheme?: SchemeName | undefined;
  readonly where: string;
}

/** Why a signature is believed. */
export type Trust = KeyTrust | AuthorityTrust | IdentityTrust;

/** One signer as the policy names it; counts once, whatever keys, authorities and roles it has. */
export interface Principal {
  readonly name: string;
  readonly trust: readonly Trust[];
}

/** A PEM file, or text, and its name in errors and evidence. */
export interface PemSource {
  readonly pem: Uint8Array | string;
  readonly where: string;
}

/**
 * Trust in one key: a public key, or a certificate whose key is pinned.
 *
 * @throws MlsignError what {@link parseTrustedPem} and {@link schemeForKey} throw
 */
export function keyTrust({ pem, where }: PemSource, scheme?: SchemeName): KeyTrust {
  const trusted = parseTrustedPem(pem, where);
  const key = trusted.kind === 'key' ? trusted.key : new X509Certificate(trusted.der).publicKey;
  return {
    kind: 'key',
    key,
    scheme: schemeForKey(key, where, scheme),
    hint: publicKeyHint(key),
    ...(trusted.kind === 'certificate' ? { certificate: certificateInfo(trusted.der) } : {}),
    where,
  };
}

/** What the leaves of an authority must be, besides issued by it. */
export interface LeafConstraints {
  readonly subject?: string | undefined;
  readonly alternativeName?: string | undefined;
  readonly scheme?: SchemeName | undefined;
}

/**
 * Trust in the leaves of certificate authorities, given as root certificates.
 *
 * @throws MlsignError what {@link parseCertificates} throws
 */
export function authorityTrust(sources: readonly PemSource[], leaf: LeafConstraints = {}): AuthorityTrust {
  const roots = sources.flatMap(({ pem, where }) => parseCertificates(pem, where));
  return { kind: 'ca', roots, ...leaf, where: sources.map(({ where }) => where).join(', ') };
}

/** Whether one signature may satisfy both: the same key, leaves of one authority that nothing tells apart, or one identity. */
export function overlaps(a: Trust, b: Trust): boolean {
  switch (a.kind) {
    case 'key':
      return b.kind === 'key' && sameKey(a.key, b.key);
    case 'identity':
      return b.kind === 'identity' && identitiesOverlap(a, b);
    case 'ca': {
      if (b.kind !== 'ca') return false;
      const ofA = new Set(a.roots.map(anchorOf));
      return (
        b.roots.some((root) => ofA.has(anchorOf(root))) && !differ(a.subject, b.subject) && !differ(a.alternativeName, b.alternativeName)
      );
    }
  }
}

const knownAnchors = new WeakMap<Uint8Array, string>();

/** What makes an authority (RFC 5280 §6.1.1): its name and key. A root that is issued again is the same one. */
function anchorOf(root: Uint8Array): string {
  const known = knownAnchors.get(root);
  if (known !== undefined) return known;
  const { subject, publicKey } = new X509Certificate(root);
  const anchor = JSON.stringify([subject, publicKey.export({ type: 'spki', format: 'der' }).toString('hex')]);
  knownAnchors.set(root, anchor);
  return anchor;
}

function differ(a: string | undefined, b: string | undefined): boolean {
  return a !== undefined && b !== undefined && a !== b;
}
