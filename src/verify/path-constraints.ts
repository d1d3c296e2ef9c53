import { DerError, type DerValue, sequenceItems } from './path-der.ts';
import { type GeneralName, readGeneralName, startsWith } from './path-names.ts';

/** RFC 5280 §4.2.1.10. */
export interface NameConstraints {
  readonly permitted: readonly GeneralName[];
  readonly excluded: readonly GeneralName[];
}

// Two thousand constraints against two thousand names (x509-limbo nc-dos) would be four million.
const MAX_COMPARISONS = 1 << 16;

const LABEL = '[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?';
const HOST = new RegExp(`^(?=.{1,253}$)${LABEL}(?:\\.${LABEL})*$`, 'i');
const ADDRESS = /^([^@]+)@([^@]+)$/;
const AUTHORITY = /^[a-z][a-z0-9+.-]*:\/\/(?:[^/?#@]*@)?([^/?#@:]*)(?::\d*)?(?:[/?#]|$)/i;

/** @throws DerError */
export function readNameConstraints(value: DerValue): NameConstraints {
  const subtrees = (tag: number): readonly GeneralName[] =>
    value.items.filter((item) => item.tag === tag).flatMap(({ items }) => items.map(readSubtree));
  const [first, second] = sequenceItems(value, 1, 2);
  const known = second === undefined ? first?.tag === 0xa0 || first?.tag === 0xa1 : first?.tag === 0xa0 && second.tag === 0xa1;
  if (!known) throw new DerError('the name constraints are malformed');
  return { permitted: subtrees(0xa0), excluded: subtrees(0xa1) };
}

/** RFC 5280: `minimum` is zero and `maximum` absent, so that DER shows neither. */
function readSubtree(value: DerValue): GeneralName {
  const [base] = sequenceItems(value, 1, 1);
  if (base === undefined) throw new DerError('a name constraint is empty');
  const name = readGeneralName(base);
  if (!isConstraint(name)) throw new DerError(`a name constraint is malformed: ${describeName(name)}`);
  return name;
}

function isConstraint(base: GeneralName): boolean {
  switch (base.kind) {
    case 'dns':
      return base.text === '' || HOST.test(base.text);
    case 'email':
      return base.text === '' || HOST.test(ADDRESS.exec(base.text)?.[2] ?? base.text.replace(/^\./, ''));
    case 'uri':
      return base.text === '' || HOST.test(base.text.replace(/^\./, ''));
    case 'ip':
      return (base.bytes.length === 8 || base.bytes.length === 32) && isMask(base.bytes.subarray(base.bytes.length / 2));
    default:
      return true;
  }
}

/** CIDR (RFC 4632): ones, then zeros. */
function isMask(bytes: Uint8Array): boolean {
  const bits = Array.from(bytes, (byte) => byte.toString(2).padStart(8, '0')).join('');
  return /^1*0*$/.test(bits);
}

/**
 * The first name that the constraints of its issuers do not allow, with what they ask for (RFC 5280 §6.1.3 (b) and (c)).
 * Each certificate's permitted subtrees are kept apart: a name must be within one of each set, which is their intersection.
 */
export function constraintViolation(
  names: readonly GeneralName[],
  constraints: readonly NameConstraints[],
): { readonly expected: string; readonly got: string } | undefined {
  let comparisons = 0;
  for (const name of names) {
    for (const { permitted, excluded } of constraints) {
      const allowed = permitted.filter(({ kind }) => kind === name.kind);
      const refused = excluded.filter(({ kind }) => kind === name.kind);
      comparisons += permitted.length + excluded.length;
      if (comparisons > MAX_COMPARISONS)
        return { expected: `at most ${MAX_COMPARISONS} comparisons of names with constraints`, got: 'more' };
      if (allowed.length + refused.length === 0) continue;
      if (!isComparable(name)) return { expected: 'a name of a form that its constraints can be applied to', got: describeName(name) };
      if (allowed.length > 0 && !allowed.some((base) => isWithin(name, base))) {
        return { expected: `a name within ${allowed.slice(0, 5).map(describeName).join(' or ')}`, got: describeName(name) };
      }
      const hit = refused.find((base) => isWithin(name, base) || covers(name, base));
      if (hit !== undefined) return { expected: `a name outside ${describeName(hit)}`, got: describeName(name) };
    }
  }
  return undefined;
}

/** A name whose form cannot be read could be anything; forms without rules (otherName and such) are refused where they are constrained. */
function isComparable(name: GeneralName): boolean {
  switch (name.kind) {
    case 'dns':
      return HOST.test(withoutWildcard(name.text));
    case 'email':
      return HOST.test(ADDRESS.exec(name.text)?.[2] ?? '');
    case 'uri':
      return isDomain(uriHost(name.text));
    case 'ip':
      return name.bytes.length === 4 || name.bytes.length === 16;
    case 'directory':
      return true;
    default:
      return false;
  }
}

function isWithin(name: GeneralName, base: GeneralName): boolean {
  if (name.kind === 'dns' && base.kind === 'dns')
    return base.text === '' || `.${name.text}`.toLowerCase().endsWith(`.${base.text}`.toLowerCase());
  if (name.kind === 'email' && base.kind === 'email') return emailWithin(name.text, base.text);
  if (name.kind === 'uri' && base.kind === 'uri') return hostWithin(uriHost(name.text), base.text);
  if (name.kind === 'ip' && base.kind === 'ip') return addressWithin(name.bytes, base.bytes);
  return name.kind === 'directory' && base.kind === 'directory' && startsWith(name.name, base.name);
}

/** `*.example.com` could be used as `bar.example.com`, which an excluded `bar.example.com` forbids (CVE-2025-61727). */
function covers(name: GeneralName, base: GeneralName): boolean {
  if (name.kind !== 'dns' || base.kind !== 'dns' || !name.text.startsWith('*.')) return false;
  return base.text.toLowerCase().endsWith(name.text.slice(1).toLowerCase());
}

/** The local part is compared as it stands, the host without case; a constraint without `@` is a host, with a leading dot its subdomains. */
function emailWithin(address: string, base: string): boolean {
  const [, local, host = ''] = ADDRESS.exec(address) ?? [];
  const [, baseLocal, baseHost = ''] = ADDRESS.exec(base) ?? [];
  if (baseLocal !== undefined) return local === baseLocal && host.toLowerCase() === baseHost.toLowerCase();
  return hostWithin(host, base);
}

function hostWithin(host: string, base: string): boolean {
  if (base === '') return true;
  return base.startsWith('.') ? host.toLowerCase().endsWith(base.toLowerCase()) : host.toLowerCase() === base.toLowerCase();
}

function addressWithin(address: Uint8Array, base: Uint8Array): boolean {
  if (base.length !== address.length * 2) return false;
  return address.every((byte, index) => {
    const mask = base[address.length + index] ?? 0;
    return (byte & mask) === ((base[index] ?? 0) & mask);
  });
}

function uriHost(uri: string): string {
  return AUTHORITY.exec(uri)?.[1] ?? '';
}

function isDomain(host: string): boolean {
  return HOST.test(host) && !/^[\d.]+$/.test(host);
}

function withoutWildcard(name: string): string {
  return name.startsWith('*.') ? name.slice(2) : name;
}

function describeName(name: GeneralName): string {
  switch (name.kind) {
    case 'dns':
    case 'email':
    case 'uri':
      return `${name.kind} ${JSON.stringify(name.text.slice(0, 100))}`;
    case 'ip':
      return `ip ${Buffer.from(name.bytes.subarray(0, 32)).toString('hex')}`;
    case 'directory':
      return `the directory name ${JSON.stringify(name.name.text.slice(0, 100))}`;
    default:
      return `a name of form ${name.kind}`;
  }
}
