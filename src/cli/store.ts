import { accessSync, constants, existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { Flags } from '@oclif/core';
import type { StoreConnection } from '../aws/index.ts';
import { usage } from '../core/index.ts';
import { HighWaterMark } from '../release/index.ts';
import { openStore, type Store, type StoreLocation } from '../store/index.ts';
import { awsFlags } from './kms.ts';
import { retryNote } from './retry-note.ts';
import { proxyEnvironment, statePath } from './wiring.ts';

const STORE = 'STORE';
const CHANNEL = 'CHANNEL';
const MODEL_ID = /^(?:sha256:)?([0-9a-f]{64})$/;

/** How a store is reached. */
export const storeFlags = {
  region: awsFlags.region,
  profile: awsFlags.profile,
  's3-endpoint-url': Flags.url({ summary: 'Endpoint of S3: another S3-compatible store.', helpValue: 'URL', helpGroup: STORE }),
  'path-style': Flags.boolean({ summary: 'Put the bucket into the path and not into the host name.', helpGroup: STORE }),
  'expected-bucket-owner': Flags.string({
    summary: 'AWS account (12 digits) that must own the bucket.',
    helpValue: 'ACCOUNT',
    helpGroup: STORE,
  }),
};

/** What a release or channel must be, besides signed. */
export const channelFlags = {
  state: Flags.string({
    summary: "File that remembers the newest pointer seen of each channel; in the user's state directory unless given.",
    helpValue: 'FILE',
    helpGroup: CHANNEL,
  }),
  'min-sequence': Flags.integer({
    summary: 'Reject a pointer with a lower sequence than this.',
    helpValue: 'N',
    min: 1,
    helpGroup: CHANNEL,
  }),
  'expect-model-id': Flags.custom<string>({ parse: async (text) => parseModelId(text) })({
    summary: 'The one model that is accepted.',
    helpValue: 'ID',
    helpGroup: CHANNEL,
  }),
  'trust-release': Flags.string({
    summary: "Public key trusted for release records and channels (PEM; repeatable); the model's own trust unless given.",
    helpValue: 'PEM',
    multiple: true,
    multipleNonGreedy: true,
    helpGroup: CHANNEL,
  }),
};

function parseModelId(text: string): string {
  const id = MODEL_ID.exec(text)?.[1];
  if (id !== undefined) return id;
  throw usage('model-id-invalid', 'not a model id', { got: text, expected: '64 hex digits, with or without sha256: before them' });
}

/** Flags that say how a store is reached. */
export interface StoreFlags {
  readonly region?: string | undefined;
  readonly profile?: string | undefined;
  readonly 's3-endpoint-url'?: URL | undefined;
  readonly 'path-style': boolean;
  readonly 'expected-bucket-owner'?: string | undefined;
  readonly quiet?: boolean | undefined;
}

/** Flags that say what is known of a channel already. */
export interface ChannelFlags {
  readonly state?: string | undefined;
  readonly 'min-sequence'?: number | undefined;
}

/** The store of a location, as flags and the environment say; nothing is asked yet. */
export function connectStore({ store }: Pick<StoreLocation, 'store'>, flags: StoreFlags): Promise<Store> {
  const connection: StoreConnection = {
    region: flags.region,
    profile: flags.profile,
    endpoint: flags['s3-endpoint-url']?.href,
    pathStyle: flags['path-style'],
    expectedBucketOwner: flags['expected-bucket-owner'],
    proxies: proxyEnvironment(),
    retries: { onRetry: retryNote(flags.quiet ?? false) },
  };
  return openStore(store, connection);
}

/** How the store of a revocation list is opened. */
export function storeOpener(flags: StoreFlags): (place: Pick<StoreLocation, 'store'>) => Promise<Store> {
  return (place) => connectStore(place, flags);
}

/** Opens the store, does the work, and closes it in any case. */
export async function withStore<T>(
  location: Pick<StoreLocation, 'store'>,
  flags: StoreFlags,
  work: (store: Store) => Promise<T>,
): Promise<T> {
  const store = await connectStore(location, flags);
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

/** What this client knows of channels; nothing where the user has no place to remember it, which the evidence then says. */
export function channelClientOf(flags: ChannelFlags): { readonly state?: HighWaterMark; readonly minSequence?: number | undefined } {
  const path = flags.state ?? writableState();
  return { ...(path === undefined ? {} : { state: new HighWaterMark(path) }), minSequence: flags['min-sequence'] };
}

function writableState(): string | undefined {
  const path = statePath('channels.json');
  if (path === undefined) return undefined;
  try {
    // It is made when there is something to remember.
    let folder = dirname(path);
    while (!existsSync(folder) && folder !== dirname(folder)) folder = dirname(folder);
    accessSync(folder, constants.W_OK);
    return path;
  } catch {
    return undefined;
  }
}
