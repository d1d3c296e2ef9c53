import { generateKeyPair, type KeyObject } from 'node:crypto';
import { unavailable } from '../core/index.ts';
import { publicKeyHint } from '../formats/index.ts';
import { encryptPkcs8 } from './pkcs8.ts';

/** The kinds of keys that are made, the default first. */
export const KEY_TYPES = ['ec-p256', 'ec-p384', 'ec-p521', 'rsa-3072', 'rsa-4096', 'ed25519', 'ml-dsa-65'] as const;

/** A kind of key. */
export type KeyType = (typeof KEY_TYPES)[number];

/** A new key pair in PEM. */
export interface GeneratedKey {
  /** PKCS#8, encrypted where a passphrase was given. */
  readonly privateKeyPem: string;
  /** SPKI. */
  readonly publicKeyPem: string;
  /** The name by which bundles tell of the key. */
  readonly hint: string;
}

/**
 * Makes a key pair.
 *
 * @param passphrase encrypts the private key (PBES2, PBKDF2 with 600,000 rounds, AES-256-CBC)
 * @throws MlsignError `ml-dsa-unavailable`
 * @example
 * const { privateKeyPem, publicKeyPem } = await generateKey('ed25519', passphrase);
 */
export async function generateKey(type: KeyType, passphrase?: string): Promise<GeneratedKey> {
  const { privateKey, publicKey } = await makePair(type);
  const der = privateKey.export({ type: 'pkcs8', format: 'der' });
  return {
    privateKeyPem: passphrase === undefined ? pem('PRIVATE KEY', der) : pem('ENCRYPTED PRIVATE KEY', await encryptPkcs8(der, passphrase)),
    publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    hint: publicKeyHint(publicKey),
  };
}

async function makePair(type: KeyType): Promise<{ privateKey: KeyObject; publicKey: KeyObject }> {
  switch (type) {
    case 'ec-p256':
      return pair((done) => generateKeyPair('ec', { namedCurve: 'P-256' }, done));
    case 'ec-p384':
      return pair((done) => generateKeyPair('ec', { namedCurve: 'P-384' }, done));
    case 'ec-p521':
      return pair((done) => generateKeyPair('ec', { namedCurve: 'P-521' }, done));
    case 'rsa-3072':
      return pair((done) => generateKeyPair('rsa', { modulusLength: 3072 }, done));
    case 'rsa-4096':
      return pair((done) => generateKeyPair('rsa', { modulusLength: 4096 }, done));
    case 'ed25519':
      return pair((done) => generateKeyPair('ed25519', {}, done));
    case 'ml-dsa-65':
      return mlDsaPair();
  }
}

async function mlDsaPair(): Promise<{ privateKey: KeyObject; publicKey: KeyObject }> {
  try {
    return await pair((done) => generateKeyPair('ml-dsa-65', {}, done));
  } catch (cause) {
    throw unavailable('ml-dsa-unavailable', 'ml-dsa needs Node 24.7 or later', { got: `Node ${process.versions.node}`, cause });
  }
}

type Done = (error: Error | null, publicKey: KeyObject, privateKey: KeyObject) => void;

function pair(generate: (done: Done) => void): Promise<{ privateKey: KeyObject; publicKey: KeyObject }> {
  return new Promise((resolve, reject) => {
    generate((error, publicKey, privateKey) => (error === null ? resolve({ privateKey, publicKey }) : reject(error)));
  });
}

function pem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
