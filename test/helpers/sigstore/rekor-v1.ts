import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, sign, verify, X509Certificate } from 'node:crypto';
import { leafHash, MerkleLog } from './merkle-log.ts';
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

/** A transparency log as Rekor 1.x has it over HTTP, for DSSE envelopes. */
export class RekorV1 {
  readonly #key = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  readonly #log = new MerkleLog();
  readonly #entries = new Map<string, unknown>();
  readonly publicKey = this.#key.publicKey.export({ type: 'spki', format: 'der' });
  readonly logId = createHash('sha256').update(this.publicKey).digest();
  readonly server: StrictServer;
  /** The time that its promises tell. */
  now: () => Date = () => new Date();

  private constructor(server: StrictServer) {
    this.server = server;
    // A log is never empty, so that proofs have something to prove.
    for (const entry of ['one', 'two', 'three', 'four', 'five']) this.#log.append(Buffer.from(entry));
    server.on('POST /api/v1/log/entries', (call) => this.#create(call));
    server.on('GET /api/v1/log/entries/*', (call) => this.#get(call));
  }

  static async start(): Promise<RekorV1> {
    return new RekorV1(await StrictServer.start('Rekor v1'));
  }

  #create(call: Call): Reply {
    expectRequest(call, { 'content-type': 'application/json', accept: 'application/json' });
    const proposed = expectKeys(JSON.parse(call.body.toString()), ['apiVersion', 'kind', 'spec'], 'entry');
    if (proposed.kind !== 'dsse' || proposed.apiVersion !== '0.0.1') throw new Error('not a dsse entry 0.0.1');
    const { proposedContent } = expectKeys(proposed.spec, ['proposedContent'], 'spec');
    const content = expectKeys(proposedContent, ['envelope', 'verifiers'], 'proposedContent');
    const envelopeText = text(content.envelope, 'envelope');
    const envelope = expectKeys(JSON.parse(envelopeText), ['payload', 'payloadType', 'signatures'], 'envelope');
    if (!Array.isArray(envelope.signatures) || !Array.isArray(content.verifiers)) throw new Error('no signatures or verifiers');
    const [signatureValue] = envelope.signatures;
    const [verifierValue] = content.verifiers;
    const signature = bytes(expectKeys(signatureValue, ['sig'], 'signature').sig, 'sig');
    const verifier = bytes(verifierValue, 'verifier').toString();
    const payload = bytes(envelope.payload, 'payload');
    if (!isSigned(keyOf(verifier), preAuthEncoding(text(envelope.payloadType, 'payloadType'), payload), signature)) {
      throw new Refusal(json(400, { code: 400, message: 'could not verify envelope: accepted signatures do not match threshold' }));
    }
    const body = Buffer.from(
      canonicalJson({
        apiVersion: '0.0.1',
        kind: 'dsse',
        spec: {
          envelopeHash: { algorithm: 'sha256', value: createHash('sha256').update(envelopeText).digest('hex') },
          payloadHash: { algorithm: 'sha256', value: createHash('sha256').update(payload).digest('hex') },
          signatures: [{ signature: signature.toString('base64'), verifier: verifierValue }],
        },
      }),
    );
    return this.#append(body);
  }

  #append(body: Buffer): Reply {
    const uuid = `00000000000000ab${leafHash(body).toString('hex')}`;
    const location = `/api/v1/log/entries/${uuid}`;
    if (this.#entries.has(uuid)) {
      const message = `an equivalent entry already exists in the transparency log with UUID ${uuid}`;
      throw new Refusal(json(409, { code: 409, message }, { location }));
    }
    const proof = this.#log.append(body);
    // Since logs were sharded, the index in all shards is another than that in the tree of the proof.
    const logIndex = proof.index + 1000;
    const integratedTime = Math.floor(this.now().getTime() / 1000);
    const promised = { body: body.toString('base64'), integratedTime, logID: this.logId.toString('hex'), logIndex };
    const entry = {
      ...promised,
      verification: {
        inclusionProof: {
          checkpoint: this.#checkpoint(proof.size, proof.root),
          hashes: proof.hashes.map((hash) => hash.toString('hex')),
          logIndex: proof.index,
          rootHash: proof.root.toString('hex'),
          treeSize: proof.size,
        },
        signedEntryTimestamp: sign('sha256', Buffer.from(canonicalJson(promised)), this.#key.privateKey).toString('base64'),
      },
    };
    this.#entries.set(uuid, { [uuid]: entry });
    return json(201, { [uuid]: entry }, { location, etag: uuid });
  }

  #get(call: Call): Reply {
    expectRequest(call, { accept: 'application/json' });
    const entry = this.#entries.get(call.url.pathname.split('/').at(-1) ?? '');
    if (entry === undefined) throw new Refusal(json(404, { code: 404, message: 'entry not found' }));
    return json(200, entry);
  }

  /** A signed note: the key's name is the first four bytes of the log id. */
  #checkpoint(size: number, root: Buffer): string {
    const note = `${this.server.host} - 171\n${size}\n${root.toString('base64')}\n`;
    const signature = sign('sha256', Buffer.from(note), this.#key.privateKey);
    return `${note}\n— ${this.server.host} ${Buffer.concat([this.logId.subarray(0, 4), signature]).toString('base64')}\n`;
  }
}

function keyOf(pem: string): KeyObject {
  return pem.includes('BEGIN CERTIFICATE') ? new X509Certificate(pem).publicKey : createPublicKey(pem);
}

/** Rekor v1 verifies with SHA-256 whatever the curve, and RSA by PKCS#1 v1.5 alone. */
function isSigned(key: KeyObject, data: Buffer, signature: Buffer): boolean {
  switch (key.asymmetricKeyType) {
    case 'ec':
    case 'rsa':
      return verify('sha256', data, key, signature);
    case 'ed25519':
      return verify(null, data, key, signature);
    default:
      return false;
  }
}

function preAuthEncoding(type: string, payload: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`DSSEv1 ${Buffer.byteLength(type)} ${type} ${payload.length} `), payload]);
}
