import { createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { decodeBase64, decodeUtf8, type MlsignError, refused, sha256Hex, unavailable } from '../core/index.ts';

/** Largest PEM file that is read; the root certificates of an operating system are a quarter of it. */
export const MAX_PEM_BYTES = 1024 * 1024;

/** One block of a PEM file (RFC 7468). */
export interface PemBlock {
  readonly label: string;
  readonly der: Uint8Array;
  /** Whether it is a private key that needs a passphrase. */
  readonly encrypted: boolean;
  /** The block alone, with LF line ends. */
  readonly text: string;
}

const BEGIN = /^-----BEGIN ([A-Z0-9 #.]{1,64})-----$/;
const HEADER = /^[A-Za-z0-9-]{1,64}: ?\S/;
const PUBLIC_LABELS = ['PUBLIC KEY', 'RSA PUBLIC KEY'];
const PRIVATE_LABELS = ['PRIVATE KEY', 'ENCRYPTED PRIVATE KEY', 'EC PRIVATE KEY', 'RSA PRIVATE KEY'];
// `openssl ecparam -genkey` writes the curve as a block of its own before the key, which names it again.
const PARAMETERS = 'EC PARAMETERS';
const OPENSSH = 'OPENSSH PRIVATE KEY';
// id-ml-dsa-44, -65 and -87 (RFC 9881): 2.16.840.1.101.3.4.3.17 to 19.
const ML_DSA_OID = /06096086480165030403(?:11|12|13)/;

const COPY_AGAIN = 'copy the file again: it was cut off or changed on the way';

/**
 * Reads every block of a PEM file. Text around the blocks is ignored (RFC 7468 §2); CR LF line ends and a byte order mark are accepted.
 *
 * @param where names the file in errors
 * @throws MlsignError `pem-malformed`, `pem-too-large`
 */
export function parsePem(input: Uint8Array | string, where: string): readonly PemBlock[] {
  if (input.length > MAX_PEM_BYTES) {
    throw refused('pem-too-large', 'the PEM file is larger than mlsign reads', {
      subject: where,
      expected: `at most ${MAX_PEM_BYTES} bytes`,
      got: `${input.length} bytes`,
    });
  }
  const text = typeof input === 'string' ? input : decodeUtf8(input);
  if (text === undefined) throw notPem(input, where);
  const lines = text.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/);
  const blocks: PemBlock[] = [];
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at]?.trimEnd() ?? '';
    const label = BEGIN.exec(line)?.[1];
    if (label === undefined) {
      if (line.includes('-----BEGIN ') || line.startsWith('-----END ')) throw malformed(where, `line ${at + 1} is not a PEM boundary`);
      continue;
    }
    const end = lines.findIndex((candidate, index) => index > at && candidate.startsWith('-----'));
    if (end === -1 || lines[end]?.trimEnd() !== `-----END ${label}-----`) {
      throw malformed(where, `the block that begins at line ${at + 1} has no line "-----END ${label}-----"`);
    }
    blocks.push(readBlock(label, lines.slice(at + 1, end), where, at + 1));
    at = end;
  }
  if (blocks.length === 0) throw notPem(input, where);
  return blocks;
}

function readBlock(label: string, body: readonly string[], where: string, line: number): PemBlock {
  // RFC 1421 headers: what OpenSSL once encrypted private keys with ("Proc-Type: 4,ENCRYPTED").
  const headers: string[] = [];
  let rest = body;
  if (HEADER.test(body[0] ?? '')) {
    const blank = body.findIndex((text) => text.trim() === '');
    headers.push(...body.slice(0, blank === -1 ? body.length : blank).map((text) => text.trimEnd()));
    rest = blank === -1 ? [] : body.slice(blank + 1);
  }
  const content = rest.map((text) => text.trim()).join('');
  const der = content === '' ? undefined : decodeBase64(content);
  if (der === undefined) throw malformed(where, `the content of the block that begins at line ${line} is not base64`);
  const traditional = headers.some((header) => /^Proc-Type: ?4,ENCRYPTED$/.test(header));
  if (headers.length > 0 && !traditional) throw malformed(where, `the block that begins at line ${line} has headers`);
  if (!traditional && label !== PARAMETERS && label !== OPENSSH && derLength(der) !== der.length) {
    throw malformed(where, `the block that begins at line ${line} is cut off or has bytes after its end`);
  }
  const wrapped = content.match(/.{1,64}/g) ?? [];
  const text = [`-----BEGIN ${label}-----`, ...headers, ...(traditional ? [''] : []), ...wrapped, `-----END ${label}-----`, ''].join('\n');
  return { label, der, encrypted: traditional || label === 'ENCRYPTED PRIVATE KEY', text };
}

/**
 * The one private key of a PEM file, still as it stands there: PKCS#8, encrypted PKCS#8, SEC1 or PKCS#1.
 *
 * @throws MlsignError `key-malformed`, `key-is-public`, `pem-malformed`, `pem-too-large`
 */
export function parsePrivateKeyBlock(input: Uint8Array | string, where: string): PemBlock {
  const blocks = keyBlocks(input, where);
  const [block] = blocks;
  if (block !== undefined && blocks.every(({ label }) => PUBLIC_LABELS.includes(label) || label === 'CERTIFICATE')) {
    const what = block.label === 'CERTIFICATE' ? 'a certificate' : 'a public key';
    throw refused('key-is-public', `this is ${what}; signing needs the private key`, {
      subject: where,
      expected: 'a private key',
      got: what,
      suggestions: [
        where.endsWith('.pub') ? `give the private key: ${where.slice(0, -'.pub'.length)}` : 'give the file that holds the private key',
      ],
    });
  }
  return onlyBlock(blocks, PRIVATE_LABELS, 'one private key', where);
}

/** What a user may trust by key. */
export type TrustedPem = { readonly kind: 'key'; readonly key: KeyObject } | { readonly kind: 'certificate'; readonly der: Uint8Array };

/**
 * The one public key or certificate of a PEM file that a user trusts.
 *
 * @throws MlsignError `key-is-private`, `key-malformed`, `certificate-malformed`, `ml-dsa-unavailable`, `pem-malformed`, `pem-too-large`
 */
export function parseTrustedPem(input: Uint8Array | string, where: string): TrustedPem {
  const blocks = keyBlocks(input, where);
  const secret = blocks.find(({ label }) => PRIVATE_LABELS.includes(label));
  if (secret !== undefined) {
    throw refused('key-is-private', 'this is a private key; verifying needs the public key only', {
      subject: where,
      expected: 'a public key or a certificate',
      got: 'a private key',
      suggestions: [`give the public key (mlsign keygen wrote it to ${where}.pub), or make it: openssl pkey -in KEY -pubout`],
    });
  }
  const block = onlyBlock(blocks, [...PUBLIC_LABELS, 'CERTIFICATE'], 'one public key or certificate', where);
  if (block.label === 'CERTIFICATE') return { kind: 'certificate', der: checkCertificate(block.der, where) };
  return { kind: 'key', key: readPublicKey(block, where) };
}

/**
 * The certificates of a PEM file, in its order: at least one, and nothing else.
 *
 * @throws MlsignError `certificate-malformed`, `pem-malformed`, `pem-too-large`
 */
export function parseCertificates(input: Uint8Array | string, where: string): readonly Uint8Array[] {
  return parsePem(input, where).map(({ label, der }) => {
    if (label === 'CERTIFICATE') return checkCertificate(der, where);
    throw refused('certificate-malformed', 'the file holds something that is not a certificate', {
      subject: where,
      expected: 'certificates only (PEM)',
      got: label.toLowerCase(),
    });
  });
}

/** Those that were asked for: writing a key out takes as long as verifying with it. */
const hints = new WeakMap<KeyObject, string>();

/** The name by which bundles tell of a key: SHA-256, in hex, of its SPKI PEM with LF and a final newline (OMS §4.1). */
export function publicKeyHint(key: KeyObject): string {
  const known = hints.get(key);
  if (known !== undefined) return known;
  const hint = sha256Hex(Buffer.from(key.export({ type: 'spki', format: 'pem' })));
  hints.set(key, hint);
  return hint;
}

/** The refusal of an ML-DSA key by a Node that has none, where that is what these bytes are. */
export function mlDsaMissing(der: Uint8Array, where: string, cause: unknown): MlsignError | undefined {
  // The algorithm stands at the front of SPKI and PKCS#8.
  if (!ML_DSA_OID.test(Buffer.from(der.subarray(0, 64)).toString('hex'))) return undefined;
  return unavailable('ml-dsa-unavailable', 'ml-dsa needs Node 24.7 or later', {
    subject: where,
    got: `Node ${process.versions.node}`,
    suggestions: ['use such a Node, or a key of another kind'],
    cause,
  });
}

function readPublicKey({ label, der }: PemBlock, where: string): KeyObject {
  try {
    return createPublicKey({ key: Buffer.from(der), format: 'der', type: label === 'PUBLIC KEY' ? 'spki' : 'pkcs1' });
  } catch (cause) {
    throw mlDsaMissing(der, where, cause) ?? unreadableKey(where, cause);
  }
}

function unreadableKey(where: string, cause: unknown): MlsignError {
  const suggestions = ['get the key again from its owner, or make it from the private key: openssl pkey -in KEY -pubout'];
  return refused('key-malformed', 'the public key cannot be read', { subject: where, suggestions, cause });
}

function checkCertificate(der: Uint8Array, where: string): Uint8Array {
  try {
    new X509Certificate(der);
    return der;
  } catch (cause) {
    throw refused('certificate-malformed', 'the certificate cannot be read', { subject: where, suggestions: [COPY_AGAIN], cause });
  }
}

function keyBlocks(input: Uint8Array | string, where: string): readonly PemBlock[] {
  return parsePem(input, where).filter(({ label }) => label !== PARAMETERS);
}

function onlyBlock(blocks: readonly PemBlock[], labels: readonly string[], expected: string, where: string): PemBlock {
  const [block] = blocks;
  const odd = blocks.find(({ label }) => !labels.includes(label));
  if (odd?.label === OPENSSH) {
    throw refused('key-malformed', 'the key is in the format of OpenSSH', {
      subject: where,
      expected,
      suggestions: ['convert a copy of it: ssh-keygen -p -m PKCS8 -f COPY'],
    });
  }
  if (block === undefined || blocks.length > 1 || odd !== undefined) {
    const got = blocks.map(({ label }) => label.toLowerCase()).join(', ');
    throw refused('key-malformed', `the file must hold ${expected} and nothing else`, {
      subject: where,
      expected,
      got,
      suggestions: ['put each key or certificate into a file of its own'],
    });
  }
  return block;
}

/** Bytes that the outermost DER value takes, from its header; undefined where that is no SEQUENCE with a definite, shortest length. */
function derLength(der: Uint8Array): number | undefined {
  const [tag, first] = der;
  if (tag !== 0x30 || first === undefined) return undefined;
  if (first < 0x80) return 2 + first;
  const count = first & 0x7f;
  if (count < 1 || count > 3 || der.length < 2 + count) return undefined;
  const length = Buffer.from(der).readUIntBE(2, count);
  return length < (count === 1 ? 0x80 : 2 ** (8 * (count - 1))) ? undefined : 2 + count + length;
}

function notPem(input: Uint8Array | string, where: string): MlsignError {
  const start = typeof input === 'string' ? input.slice(0, 16) : Buffer.from(input.subarray(0, 16)).toString('latin1');
  const [got, suggestion]: readonly [string, string] = start.startsWith('ssh-')
    ? ['a public key of OpenSSH', 'convert it: ssh-keygen -e -m PKCS8 -f KEY.pub']
    : start.startsWith('\x30')
      ? ['binary data, perhaps DER', 'convert it to PEM with openssl']
      : /^(\xff\xfe|\xfe\xff)/.test(start)
        ? ['UTF-16 text', 'save the file as UTF-8']
        : ['no PEM block', 'check that this is the right file'];
  return refused('pem-malformed', 'the file is not PEM: there is no line "-----BEGIN …-----"', {
    subject: where,
    expected: 'PEM text',
    got,
    suggestions: [suggestion],
  });
}

function malformed(where: string, detail: string): MlsignError {
  return refused('pem-malformed', `the PEM file is malformed: ${detail}`, { subject: where, suggestions: [COPY_AGAIN] });
}
