import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promoteRelease, pushModel, signModel } from '../../src/app/index.ts';
import { type Policy, policyFromFlags } from '../../src/policy/index.ts';
import { layoutOf, openStore, parseLocation, type Store, type StoreLocation } from '../../src/store/index.ts';
import { type CliRun, mlsign } from './cli.ts';
import { fixtureSigner, keyFile, keyUrl } from './keys.ts';
import type { S3Bench } from './s3.ts';
import { Sandbox } from './sandbox.ts';
import type { AwsPrincipal } from './sigv4.ts';

/** Who signs models, and who releases them and moves channels. */
export const TRAINER = 'ec-p256';
export const RELEASER = 'ed25519';

/** Flags that trust the trainer for models and the releaser for the rest. */
export const TRUST = ['--trust-key', keyPath(`${TRAINER}.pub`), '--trust-release', keyPath(`${RELEASER}.pub`)] as const;

/** Flags that sign as one of them. */
export function signingAs(name: string): readonly string[] {
  return ['--key', keyPath(`${name}.key`)];
}

export function keyPath(name: string): string {
  return keyUrl(name).pathname;
}

/** A policy of the same trust as {@link TRUST}. */
export function testPolicy(): Policy {
  const pem = (name: string) => ({ pem: keyFile(`${name}.pub`), where: `${name}.pub` });
  return policyFromFlags({ trustKeys: [pem(TRAINER)], releaseKeys: [pem(RELEASER)] });
}

/** A store with models that were really pushed: in a directory, or beneath `team/` of a bucket. */
export class StoredModels {
  readonly sandbox = new Sandbox();
  readonly root = this.sandbox.path('store');
  readonly #bench: S3Bench | undefined;
  #models = 0;

  constructor(bench?: S3Bench) {
    this.#bench = bench;
  }

  /** Where a model is, as arguments say it. */
  url(name = 'llama'): string {
    return this.#bench?.url(`team/${name}`) ?? `file:${this.root}/${name}`;
  }

  location(name = 'llama'): StoreLocation {
    return parseLocation(this.url(name));
  }

  open(): Promise<Store> {
    return openStore(this.location().store, this.#bench?.connection());
  }

  /** Pushes a small model whose content is like no other's; returns the number of its release and its model id. */
  async push(name = 'llama', files?: Readonly<Record<string, string>>, now = new Date()): Promise<{ number: number; modelId: string }> {
    const serial = ++this.#models;
    const path = this.sandbox.write(`models/${serial}/${name}`, files ?? { 'weights.bin': `weights ${serial}`, 'config.json': '{}' });
    await signModel(path, { signer: await fixtureSigner(TRAINER) });
    const store = await this.open();
    try {
      const pushed = await pushModel(path, this.location(name), {
        store,
        policy: testPolicy(),
        signer: await fixtureSigner(RELEASER),
        clock: () => now,
      });
      assert.equal(pushed.outcome, 'pushed', JSON.stringify(pushed.findings));
      assert.ok(pushed.release !== undefined && pushed.modelId !== undefined);
      return { number: pushed.release.number, modelId: pushed.modelId };
    } finally {
      await store.close();
    }
  }

  /** Moves a channel to a release, its first pointer included, at a time. */
  async promote(number: number, now = new Date(), days = 30, channel = 'production', name = 'llama'): Promise<void> {
    const store = await this.open();
    try {
      const moved = await promoteRelease(
        { ...this.location(name), reference: { kind: 'release', number } },
        {
          store,
          policy: testPolicy(),
          signer: await fixtureSigner(RELEASER),
          channel,
          expires: { kind: 'for', milliseconds: days * 86_400_000 },
          init: true,
          clock: () => now,
        },
      );
      assert.ok(moved.written, JSON.stringify(moved.findings));
    } finally {
      await store.close();
    }
  }

  pointerKey(channel = 'production', name = 'llama'): string {
    return layoutOf(this.location(name)).channel(channel);
  }

  /** Runs the command line with a memory of its own for channels. */
  run(...args: readonly string[]): Promise<CliRun> {
    return mlsign(args, { env: { XDG_STATE_HOME: this.sandbox.path('state'), ...this.#bench?.environment() } });
  }

  /** The same for somebody who may do less in the bucket. */
  runAs(principal: AwsPrincipal, ...args: readonly string[]): Promise<CliRun> {
    return mlsign(args, { env: { XDG_STATE_HOME: this.sandbox.path('state'), ...this.#bench?.environment(principal) } });
  }

  /** Puts other bytes in the place of what a key holds, as a version of its own. */
  async put(key: string, data: string | Uint8Array): Promise<void> {
    const store = await this.open();
    try {
      const current = await store.current(key);
      assert.ok(await store.write(key, Buffer.from(data), current === undefined ? 'absent' : { tag: current.tag }));
    } finally {
      await store.close();
    }
  }

  /** Writes a key as somebody does who knows nothing of mlsign. */
  overwrite(key: string, data: string | Uint8Array): void {
    if (this.#bench !== undefined) return void this.#bench.behind.overwrite(key, data);
    const path = join(this.root, ...key.split('/'));
    mkdirSync(dirname(path), { recursive: true });
    rmSync(path, { force: true });
    writeFileSync(path, data);
  }

  /** Deletes a key as such a client does: its versions stay. */
  delete(key: string): void {
    if (this.#bench !== undefined) return void this.#bench.behind.deleteMarker(key);
    rmSync(join(this.root, ...key.split('/')));
  }

  /** The bytes of every version of a key, the newest first. */
  async versions(key: string): Promise<readonly Buffer[]> {
    const store = await this.open();
    try {
      const found: Buffer[] = [];
      for await (const entry of store.history(key)) {
        if (entry.key === key && !entry.isDeleted) found.push(Buffer.from(await store.read(entry, 2 ** 24)));
      }
      return found;
    } finally {
      await store.close();
    }
  }

  remove(): void {
    this.sandbox.remove();
  }
}
