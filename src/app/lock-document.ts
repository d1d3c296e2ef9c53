import { layoutOf, locationText, type Store } from '../store/index.ts';
import type { SignedContents, StoredModel } from './stored-model.ts';

/** Where every byte of a pulled model came from: `schemas/lock.schema.json`. Signatures and not this file say what is true. */
export function lockDocument(store: Pick<Store, 'url'>, { location, release, channel }: StoredModel, contents: SignedContents): object {
  const { candidate, files, manifest } = contents;
  const { method, hashType, shardSize } = manifest.serialization;
  const layout = layoutOf(location);
  return {
    type: 'https://mlsign/lock/v1',
    store: store.url,
    location: location.url,
    reference: location.reference === undefined ? location.url : locationText(location, location.reference),
    model_id: candidate.modelId,
    ...(release === undefined
      ? {}
      : {
          release: {
            number: release.record.number,
            digest: release.digest,
            key: layout.release(release.record.number),
            version: release.version,
          },
        }),
    ...(channel === undefined
      ? {}
      : {
          channel: { name: channel.pointer.channel, sequence: channel.pointer.sequence, digest: channel.digest, version: channel.version },
        }),
    serialization: { method, hash_type: hashType, ...(shardSize === undefined ? {} : { shard_size: shardSize }) },
    files: files.map(({ name, object: { key, version, size }, signed }) => ({ name, key, version, size, digests: signed.digests })),
    bundles: (release?.record.bundles ?? []).map(({ digest, version, size }) => ({
      key: layout.bundle(candidate.modelId, digest),
      version,
      size,
      sha256: digest,
    })),
  };
}
