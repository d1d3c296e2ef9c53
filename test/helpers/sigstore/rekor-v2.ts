import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, sign, X509Certificate } from 'node:crypto';
import { MerkleLog } from './merkle-log.ts';
import { isSignatureOfDigest } from './prehashed.ts';
import {
  bytes,
  type Call,
  canonicalJson,
  expectKeys,
  expectRequest,
  json,
  Refusal,
  type Reply,
  StrictServer,
  text,
} from './strict-server.ts';

/** What rekor-tiles 2.3 takes by default: the key, and the digest that its signature is over. */
const ALGORITHMS: Readonly<Record<string, { type: string; curve?: string; bits?: number; digest: 'sha256' | 'sha384' | 'sha512' }>> = {
  PKIX_ECDSA_P256_SHA_256: { type: 'ec', curve: 'prime256v1', digest: 'sha256' },
  PKIX_ECDSA_P384_SHA_384: { type: 'ec', curve: 'secp384r1', digest: 'sha384' },
  PKIX_ECDSA_P521_SHA_512: { type: 'ec', curve: 'secp521r1', digest: 'sha512' },
  PKIX_RSA_PKCS1V15_2048_SHA256: { type: 'rsa', bits: 2048, digest: 'sha256' },
  PKIX_RSA_PKCS1V15_3072_SHA256: { type: 'rsa', bits: 3072, digest: 'sha256' },
  PKIX_RSA_PKCS1V15_4096_SHA256: { type: 'rsa', bits: 4096, digest: 'sha256' },
};

const REGISTRY_NAMES = { sha256: 'SHA2_256', sha384: 'SHA2_384', sha512: 'SHA2_512' } as const;

/** `--hostname` of the real one: the host of its URL. */
const ORIGIN = '127.0.0.1';

/** A transparency log as rekor-tiles has it over HTTP: hashed records alone, checkpoints, no time. */
export class RekorV2 {
  readonly #key = generateKeyPairSync('ed25519');
  readonly #log = new MerkleLog();
  readonly #known = new Map<string, number>();
  readonly publicKey = this.#key.publicKey.export({ type: 'spki', format: 'der' });
  readonly server: StrictServer;

  private constructor(server: StrictServer) {
    this.server = server;
    for (const entry of ['one', 'two', 'three']) this.#log.append(Buffer.from(entry));
    server.on('POST /api/v2/log/entries', (call) => this.#create(call));
  }

  static async start(): Promise<RekorV2> {
    return new RekorV2(await StrictServer.start('Rekor v2'));
  }

  /** C2SP signed-note: SHA-256 of the key's name, a newline, the algorithm (1) and the Ed25519 key. */
  get logId(): Buffer {
    return createHash('sha256').update(`${ORIGIN}\n`).update(Buffer.of(1)).update(this.publicKey.subarray(-32)).digest();
  }

  #create(call: Call): Reply {
    expectRequest(call, { 'content-type': 'application/json', accept: 'application/json' });
    const request = expectKeys(JSON.parse(call.body.toString()), ['hashedRekordRequestV002'], 'request');
    const record = expectKeys(request.hashedRekordRequestV002, ['digest', 'signature'], 'record');
    const signature = expectKeys(record.signature, ['content', 'verifier'], 'signature');
    const verifier = expectKeys(signature.verifier, ['keyDetails', 'publicKey?', 'x509Certificate?'], 'verifier');
    const algorithm = ALGORITHMS[text(verifier.keyDetails, 'keyDetails')];
    const key = keyOf(verifier);
    const digest = bytes(record.digest, 'digest');
    const content = bytes(signature.content, 'content');
    if (algorithm === undefined || !fits(key, algorithm) || !isSignatureOfDigest(key, algorithm.digest, digest, content)) {
      throw new Refusal(json(400, { code: 3, message: 'invalid hashedrekord request', details: [] }));
    }
    const body = Buffer.from(
      canonicalJson({
        apiVersion: '0.0.2',
        kind: 'hashedrekord',
        spec: {
          hashedRekordV002: {
            data: { algorithm: REGISTRY_NAMES[algorithm.digest], digest: record.digest },
            signature: { content: signature.content, verifier },
          },
        },
      }),
    );
    return this.#append(body);
  }

  #append(body: Buffer): Reply {
    const known = this.#known.get(body.toString());
    if (known !== undefined) {
      const message = `an equivalent entry already exists in the transparency log with index ${known}`;
      throw new Refusal(json(409, { code: 6, message, details: [] }, { 'x-log-index': String(known) }));
    }
    const proof = this.#log.append(body);
    this.#known.set(body.toString(), proof.index);
    return json(201, {
      logIndex: String(proof.index),
      logId: { keyId: this.logId.toString('base64') },
      kindVersion: { kind: 'hashedrekord', version: '0.0.2' },
      integratedTime: '0',
      inclusionPromise: null,
      inclusionProof: {
        logIndex: String(proof.index),
        rootHash: proof.root.toString('base64'),
        treeSize: String(proof.size),
        hashes: proof.hashes.map((hash) => hash.toString('base64')),
        checkpoint: { envelope: this.#checkpoint(proof.size, proof.root) },
      },
      canonicalizedBody: body.toString('base64'),
    });
  }

  #checkpoint(size: number, root: Buffer): string {
    const note = `${ORIGIN}\n${size}\n${root.toString('base64')}\n`;
    const signature = sign(null, Buffer.from(note), this.#key.privateKey);
    return `${note}\n— ${ORIGIN} ${Buffer.concat([this.logId.subarray(0, 4), signature]).toString('base64')}\n`;
  }
}

function keyOf(verifier: Readonly<Record<string, unknown>>): KeyObject {
  if ('x509Certificate' in verifier) {
    return new X509Certificate(bytes(expectKeys(verifier.x509Certificate, ['rawBytes'], 'x509Certificate').rawBytes, 'rawBytes')).publicKey;
  }
  const der = bytes(expectKeys(verifier.publicKey, ['rawBytes'], 'publicKey').rawBytes, 'rawBytes');
  return createPublicKey({ key: der, format: 'der', type: 'spki' });
}

function fits(key: KeyObject, { type, curve, bits }: { type: string; curve?: string; bits?: number }): boolean {
  const details = key.asymmetricKeyDetails ?? {};
  return key.asymmetricKeyType === type && details.namedCurve === curve && details.modulusLength === bits;
}
