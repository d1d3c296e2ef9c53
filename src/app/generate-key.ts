import { usage, writeFilesAtomic } from '../core/index.ts';
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
 * Makes a key pair: `out` (PKCS#8, mode 0600) and `out.pub` (SPKI). Both appear, or neither; what was there stays then.
 *
 * @throws MlsignError `path-missing`, `file-exists`, `key-unsupported` where this Node has no such algorithm
 */
export async function generateKeyPair(out: string, options: GenerateKeyPairOptions): Promise<KeyPairFiles> {
  const { type, passphrase, force: overwrite = false } = options;
  if (out === '') throw usage('path-missing', 'the path of the new key is empty', { suggestions: ['give the path of the private key'] });
  const { privateKeyPem, publicKeyPem, hint } = await generateKey(type, passphrase);
  const publicKey = `${out}.pub`;
  await writeFilesAtomic([
    { path: out, data: privateKeyPem, what: 'private key', overwrite, mode: 0o600 },
    { path: publicKey, data: publicKeyPem, what: 'public key', overwrite },
  ]);
  return { type, privateKey: out, publicKey, hint, encrypted: passphrase !== undefined };
}
