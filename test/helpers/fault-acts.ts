import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promoteRelease, pullModel, pushModel, signModel, verifyRelease } from '../../src/app/index.ts';
import { MlsignError } from '../../src/core/index.ts';
import { type Policy, policyFromFlags } from '../../src/policy/index.ts';
import type { Signer } from '../../src/sign/index.ts';
import { layoutOf, parseLocation, type Store, type StoreLocation } from '../../src/store/index.ts';
import type { FaultProxy } from './fault-proxy.ts';
import { fixtureSigner, keyFile, keyUrl } from './keys.ts';
import type { Sandbox } from './sandbox.ts';

/** A server of S3 behind a proxy that spoils one request of many. */
export interface FaultBed {
  readonly bucket: string;
  readonly proxy: FaultProxy;
  /** A store that is reached through the proxy: each request is tried so often, without waiting in between. */
  connect(attempts: number): Promise<Store>;
  /** What tells the command line how to get there in that way. */
  readonly variables: Readonly<Record<string, string>>;
  /** The same store, reached directly. */
  readonly direct: Store;
  /** Keys below a prefix and their bytes, as a client gets them that knows of no versions. */
  readAll(prefix: string): Promise<ReadonlyMap<string, Buffer>>;
  close(): Promise<void>;
}

/** Names and contents. */
export type Files = Readonly<Record<string, Uint8Array>>;

/** A signed model and what is in it. */
interface Model {
  readonly path: string;
  readonly modelId: string;
  readonly files: ReadonlyMap<string, Buffer>;
}

/** Something that mlsign does in a store, prepared up to the point where faults begin. */
export interface Act {
  /** Does it: for the first time, or again after it failed. */
  run(store: Store): Promise<unknown>;
  /** The same on the command line. */
  readonly args: readonly string[];
  /** What must hold at any time, whatever went wrong. */
  check(): Promise<void>;
  /** What must hold when it was done. */
  finish(): Promise<void>;
}

export const ACTS = ['push', 'resume', 'pull', 'promote'] as const;
export type ActName = (typeof ACTS)[number];

const KEY = 'ec-p256';
const TRUSTED = ['--trust-key', fileURLToPath(keyUrl(`${KEY}.pub`))];
const SIGNED = [...TRUSTED, '--key', fileURLToPath(keyUrl(`${KEY}.key`))];
const MONTH = { kind: 'for', milliseconds: 30 * 86_400_000 } as const;

/** What mlsign does in a store, with models of its own; each act has a place of its own. */
export class FaultActs {
  readonly #bed: FaultBed;
  readonly #sandbox: Sandbox;
  readonly #signer: Signer;
  readonly #policy: Policy;
  readonly #models: readonly [Model, Model];
  #serial = 0;

  private constructor(bed: FaultBed, sandbox: Sandbox, signer: Signer, models: readonly [Model, Model]) {
    this.#bed = bed;
    this.#sandbox = sandbox;
    this.#signer = signer;
    this.#policy = policyFromFlags({ trustKeys: [{ pem: keyFile(`${KEY}.pub`), where: `${KEY}.pub` }] });
    this.#models = models;
  }

  /** Signs the models: of whole files, or in shards of so many bytes. */
  static async make(bed: FaultBed, sandbox: Sandbox, models: readonly [Files, Files], shardSize?: number): Promise<FaultActs> {
    const signer = await fixtureSigner(KEY);
    const sign = async (name: string, files: Files): Promise<Model> => {
      const path = sandbox.write(name, files);
      const { modelId } = await signModel(path, { signer, shardSize });
      return { path, modelId, files: new Map(Object.entries(files).map(([file, bytes]) => [file, Buffer.from(bytes)])) };
    };
    return new FaultActs(bed, sandbox, signer, [await sign('first', models[0]), await sign('second', models[1])]);
  }

  /** Each prepares one. */
  readonly prepare: Readonly<Record<ActName, () => Promise<Act>>> = {
    push: async () => this.#push(this.#fresh(), this.#models[0]),
    resume: async () => {
      const push = this.#push(this.#fresh(), this.#models[0]);
      this.#requests ??= this.#countRequests();
      const middle = Math.ceil((await this.#requests) / 2);
      const impatient = await this.#bed.connect(1);
      this.#bed.proxy.heal();
      this.#bed.proxy.fail(middle, { kind: 'reset' });
      assert.notEqual(await outcomeOf(push.run(impatient)), 'done', 'this push was meant to fail');
      this.#bed.proxy.heal();
      await impatient.close();
      return push;
    },
    pull: async () => {
      this.#pulled ??= this.#released(1);
      return this.#pull(at(await this.#pulled, 1), this.#models[0]);
    },
    promote: async () => {
      this.#promoted ??= this.#released(2);
      const location = await this.#promoted;
      const channel = `c${this.#serial++}`;
      await this.#move(this.#bed.direct, at(location, 1), channel, true);
      return this.#promote(location, channel);
    },
  };

  #requests: Promise<number> | undefined;
  #pulled: Promise<StoreLocation> | undefined;
  #promoted: Promise<StoreLocation> | undefined;

  /** Of a push. */
  async #countRequests(): Promise<number> {
    const store = await this.#bed.connect(1);
    this.#bed.proxy.heal();
    await this.#push(this.#fresh(), this.#models[0]).run(store);
    await store.close();
    return this.#bed.proxy.requests.length;
  }

  /** A place with releases that were made without any fault. */
  async #released(count: number): Promise<StoreLocation> {
    const location = this.#fresh();
    for (const model of this.#models.slice(0, count)) await this.#push(location, model).run(this.#bed.direct);
    return location;
  }

  #fresh(): StoreLocation {
    return parseLocation(`s3://${this.#bed.bucket}/faults/model-${this.#serial++}`);
  }

  #push(location: StoreLocation, model: Model): Act {
    const layout = layoutOf(location);
    const resumeDirectory = this.#sandbox.path(`uploads-${this.#serial++}`);
    const options = { policy: this.#policy, signer: this.#signer, resumeDirectory };
    const seen = () => this.#bed.readAll(layout.model);
    return {
      args: ['push', model.path, location.url, ...SIGNED],
      run: async (store) => {
        const { outcome, findings } = await pushModel(model.path, location, { ...options, store });
        assert.ok(outcome === 'pushed' || outcome === 'unchanged', `${outcome}: ${JSON.stringify(findings)}`);
      },
      check: async () => {
        const keys = await seen();
        const files = below(keys, `${model.modelId}/`);
        for (const [name, bytes] of files) assert.deepEqual(bytes, model.files.get(name), `half of ${name}`);
        const releases = below(keys, '.mlsign/releases/');
        assert.ok(
          [...releases.keys()].every((name) => name === '1.json'),
          [...releases.keys()].join(),
        );
        if (releases.size > 0) assert.deepEqual(sorted(files), sorted(model.files));
      },
      finish: async () => {
        const keys = await seen();
        assert.deepEqual(sorted(below(keys, `${model.modelId}/`)), sorted(model.files));
        assert.deepEqual([...below(keys, '.mlsign/releases/').keys()], ['1.json']);
        await this.#verify(at(location, 1));
      },
    };
  }

  #pull(location: StoreLocation, model: Model): Act {
    const directory = this.#sandbox.path(`pulled-${this.#serial++}`);
    const isWhole = async (): Promise<void> => {
      const { 'model.sig': signature, ...files } = Object.fromEntries(await filesBelow(directory));
      assert.deepEqual(sorted(new Map(Object.entries(files))), sorted(model.files));
      assert.deepEqual(signature, await readFile(join(model.path, 'model.sig')));
    };
    return {
      args: ['pull', `${location.url}@1`, directory, ...TRUSTED],
      run: async (store) => {
        if (existsSync(directory)) return;
        const { verdict, findings } = await pullModel(location, directory, { store, policy: this.#policy });
        if (verdict !== 'verified') throw new MlsignError('unavailable', 'not-pulled', JSON.stringify(findings));
      },
      check: async () => {
        if (existsSync(directory)) await isWhole();
      },
      finish: isWhole,
    };
  }

  #promote(location: StoreLocation, channel: string): Act {
    const target = parseLocation(`${location.url}@${channel}`);
    const number = async (): Promise<number | undefined> => (await this.#verify(target)).stored.release?.number;
    return {
      args: ['promote', `${location.url}@2`, '--channel', channel, '--expires', '30d', ...SIGNED],
      run: (store) => this.#move(store, at(location, 2), channel, false),
      check: async () => assert.ok([1, 2].includes((await number()) ?? 0)),
      finish: async () => assert.equal(await number(), 2),
    };
  }

  async #move(store: Store, location: StoreLocation, channel: string, init: boolean): Promise<void> {
    const move = await promoteRelease(location, { store, policy: this.#policy, signer: this.#signer, channel, expires: MONTH, init });
    if (move.written === undefined) throw new MlsignError('unavailable', 'not-moved', JSON.stringify(move.findings));
  }

  async #verify(location: StoreLocation) {
    const verified = await verifyRelease(location, { store: this.#bed.direct, policy: this.#policy, mode: 'full' });
    assert.equal(verified.verdict, 'verified', JSON.stringify(verified.findings));
    return verified;
  }
}

function at({ url }: StoreLocation, number: number): StoreLocation {
  return parseLocation(`${url}@${number}`);
}

function below(keys: ReadonlyMap<string, Buffer>, prefix: string): ReadonlyMap<string, Buffer> {
  return new Map([...keys].flatMap(([key, bytes]) => (key.startsWith(prefix) ? [[key.slice(prefix.length), bytes] as const] : [])));
}

function sorted(files: ReadonlyMap<string, Buffer>): readonly (readonly [string, Buffer])[] {
  return [...files].sort(([a], [b]) => (a < b ? -1 : 1));
}

async function filesBelow(folder: string): Promise<ReadonlyMap<string, Buffer>> {
  const found = new Map<string, Buffer>();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile()) found.set(relative(folder, path).replaceAll('\\', '/'), await readFile(path));
  }
  return found;
}

/** `done`, or the error. */
export async function outcomeOf(work: Promise<unknown>): Promise<unknown> {
  try {
    await work;
    return 'done';
  } catch (error) {
    return error;
  }
}
