import { decodeUtf8 } from '../core/index.ts';
import { DerError, type DerValue, objectIdentifier, sequenceItems, TAG } from './path-der.ts';

/** A distinguished name in a form that compares by `===`, one text for each RDN. */
export interface DistinguishedName {
  readonly rdns: readonly string[];
  /** For people, in encoded order. */
  readonly text: string;
  /** Values of emailAddress attributes, which rfc822Name constraints cover as well (RFC 5280 §4.2.1.10). */
  readonly emails: readonly string[];
}

/** A name that a certificate may hold and a name constraint may speak of (RFC 5280 §4.2.1.6). */
export type GeneralName =
  | { readonly kind: 'email' | 'dns' | 'uri'; readonly text: string }
  | { readonly kind: 'ip'; readonly bytes: Uint8Array }
  | { readonly kind: 'directory'; readonly name: DistinguishedName }
  | { readonly kind: `tag ${number}` };

const EMAIL_ADDRESS = '1.2.840.113549.1.9.1';
const SHORT_NAMES: Readonly<Record<string, string>> = { '2.5.4.3': 'CN', '2.5.4.6': 'C', '2.5.4.10': 'O', '2.5.4.11': 'OU' };
const UTF8 = 0x0c;
const UNIVERSAL = 0x1c;
const BMP = 0x1e;
// Numeric, Printable, Teletex (which the field fills with Latin-1), IA5, Visible.
const LATIN = new Set([0x12, 0x13, 0x14, 0x16, 0x1a]);

/**
 * Reads a Name. pkijs joins the values of a multi-valued RDN with those of its neighbours, so that different names compare equal.
 *
 * @throws DerError
 */
export function readName(value: DerValue): DistinguishedName {
  const emails: string[] = [];
  const shown: string[] = [];
  const rdns = sequenceItems(value).map((rdn) => {
    if (rdn.tag !== TAG.set || rdn.items.length === 0) throw new DerError('a name has an empty part');
    const attributes = rdn.items.map((attribute) => {
      const [type, text] = sequenceItems(attribute, 2, 2);
      if (type === undefined || text === undefined) throw new DerError('a name has an empty part');
      const id = objectIdentifier(type);
      const decoded = decodeText(text);
      if (id === EMAIL_ADDRESS && decoded !== undefined) emails.push(decoded);
      shown.push(`${SHORT_NAMES[id] ?? id}=${decoded ?? `#${Buffer.from(text.bytes).toString('hex')}`}`);
      return [id, decoded === undefined ? ['bytes', Buffer.from(text.bytes).toString('hex')] : ['text', prepare(decoded)]];
    });
    return JSON.stringify(attributes.map((attribute) => JSON.stringify(attribute)).sort());
  });
  return { rdns, text: shown.join(','), emails };
}

/** Whether two names are the same (RFC 5280 §7.1). */
export function sameName(a: DistinguishedName, b: DistinguishedName): boolean {
  return a.rdns.length === b.rdns.length && startsWith(a, b);
}

/** Whether a name is inside the subtree of another (RFC 5280 §4.2.1.10). */
export function startsWith(name: DistinguishedName, base: DistinguishedName): boolean {
  return base.rdns.every((rdn, index) => name.rdns[index] === rdn);
}

/** @throws DerError */
export function readGeneralName(value: DerValue): GeneralName {
  switch (value.tag) {
    case 0x81:
      return { kind: 'email', text: readIa5(value.content) };
    case 0x82:
      return { kind: 'dns', text: readIa5(value.content) };
    case 0xa4: {
      const [name] = value.items;
      if (name === undefined || value.items.length !== 1) throw new DerError('a directory name is malformed');
      return { kind: 'directory', name: readName(name) };
    }
    case 0x86:
      return { kind: 'uri', text: readIa5(value.content) };
    case 0x87:
      return { kind: 'ip', bytes: value.content };
    case 0xa0:
    case 0xa3:
    case 0xa5:
    case 0x88:
      return { kind: `tag ${value.tag & 0x1f}` };
    default:
      throw new DerError('an alternative name is of no known kind');
  }
}

function readIa5(content: Uint8Array): string {
  if (content.some((octet) => octet < 0x20 || octet >= 0x7f)) throw new DerError('an alternative name is not printable ASCII');
  return Buffer.from(content).toString('latin1');
}

function decodeText({ tag, content }: DerValue): string | undefined {
  if (LATIN.has(tag)) return Buffer.from(content).toString('latin1');
  if (tag === UTF8) return decodeUtf8(content) ?? malformedText();
  if (tag === BMP) return content.length % 2 === 0 ? Buffer.from(content).swap16().toString('utf16le') : malformedText();
  if (tag !== UNIVERSAL) return undefined;
  const bytes = Buffer.from(content);
  if (bytes.length % 4 !== 0) return malformedText();
  const points = Array.from({ length: bytes.length / 4 }, (_, index) => bytes.readUInt32BE(index * 4));
  return points.some((point) => point > 0x10ffff) ? malformedText() : points.map((point) => String.fromCodePoint(point)).join('');
}

function malformedText(): never {
  throw new DerError('a name holds text that is not well-formed');
}

/** RFC 4518 as far as names of people and companies need it: compatibility forms, case and runs of spaces do not count. */
function prepare(text: string): string {
  return text.normalize('NFKC').toLowerCase().trim().replace(/\s+/g, ' ');
}
