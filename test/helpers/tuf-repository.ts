import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { canonicalJson, Refusal, StrictServer } from './sigstore/strict-server.ts';

/** What the next metadata says. */
export interface TufOptions {
  readonly version?: number;
  readonly expires?: Date;
  /** Signs the targets with another key than the root names. */
  readonly targetsKey?: KeyObject;
}

const HOUR = 3_600_000;

/** A TUF repository with one target, `trusted_root.json` (TUF specification §4, consistent snapshots). */
export class TufRepositoryServer {
  readonly server: StrictServer;
  readonly #keys = generateKeyPairSync('ed25519');
  #files = new Map<string, Buffer>();
  #version = 0;

  private constructor(server: StrictServer) {
    this.server = server;
    server.on('GET /*', ({ url }) => {
      const body = this.#files.get(url.pathname.slice(1));
      if (body === undefined) throw new Refusal({ status: 404, headers: { 'content-type': 'text/plain' }, body: 'not found' });
      return { status: 200, headers: { 'content-type': 'application/octet-stream' }, body };
    });
  }

  static async start(): Promise<TufRepositoryServer> {
    return new TufRepositoryServer(await StrictServer.start('TUF repository'));
  }

  /** The root that trust begins with. */
  get rootMetadata(): Buffer {
    const roles = Object.fromEntries(
      ['root', 'targets', 'snapshot', 'timestamp'].map((role) => [role, { keyids: [this.#keyId], threshold: 1 }]),
    );
    const keys = { [this.#keyId]: this.#publicKey };
    return this.#signed({ _type: 'root', consistent_snapshot: true, keys, roles }, 1, new Date(Date.now() + HOUR));
  }

  /** Puts a target in, with metadata of the next version. */
  publish(target: Buffer, { version = ++this.#version, expires = new Date(Date.now() + HOUR), targetsKey }: TufOptions = {}): void {
    const digest = createHash('sha256').update(target).digest('hex');
    const described = { length: target.length, hashes: { sha256: digest } };
    const targets = this.#signed({ _type: 'targets', targets: { 'trusted_root.json': described } }, version, expires, targetsKey);
    const snapshot = this.#signed({ _type: 'snapshot', meta: { 'targets.json': { version } } }, version, expires);
    const timestamp = this.#signed({ _type: 'timestamp', meta: { 'snapshot.json': { version } } }, version, expires);
    this.#files = new Map([
      ['timestamp.json', timestamp],
      [`${version}.snapshot.json`, snapshot],
      [`${version}.targets.json`, targets],
      [`targets/${digest}.trusted_root.json`, target],
    ]);
  }

  get #publicKey(): object {
    const raw = this.#keys.publicKey.export({ type: 'spki', format: 'der' }).subarray(-32);
    return { keytype: 'ed25519', scheme: 'ed25519', keyval: { public: raw.toString('hex') } };
  }

  get #keyId(): string {
    return createHash('sha256').update(canonicalJson(this.#publicKey)).digest('hex');
  }

  #signed(body: object, version: number, expires: Date, key: KeyObject = this.#keys.privateKey): Buffer {
    const signed = { ...body, spec_version: '1.0.0', version, expires: expires.toISOString().replace(/\.\d+Z$/, 'Z') };
    const sig = sign(null, Buffer.from(canonicalJson(signed)), key).toString('hex');
    return Buffer.from(JSON.stringify({ signed, signatures: [{ keyid: this.#keyId, sig }] }));
  }
}
