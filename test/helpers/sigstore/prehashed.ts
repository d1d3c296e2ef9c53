import { constants, type KeyObject, publicDecrypt } from 'node:crypto';
import { p256, p384, p521 } from '@noble/curves/nist.js';
import { NULL, octets, oid, sequence } from '../der.ts';

const CURVES = { prime256v1: p256, secp384r1: p384, secp521r1: p521 } as const;
const DIGESTS = { sha256: '2.16.840.1.101.3.4.2.1', sha384: '2.16.840.1.101.3.4.2.2', sha512: '2.16.840.1.101.3.4.2.3' } as const;

/** Whether a signature is that of a key over a digest: ECDSA in DER, or RSA PKCS#1 v1.5. node:crypto takes only what it hashes itself. */
export function isSignatureOfDigest(key: KeyObject, digestName: keyof typeof DIGESTS, digest: Buffer, signature: Buffer): boolean {
  if (key.asymmetricKeyType === 'rsa') {
    const info = sequence(sequence(oid(DIGESTS[digestName]), NULL), octets(digest));
    try {
      return publicDecrypt({ key, padding: constants.RSA_PKCS1_PADDING }, signature).equals(info);
    } catch {
      return false;
    }
  }
  const name = key.asymmetricKeyDetails?.namedCurve;
  const curve = name === 'prime256v1' || name === 'secp384r1' || name === 'secp521r1' ? CURVES[name] : undefined;
  if (curve === undefined) return false;
  const { x = '', y = '' } = key.export({ format: 'jwk' });
  const point = Buffer.concat([Buffer.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
  try {
    return curve.verify(signature, digest, point, { prehash: false, format: 'der', lowS: false });
  } catch {
    return false;
  }
}
