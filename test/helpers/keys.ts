import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { MlsignError } from '../../src/core/index.ts';
import { localKeySigner, type Signer } from '../../src/sign/index.ts';

/** The passphrase of every encrypted key under `fixtures/keys`. */
export const PASSPHRASE = 'test only';

/** The keys under `fixtures/keys` that are accepted, each with its scheme. */
export const ACCEPTED_KEYS = {
  'ec-p256': 'ecdsa-p256-sha256',
  'ec-p384': 'ecdsa-p384-sha384',
  'ec-p521': 'ecdsa-p521-sha512',
  'rsa-2048': 'rsa-pss-sha256',
  'rsa-pss-2048': 'rsa-pss-sha256',
  ed25519: 'ed25519',
  'ml-dsa-44': 'ml-dsa-44',
  'ml-dsa-65': 'ml-dsa-65',
  'ml-dsa-87': 'ml-dsa-87',
} as const;

export type AcceptedKey = keyof typeof ACCEPTED_KEYS;

/** Whether this Node knows ML-DSA: from 24.7. */
export const HAS_ML_DSA = knowsMlDsa();

/** The accepted keys that this Node knows. */
export const KEY_NAMES = known(Object.keys(ACCEPTED_KEYS) as readonly AcceptedKey[]);

/** Those of some keys that this Node knows. */
export function known<T extends string>(names: readonly T[]): readonly T[] {
  return names.filter((name) => HAS_ML_DSA || !name.startsWith('ml-dsa'));
}

/** Where a file of `fixtures/keys` lies. */
export function keyUrl(name: string): URL {
  return new URL(`../../fixtures/keys/${name}`, import.meta.url);
}

/** The bytes of a file of `fixtures/keys`. */
export function keyFile(name: string): Buffer {
  return readFileSync(keyUrl(name));
}

/** A signer from a key of `fixtures/keys`. */
export function fixtureSigner(name: string, rsaPadding?: 'pss' | 'pkcs1'): Promise<Signer> {
  return localKeySigner(keyFile(`${name}.key`), { where: `${name}.key`, passphrase: async () => PASSPHRASE, rsaPadding });
}

/** Matches an error by its code and its message, for `assert.throws` and `assert.rejects`. */
export function mlsignError(code: string, message: RegExp | string, fields: Partial<MlsignError> = {}): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof MlsignError, String(error));
    assert.equal(error.code, code, error.message);
    if (typeof message === 'string') assert.equal(error.message, message);
    else assert.match(error.message, message);
    for (const [name, value] of Object.entries(fields)) assert.deepEqual(Reflect.get(error, name), value, name);
    return true;
  };
}

function knowsMlDsa(): boolean {
  try {
    return createPublicKey(keyFile('ml-dsa-65.pub')).asymmetricKeyType === 'ml-dsa-65';
  } catch {
    return false;
  }
}
