import { unlink } from 'node:fs/promises';
import { fileError, writeFileAtomic } from '../core/index.ts';
import { generateKey, type KeyType } from '../sign/index.ts';

/** How a key pair is made. */
export interface GenerateKeyPairOptions {
  readonly type: KeyType;
  /** Encrypts the private key; without one it is kept in the clear. */
  readonly passphrase?: string | undefined;
  /** Whether existing files may be replaced. */
  readonly force?: boolean | undefined;
}

/** Where a new key pair lies. */
export interface KeyPairFiles {
  readonly type: KeyType;
  readonly privateKey: string;
  readonly publicKey: string;
  /** How bundles name the key: hex SHA-256 of its public PEM. */
  readonly hint: string;
  readonly encrypted: boolean;
}

/**
 * Makes a key pair: `out` (PKCS#8, mode 0600) and `out.pub` (SPKI). Both appear, or neither.
 *
 * @throws MlsignError `file-exists`, `key-unsupported` where this Node has no such algorithm
 */
export async function generateKeyPair(out: string, options: GenerateKeyPairOptions): Promise<KeyPairFiles> {
  const { type, passphrase, force: overwrite = false } = options;
  const { privateKeyPem, publicKeyPem, hint } = await generateKey(type, passphrase);
  const publicKey = `${out}.pub`;
  await writeFileAtomic(out, privateKeyPem, { what: 'private key', overwrite, mode: 0o600 });
  try {
    await writeFileAtomic(publicKey, publicKeyPem, { what: 'public key', overwrite });
  } catch (error) {
    if (!overwrite) await unlink(out).catch((cause) => Promise.reject(fileError(cause, 'take the private key back', out)));
    throw error;
  }
  return { type, privateKey: out, publicKey, hint, encrypted: passphrase !== undefined };
}
