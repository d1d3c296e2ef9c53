import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { refused, systemErrorCode, throwIfAborted, unavailable } from '../core/index.ts';
import { mlDsaMissing, type PemBlock, parsePrivateKeyBlock, publicKeyHint, schemeForKey, schemeTitle, signData } from '../formats/index.ts';
import type { Signer } from './signer.ts';

/** How a private key is opened and used. */
export interface LocalKeyOptions {
  /** Names the key in errors: its path. */
  readonly where: string;
  /** Asked only where the key is encrypted; undefined where there is no passphrase to be had. */
  readonly passphrase?: (() => Promise<string | undefined>) | undefined;
  /** Padding of an RSA key; `pss` unless given. */
  readonly rsaPadding?: 'pss' | 'pkcs1' | undefined;
}

/**
 * A signer from a private key in PEM: PKCS#8, SEC1 or PKCS#1, encrypted or not.
 *
 * @throws MlsignError `key-malformed`, `key-is-public`, `key-unsupported`, `passphrase-needed`, `passphrase-wrong`,
 *   `ml-dsa-unavailable`, `pem-malformed`
 * @example
 * const signer = await localKeySigner(await readFile('release.key'), { where: 'release.key' });
 */
export async function localKeySigner(pem: Uint8Array | string, options: LocalKeyOptions): Promise<Signer> {
  const { where, rsaPadding } = options;
  const privateKey = await openPrivateKey(parsePrivateKeyBlock(pem, where), options);
  const publicKey = createPublicKey(privateKey);
  const isRsa = publicKey.asymmetricKeyType === 'rsa' || publicKey.asymmetricKeyType === 'rsa-pss';
  const scheme = schemeForKey(publicKey, where, isRsa && rsaPadding === 'pkcs1' ? 'rsa-pkcs1-sha256' : undefined);
  const hint = publicKeyHint(publicKey);
  return {
    scheme,
    publicKey,
    material: { kind: 'key', hint },
    description: `${schemeTitle(scheme)}, key ${hint.slice(0, 16)}`,
    async sign(data, signal) {
      throwIfAborted(signal);
      return signData(scheme, privateKey, data);
    },
  };
}

async function openPrivateKey(block: PemBlock, { where, passphrase }: LocalKeyOptions): Promise<KeyObject> {
  if (!block.encrypted) return readPrivateKey(block, where);
  const secret = await passphrase?.();
  if (secret === undefined) {
    throw unavailable('passphrase-needed', 'the private key is encrypted, and there is no passphrase', {
      subject: where,
      suggestions: ['set MLSIGN_KEY_PASSPHRASE, give --passphrase-file, or run it on a terminal'],
    });
  }
  return readPrivateKey(block, where, secret);
}

function readPrivateKey(block: PemBlock, where: string, passphrase?: string): KeyObject {
  try {
    return createPrivateKey(passphrase === undefined ? block.text : { key: block.text, passphrase });
  } catch (error) {
    // The cause stays behind: nothing of the key or its passphrase may travel with an error.
    throw (
      mlDsaMissing(block.der, where, undefined) ?? (isWrongPassphrase(block, error) ? passphraseWrong(where) : keyMalformed(block, where))
    );
  }
}

// OpenSSL gives up in this way where a passphrase is longer than it takes.
const WRONG_PASSPHRASE = ['ERR_OSSL_BAD_DECRYPT', 'ERR_OSSL_EVP_BAD_DECRYPT', 'ERR_OSSL_CRYPTO_INTERRUPTED_OR_CANCELLED'];

/** One wrong passphrase in 256 gives right padding by chance: then what comes out of it is not a key. */
function isWrongPassphrase({ encrypted, label }: PemBlock, error: unknown): boolean {
  const code = systemErrorCode(error) ?? '';
  if (!encrypted || code !== 'ERR_OSSL_UNSUPPORTED') return WRONG_PASSPHRASE.includes(code);
  if (label !== 'ENCRYPTED PRIVATE KEY') return true;
  const stack = error instanceof Error && 'opensslErrorStack' in error ? String(error.opensslErrorStack) : '';
  return stack.includes('PKCS12 routines::decode error');
}

function passphraseWrong(where: string): Error {
  return refused('passphrase-wrong', 'the passphrase does not open the private key', {
    subject: where,
    suggestions: ['check MLSIGN_KEY_PASSPHRASE or --passphrase-file, and that this is the right key'],
  });
}

function keyMalformed(block: PemBlock, where: string): Error {
  return refused('key-malformed', 'the private key cannot be read', {
    subject: where,
    got: `a damaged block, or an encryption or algorithm that this Node does not know (${block.label.toLowerCase()})`,
    suggestions: ['copy the key again, or convert it: openssl pkcs8 -topk8 -in KEY -out NEW'],
  });
}
