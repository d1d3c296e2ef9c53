import { createCipheriv, pbkdf2, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';

// OWASP's figure for PBKDF2 with HMAC-SHA-256; node:crypto's own export stays at OpenSSL's 2048.
const ITERATIONS = 600_000;

const OID_PBES2 = '06092a864886f70d01050d';
const OID_PBKDF2 = '06092a864886f70d01050c';
const OID_HMAC_SHA256 = '06082a864886f70d0209';
const OID_AES_256_CBC = '060960864801650304012a';

/**
 * Encrypts a PKCS#8 private key (DER) as EncryptedPrivateKeyInfo: PBES2 with PBKDF2-HMAC-SHA-256 and AES-256-CBC (RFC 8018),
 * which OpenSSL and every common library read.
 */
export async function encryptPkcs8(privateKey: Uint8Array, passphrase: string): Promise<Uint8Array> {
  const salt = randomBytes(16);
  const iv = randomBytes(16);
  const key = await promisify(pbkdf2)(passphrase, salt, ITERATIONS, 32, 'sha256');
  const cipher = createCipheriv('aes-256-cbc', key, iv);
  const encrypted = Buffer.concat([cipher.update(privateKey), cipher.final()]);
  const hmac = sequence(Buffer.from(OID_HMAC_SHA256, 'hex'), tagged(0x05));
  const kdf = sequence(Buffer.from(OID_PBKDF2, 'hex'), sequence(tagged(0x04, salt), integer(ITERATIONS), hmac));
  const encryption = sequence(Buffer.from(OID_AES_256_CBC, 'hex'), tagged(0x04, iv));
  return sequence(sequence(Buffer.from(OID_PBES2, 'hex'), sequence(kdf, encryption)), tagged(0x04, encrypted));
}

function sequence(...parts: readonly Uint8Array[]): Uint8Array {
  return tagged(0x30, ...parts);
}

/** A DER INTEGER above zero, below 2³¹. */
function integer(value: number): Uint8Array {
  const bytes = Buffer.alloc(5);
  bytes.writeUInt32BE(value, 1);
  // The shortest form whose first bit is clear (X.690 §8.3.2).
  let start = 0;
  while (start < 4 && bytes[start] === 0 && (bytes[start + 1] ?? 0) < 0x80) start++;
  return tagged(0x02, bytes.subarray(start));
}

function tagged(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const content = Buffer.concat(parts);
  if (content.length < 0x80) return Buffer.concat([Buffer.from([tag, content.length]), content]);
  const hex = content.length.toString(16);
  const length = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex');
  return Buffer.concat([Buffer.from([tag, 0x80 | length.length]), length, content]);
}
