import type { KeyObject } from 'node:crypto';

/**
 * Whether two keys are one. Keys of different types are never compared by node:crypto: OpenSSL would leave an error behind, for
 * which the next private key that is read, a good one, is refused.
 */
export function sameKey(a: KeyObject, b: KeyObject): boolean {
  return a.asymmetricKeyType === b.asymmetricKeyType && a.equals(b);
}
