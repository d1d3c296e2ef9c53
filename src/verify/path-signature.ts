import { constants, type KeyObject, verify } from 'node:crypto';
import type { Algorithm, PathCertificate } from './path-certificate.ts';
import { type DerValue, objectIdentifier, sequenceItems, smallInteger, TAG } from './path-der.ts';

type Digest = 'sha1' | 'sha256' | 'sha384' | 'sha512';

interface SignatureAlgorithm {
  readonly keyTypes: readonly string[];
  /** Null where the algorithm hashes by itself. */
  readonly digest: Digest | null;
  readonly parameters: 'absent' | 'null' | 'pss';
}

const RSA = (digest: Digest): SignatureAlgorithm => ({ keyTypes: ['rsa'], digest, parameters: 'null' });
const ECDSA = (digest: Digest): SignatureAlgorithm => ({ keyTypes: ['ec'], digest, parameters: 'absent' });
const PURE = (type: string): SignatureAlgorithm => ({ keyTypes: [type], digest: null, parameters: 'absent' });

const ALGORITHMS: Readonly<Record<string, SignatureAlgorithm>> = {
  '1.2.840.113549.1.1.11': RSA('sha256'),
  '1.2.840.113549.1.1.12': RSA('sha384'),
  '1.2.840.113549.1.1.13': RSA('sha512'),
  '1.2.840.113549.1.1.10': { keyTypes: ['rsa', 'rsa-pss'], digest: null, parameters: 'pss' },
  '1.2.840.10045.4.3.2': ECDSA('sha256'),
  '1.2.840.10045.4.3.3': ECDSA('sha384'),
  '1.2.840.10045.4.3.4': ECDSA('sha512'),
  '1.3.101.112': PURE('ed25519'),
  '2.16.840.1.101.3.4.3.17': PURE('ml-dsa-44'),
  '2.16.840.1.101.3.4.3.18': PURE('ml-dsa-65'),
  '2.16.840.1.101.3.4.3.19': PURE('ml-dsa-87'),
};

// What a root signs itself with says nothing about trust, so that old roots pass; nothing else may be signed so.
const ROOTS_ONLY: Readonly<Record<string, SignatureAlgorithm>> = {
  '1.2.840.113549.1.1.5': RSA('sha1'),
  '1.2.840.10045.4.1': ECDSA('sha1'),
};

const NAMES: Readonly<Record<string, string>> = {
  '1.2.840.113549.1.1.2': 'RSA with MD2',
  '1.2.840.113549.1.1.4': 'RSA with MD5',
  '1.2.840.113549.1.1.5': 'RSA with SHA-1',
  '1.2.840.113549.1.1.10': 'RSA-PSS',
  '1.2.840.113549.1.1.14': 'RSA with SHA-224',
  '1.2.840.10040.4.3': 'DSA with SHA-1',
  '1.2.840.10045.4.1': 'ECDSA with SHA-1',
  '1.2.840.10045.4.3.1': 'ECDSA with SHA-224',
  '1.3.101.113': 'Ed448',
};

export const ACCEPTED_SIGNATURES = 'ECDSA, RSA or RSA-PSS with SHA-256, SHA-384 or SHA-512, Ed25519, or ML-DSA';

const MGF1 = '1.2.840.113549.1.1.8';
const DIGESTS: Readonly<Record<string, Digest>> = {
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
};

/** The name of a certificate's signature algorithm where it is too weak or not known. */
export function refusedAlgorithm({ algorithm }: PathCertificate, asRoot = false): string | undefined {
  if (prepare(algorithm, asRoot) !== undefined) return undefined;
  const name = NAMES[algorithm.id] ?? algorithm.id;
  return algorithm.id in ALGORITHMS ? `${name} with unusual parameters` : name;
}

/** Whether a certificate was signed with a key (RFC 5280 §6.1.3 (a)(1)); false for any algorithm that is not accepted. */
export function isSignedBy(certificate: PathCertificate, key: KeyObject | undefined, asRoot = false): boolean {
  const method = prepare(certificate.algorithm, asRoot);
  if (method === undefined || key?.asymmetricKeyType === undefined || !method.keyTypes.includes(key.asymmetricKeyType)) return false;
  try {
    return verify(method.digest, certificate.signedPart, { key, ...method.options }, certificate.signature);
  } catch {
    // node:crypto throws where a key's own parameters forbid the algorithm.
    return false;
  }
}

interface Method {
  readonly keyTypes: readonly string[];
  readonly digest: Digest | null;
  readonly options: { readonly padding?: number; readonly saltLength?: number };
}

function prepare({ id, parameters }: Algorithm, asRoot: boolean): Method | undefined {
  const row = ALGORITHMS[id] ?? (asRoot ? ROOTS_ONLY[id] : undefined);
  if (row === undefined) return undefined;
  const { keyTypes, digest } = row;
  switch (row.parameters) {
    case 'absent':
      return parameters === undefined ? { keyTypes, digest, options: {} } : undefined;
    case 'null':
      // RFC 4055 §5: NULL; some leave it out.
      return parameters === undefined || parameters.tag === TAG.null ? { keyTypes, digest, options: {} } : undefined;
    case 'pss': {
      const pss = readPss(parameters);
      if (pss === undefined) return undefined;
      return { keyTypes, digest: pss.digest, options: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: pss.saltLength } };
    }
  }
}

/** RFC 4055 §3.1, without its SHA-1 defaults: one digest, also for MGF1, and the salt's length. */
function readPss(parameters: DerValue | undefined): { digest: Digest; saltLength: number } | undefined {
  try {
    const fields = new Map(parameters === undefined ? [] : sequenceItems(parameters, 0, 4).map(({ tag, items }) => [tag, items[0]]));
    const [hash, mask, salt, trailer] = [0xa0, 0xa1, 0xa2, 0xa3].map((tag) => fields.get(tag));
    if (hash === undefined || mask === undefined || (trailer !== undefined && smallInteger(trailer) !== 1)) return undefined;
    const [function1, inner] = sequenceItems(mask, 2, 2);
    const digest = digestOf(hash);
    if (function1 === undefined || objectIdentifier(function1) !== MGF1) return undefined;
    if (digest === undefined || inner === undefined || digestOf(inner) !== digest) return undefined;
    return { digest, saltLength: salt === undefined ? 20 : smallInteger(salt) };
  } catch {
    return undefined;
  }
}

function digestOf(algorithm: DerValue): Digest | undefined {
  const [id] = sequenceItems(algorithm, 1, 2);
  return id === undefined ? undefined : DIGESTS[objectIdentifier(id)];
}
