import { layoutOf, locationText, type Store } from '../store/index.ts';
import type { OpenedModel } from './stored-model.ts';

/** Where every byte of a pulled model came from: `schemas/lock.schema.json`. Signatures and not this file say what is true. */
export function lockDocument(store: Pick<Store, 'url'>, { location, release, channel, contents }: OpenedModel): object {
  const { files, ranges } = contents;
  const { record } = release;
  const { algorithm, shardSize } = ranges;
  const attestations = (record.attestations ?? []).map(({ digest, version, size }) => {
    return { key: layoutOf(location).attestation(record.modelId, digest), version, size, sha256: digest };
  });
  return {
    type: 'https://mlsign/lock/v1',
    store: store.url,
    location: location.url,
    reference: location.reference === undefined ? location.url : locationText(location, location.reference),
    model_id: record.modelId,
    release: { number: record.number, digest: release.digest, key: layoutOf(location).release(record.number), version: release.version },
    ...(channel === undefined
      ? {}
      : {
          channel: {
            name: channel.pointer.channel,
            sequence: channel.pointer.sequence,
            digest: channel.digest,
            version: channel.version,
          },
        }),
    serialization: {
      method: shardSize === undefined ? 'files' : 'shards',
      hash_type: algorithm,
      ...(shardSize === undefined ? {} : { shard_size: shardSize }),
    },
    files: files.map(({ name, object: { key, version, size }, signed }) => ({ name, key, version, size, digests: signed.digests })),
    bundles: contents.bundles.map(({ object: { key, version, size }, digest }) => ({ key, version, size, sha256: digest })),
    ...(attestations.length === 0 ? {} : { attestations }),
  };
}
