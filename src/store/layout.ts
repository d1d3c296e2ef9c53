import type { StoreLocation } from './location.ts';

/** Where everything of one model is kept (ARCHITECTURE §4): the only maker of keys. */
export interface Layout {
  /** `prefix/name/`: of every key of the model. */
  readonly model: string;
  /** `prefix/name/<model id>/`: what a plain loader is pointed at. */
  files(modelId: string): string;
  /** One file of the model under its own name. */
  file(modelId: string, name: string): string;
  /** Of the bundles about one model id. */
  bundles(modelId: string): string;
  /** A model signature, by the SHA-256 of its bytes (hex). */
  bundle(modelId: string, digest: string): string;
  /** Another signed statement about a model, by the SHA-256 of its bytes (hex). */
  attestation(modelId: string, digest: string): string;
  readonly releases: string;
  release(number: number): string;
  readonly channels: string;
  channel(name: string): string;
  /** The list of the whole prefix, not of one model. */
  readonly revocations: string;
}

/** The folder of a model's own records. */
export const RECORDS = '.mlsign';

const RELEASE_KEY = /^([1-9]\d{0,14})\.json$/;
const ATTESTATION_KEY = /^([0-9a-f]{64})\.att$/;
const CHANNEL_KEY = /^([A-Za-z][A-Za-z0-9._-]{0,63})\.json$/;

/** The keys of the model at a location. */
export function layoutOf({ prefix, name }: Pick<StoreLocation, 'prefix' | 'name'>): Layout {
  const model = `${prefix}${name}/`;
  const records = `${model}${RECORDS}/`;
  const files = (modelId: string): string => `${model}${modelId}/`;
  const bundles = (modelId: string): string => `${records}bundles/${modelId}/`;
  return {
    model,
    files,
    file: (modelId, file) => `${files(modelId)}${file}`,
    bundles,
    bundle: (modelId, digest) => `${bundles(modelId)}${digest}.sig`,
    attestation: (modelId, digest) => `${bundles(modelId)}${digest}.att`,
    releases: `${records}releases/`,
    release: (number) => `${records}releases/${number}.json`,
    channels: `${records}channels/`,
    channel: (channel) => `${records}channels/${channel}.json`,
    revocations: `${prefix}${RECORDS}/revocations.json`,
  };
}

/** The number of the release that a key is the record of; undefined for any other key. */
export function releaseOfKey(layout: Layout, key: string): number | undefined {
  const number = key.startsWith(layout.releases) ? RELEASE_KEY.exec(key.slice(layout.releases.length))?.[1] : undefined;
  return number === undefined ? undefined : Number(number);
}

/** The name of the channel that a key is the pointer of; undefined for any other key. */
export function channelOfKey(layout: Layout, key: string): string | undefined {
  return key.startsWith(layout.channels) ? CHANNEL_KEY.exec(key.slice(layout.channels.length))?.[1] : undefined;
}

/** The digest that the key of an attestation about a model says; undefined for any other key. */
export function attestationOfKey(layout: Layout, modelId: string, key: string): string | undefined {
  const folder = layout.bundles(modelId);
  return key.startsWith(folder) ? ATTESTATION_KEY.exec(key.slice(folder.length))?.[1] : undefined;
}
