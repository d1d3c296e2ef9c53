import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { StoreConnection } from '../../src/aws/index.ts';
import type { Finding } from '../../src/core/index.ts';
import { serializeBundle } from '../../src/formats/index.ts';
import type { Principal } from '../../src/policy/index.ts';
import {
  type ChannelClient,
  type ChannelPointer,
  channelPayload,
  type ReleaseObject,
  type ReleaseRecord,
  type ReleaseTrust,
  releasePayload,
} from '../../src/release/index.ts';
import { seal } from '../../src/sign/index.ts';
import {
  type CurrentObject,
  layoutOf,
  openStore,
  parseLocation,
  type Store,
  type StoreLocation,
  type VersionId,
} from '../../src/store/index.ts';
import { trustKeys } from './bundles.ts';
import { fixtureSigner } from './keys.ts';
import { Sandbox } from './sandbox.ts';

export const NOW = new Date('2026-03-01T12:00:00.000Z');
const DAY = 24 * 3_600_000;

export const MODEL_ID = 'a'.repeat(64);
export const OTHER_MODEL_ID = 'b'.repeat(64);

/** The name of a version, as a store gives it. */
export function versionId(text: string): VersionId {
  return text as VersionId;
}

/** An object of one part. */
export function anObject(name: string, fields: Partial<ReleaseObject> = {}): ReleaseObject {
  return { name, version: versionId('v1'), size: 4, partSize: 8_388_608, parts: ['c'.repeat(64)], ...fields };
}

/** A release record of the model `llama`. */
export function aRecord(number: number, fields: Partial<ReleaseRecord> = {}): ReleaseRecord {
  return {
    name: 'llama',
    number,
    created: NOW,
    modelId: MODEL_ID,
    kind: 'directory',
    objects: [anObject('config.json'), anObject('weights.bin')],
    bundles: [{ digest: 'd'.repeat(64), version: versionId('v2'), size: 1000 }],
    ...fields,
  };
}

/** A pointer of `llama@production`, issued now for thirty days. */
export function aPointer(sequence: number, fields: Partial<ChannelPointer> = {}): ChannelPointer {
  return {
    name: 'llama',
    channel: 'production',
    sequence,
    action: 'promote',
    release: { number: 1, digest: 'e'.repeat(64) },
    modelId: MODEL_ID,
    issued: NOW,
    expires: new Date(NOW.getTime() + 30 * DAY),
    ...fields,
  };
}

/** Moments around {@link NOW}. */
export function daysFromNow(days: number): Date {
  return new Date(NOW.getTime() + days * DAY);
}

/** A bundle's bytes, signed with a key of `fixtures/keys`. */
export async function signedBytes(payload: Uint8Array, key: string): Promise<Buffer> {
  return Buffer.from(serializeBundle(await seal(payload, await fixtureSigner(key))));
}

/** A store, in a directory of its own unless given, with the model `llama`, whose releases and channels are signed with ec-p384 unless a test says otherwise. */
export class ReleaseStore extends Sandbox {
  readonly location: StoreLocation;
  readonly trust: ReleaseTrust = trustIn(trustKeys('ec-p384'));
  readonly #store: Promise<Store>;

  constructor(url?: string, connection?: StoreConnection) {
    super();
    this.location = parseLocation(url ?? `file:${this.path('models/llama')}`);
    this.#store = openStore(this.location.store, connection);
  }

  store(): Promise<Store> {
    return this.#store;
  }

  /** A place with a reference: `1`, `production`. */
  at(reference: string): StoreLocation {
    return parseLocation(`${this.location.url}@${reference}`);
  }

  get channelKey(): string {
    return layoutOf(this.location).channel('production');
  }

  releaseKey(number: number): string {
    return layoutOf(this.location).release(number);
  }

  /** Writes whatever bytes over what a key has. */
  async overwrite(key: string, bytes: Uint8Array | string): Promise<CurrentObject> {
    const store = await this.#store;
    const current = await store.current(key);
    const condition = current === undefined ? 'absent' : { tag: current.tag };
    const written = await store.write(key, Buffer.from(bytes), condition);
    assert.ok(written);
    return written;
  }

  /** Signs a record and writes it under a number. */
  async release(record: ReleaseRecord, key = 'ec-p384', at = record.number): Promise<{ number: number; digest: string; bytes: Buffer }> {
    const bytes = await signedBytes(releasePayload(record), key);
    await this.overwrite(this.releaseKey(at), bytes);
    return { number: record.number, digest: sha256(bytes), bytes };
  }

  /** Signs a pointer and writes it over the one of production. */
  async point(pointer: ChannelPointer, key = 'ec-p384'): Promise<{ digest: string; bytes: Buffer; written: CurrentObject }> {
    const bytes = await signedBytes(channelPayload(pointer), key);
    const written = await this.overwrite(this.channelKey, bytes);
    return { digest: sha256(bytes), bytes, written };
  }

  /** Deletes every version of a key for good. */
  async purge(key: string): Promise<void> {
    const store = await this.#store;
    for await (const entry of store.history(key)) if (entry.key === key) await store.remove(entry);
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Trust in the same principals for everything. */
export function trustIn(principals: readonly Principal[]): ReleaseTrust {
  return { releases: [principals], channel: () => [principals], evidence: { now: NOW } };
}

/** A client that keeps no state. */
export const STATELESS: ChannelClient = { mayBeStateless: true, now: NOW };

/** Findings as tests compare them. */
export function codes(findings: readonly Finding[]): readonly string[] {
  return findings.map(({ code, severity }) => `${severity} ${code}`);
}
