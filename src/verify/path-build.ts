import { type Finding, MlsignError } from '../core/index.ts';
import { publicKeyHint, sameKey } from '../formats/index.ts';
import type { PathOptions, PathResult } from './certificate.ts';
import { decodeCertificate, type PathCertificate } from './path-certificate.ts';
import { CODE_SIGNING, checkKey, checkPath } from './path-checks.ts';
import { DerError } from './path-der.ts';
import { nameOf, rejectCertificate as reject } from './path-finding.ts';
import { sameName } from './path-names.ts';
import { ACCEPTED_SIGNATURES, isSignedBy, refusedAlgorithm } from './path-signature.ts';

/** Certificates from leaf to root; real chains have two to four. */
const MAX_DEPTH = 10;
/** Certificates that a bundle may hold. */
const MAX_CHAIN = 128;
// What a search may cost, however often names and keys repeat among the certificates of a bundle.
const MAX_STEPS = 10_000;
const MAX_SIGNATURE_CHECKS = 256;
const MAX_PATHS = 32;

/**
 * Finds a path from the leaf to one of the roots and validates it. Every path is tried until one is valid, within fixed limits.
 *
 * @param chain DER, leaf first, then any certificates in any order that may help; they never give trust
 * @param roots DER of the certificates that the user trusts: self-signed, each
 */
export function findPath(chain: readonly Uint8Array[], roots: readonly Uint8Array[], at: Date, options: PathOptions): PathResult {
  const [first, ...rest] = chain;
  if (first === undefined || chain.length > MAX_CHAIN) {
    return rejected(malformed('the chain of the bundle', 'too few or too many', `1 to ${MAX_CHAIN} certificates`, `${chain.length}`));
  }
  const leaf = decode(first, 'certificate 1 of the bundle');
  if ('code' in leaf) return rejected(leaf);
  const search = new Search(at, options.extendedKeyUsage ?? CODE_SIGNING);
  for (const [index, der] of rest.entries()) {
    const certificate = decode(der, `certificate ${index + 2} of the bundle`);
    if ('code' in certificate) return rejected(certificate);
    search.intermediates.push(certificate);
  }
  for (const [index, der] of roots.entries()) {
    const root = decode(der, `trusted certificate ${index + 1}`);
    if ('code' in root) return rejected(root);
    const finding = notRoot(root);
    if (finding !== undefined) return rejected(finding);
    search.roots.push(root);
  }
  return search.run(leaf);
}

class Search {
  readonly intermediates: PathCertificate[] = [];
  readonly roots: PathCertificate[] = [];
  readonly #at: Date;
  readonly #extendedKeyUsage: string;
  readonly #signed = new Map<PathCertificate, Map<PathCertificate, boolean>>();
  #steps = 0;
  #checks = 0;
  #paths = 0;
  /** Why the first complete path was not valid. */
  #invalid: Finding | undefined;
  /** Why no path went further; the last link that almost held. */
  #broken: Finding | undefined;

  constructor(at: Date, extendedKeyUsage: string) {
    this.#at = at;
    this.#extendedKeyUsage = extendedKeyUsage;
  }

  run(leaf: PathCertificate): PathResult {
    const own = this.roots.find(({ der }) => sameBytes(der, leaf.der));
    const path = own === undefined ? this.#extend([leaf]) : this.#validate([leaf]);
    const { publicKey } = leaf;
    if (path !== undefined && publicKey !== undefined) {
      const authorities = path.slice(1).flatMap((above) => (above.publicKey === undefined ? [] : [publicKeyHint(above.publicKey)]));
      return { ok: true, leaf: leaf.info, publicKey, path: path.map(({ info }) => info), authorities };
    }
    return rejected(this.#invalid ?? (this.#exhausted() ? this.#unbounded(leaf) : undefined) ?? this.#broken ?? this.#untrusted(leaf));
  }

  /** Continues a path, leaf first, upwards; the first valid one is the answer. */
  #extend(path: readonly PathCertificate[]): readonly PathCertificate[] | undefined {
    const certificate = path.at(-1);
    if (certificate === undefined || path.length >= MAX_DEPTH) return undefined;
    for (const root of this.roots) {
      const found = this.#isIssuedBy(certificate, root) ? this.#validate([...path, root]) : undefined;
      if (found !== undefined) return found;
    }
    for (const issuer of this.intermediates) {
      if (path.some((member) => isSameAuthority(member, issuer)) || !this.#isIssuedBy(certificate, issuer)) continue;
      const found = this.#extend([...path, issuer]);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #exhausted(): boolean {
    return this.#steps > MAX_STEPS || this.#checks > MAX_SIGNATURE_CHECKS || this.#paths > MAX_PATHS;
  }

  #validate(path: readonly PathCertificate[]): readonly PathCertificate[] | undefined {
    if (++this.#paths > MAX_PATHS) return undefined;
    const [root] = path.slice(-1);
    const purpose = { at: this.#at, extendedKeyUsage: this.#extendedKeyUsage };
    const finding = (root && weakSignature(root, true)) ?? checkPath(path.toReversed(), purpose);
    if (finding === undefined) return path;
    this.#invalid ??= finding;
    return undefined;
  }

  /** RFC 5280 §6.1.3 (a)(4) and (a)(1): the names chain, the key identifiers do not contradict, and the signature is the issuer's. */
  #isIssuedBy(certificate: PathCertificate, issuer: PathCertificate): boolean {
    if (this.#exhausted() || ++this.#steps > MAX_STEPS || !sameName(certificate.issuer, issuer.subject)) return false;
    if (!keyIdentifiersAgree(certificate, issuer)) return false;
    const weak = weakSignature(certificate) ?? (issuer.publicKey === undefined ? checkKey(issuer) : undefined);
    if (weak !== undefined) {
      this.#broken = weak;
      return false;
    }
    if (this.#verify(certificate, issuer)) return true;
    this.#broken = reject(certificate, 'certificate-signature', `is not signed by the issuer that it names, ${nameOf(issuer)}`, {
      expected: `a signature by the key of ${nameOf(issuer)}`,
      got: 'a signature that does not fit it',
      suggestion: 'the certificate was changed, or another authority has the same name',
    });
    return false;
  }

  #verify(certificate: PathCertificate, issuer: PathCertificate): boolean {
    const known = this.#signed.get(certificate) ?? new Map<PathCertificate, boolean>();
    this.#signed.set(certificate, known);
    const before = known.get(issuer);
    if (before !== undefined) return before;
    const signed = ++this.#checks <= MAX_SIGNATURE_CHECKS && isSignedBy(certificate, issuer.publicKey);
    known.set(issuer, signed);
    return signed;
  }

  #unbounded(leaf: PathCertificate): Finding {
    return reject(leaf, 'certificate-untrusted', 'does not lead to a trusted root within the limits of the search', {
      expected: `at most ${MAX_SIGNATURE_CHECKS} signatures and ${MAX_PATHS} paths to try`,
      got: 'more',
      suggestion: 'sign with the one chain that leads to the root',
    });
  }

  #untrusted(leaf: PathCertificate): Finding {
    const namesake = [leaf, ...this.intermediates].some(({ issuer }) => this.roots.some(({ subject }) => sameName(issuer, subject)));
    const expected = this.roots.length === 0 ? 'a trusted root' : this.roots.slice(0, 5).map(nameOf).join(' or ');
    return reject(leaf, 'certificate-untrusted', 'does not lead to a trusted root', {
      expected: `a path to ${expected}`,
      got: `issued by ${leaf.info.issuer}${namesake ? '; a trusted root has the name that is needed, but another key' : ''}`,
      suggestion: 'give the root that issued it with --ca, and sign with the whole --chain',
    });
  }
}

/** A user's root is a trust anchor only when it is self-signed; an intermediate there would cut off what its own issuers say. */
function notRoot(root: PathCertificate): Finding | undefined {
  // A signature or key of an unknown kind is reported where a path needs it.
  const known = refusedAlgorithm(root, true) === undefined && root.publicKey !== undefined;
  if (sameName(root.subject, root.issuer) && (!known || isSignedBy(root, root.publicKey, true))) return undefined;
  return reject(root, 'ca-not-root', 'is not a root: it is not self-signed', {
    expected: 'a self-signed certificate',
    got: `issued by ${root.info.issuer}`,
    suggestion: 'give the root above it with --ca, or pin this one certificate with --trust-key',
  });
}

function weakSignature(certificate: PathCertificate, asRoot = false): Finding | undefined {
  const got = refusedAlgorithm(certificate, asRoot);
  if (got === undefined) return undefined;
  return reject(certificate, 'certificate-weak', `is signed with an algorithm that is not accepted: ${got}`, {
    expected: ACCEPTED_SIGNATURES,
    got,
    suggestion: 'ask its issuer for another certificate',
  });
}

/** RFC 5280 §4.2.1.1: they tell the keys of one name apart. Missing ones say nothing. */
function keyIdentifiersAgree(certificate: PathCertificate, issuer: PathCertificate): boolean {
  const { keyId, serial } = certificate.extensions.authorityKeyId ?? {};
  const { subjectKeyId } = issuer.extensions;
  if (keyId !== undefined && subjectKeyId !== undefined && !sameBytes(keyId, subjectKeyId)) return false;
  return serial === undefined || sameBytes(serial, issuer.serial);
}

/** The same name and key twice in a path lead nowhere new (RFC 4158 §2.4.2). */
function isSameAuthority(a: PathCertificate, b: PathCertificate): boolean {
  if (sameBytes(a.der, b.der)) return true;
  return sameName(a.subject, b.subject) && a.publicKey !== undefined && b.publicKey !== undefined && sameKey(a.publicKey, b.publicKey);
}

function decode(der: Uint8Array, where: string): PathCertificate | Finding {
  try {
    return decodeCertificate(der);
  } catch (error) {
    if (error instanceof DerError) return malformed(where, error.message);
    if (error instanceof MlsignError && error.code === 'certificate-malformed') return malformed(where, 'OpenSSL cannot read it');
    throw error;
  }
}

function malformed(where: string, reason: string, expected = 'an X.509 certificate in DER', got = reason): Finding {
  return {
    code: 'certificate-malformed',
    severity: 'rejected',
    message: `${where} is malformed: ${reason}`,
    subject: where,
    expected,
    got,
  };
}

function rejected(finding: Finding): PathResult {
  return { ok: false, finding };
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
