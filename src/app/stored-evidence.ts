import { locationText, type StoreLocation, type VersionId } from '../store/index.ts';
import type { FileEvidence } from './check-stored-content.ts';
import type { StoredModel } from './stored-model.ts';

/** What of a store stands behind a verification. */
export interface StoredEvidence {
  /** As it was asked for. */
  readonly location: string;
  readonly release?: { readonly number: number; readonly digest: string; readonly version: VersionId; readonly signer: string } | undefined;
  readonly channel?:
    | { readonly name: string; readonly sequence: number; readonly digest: string; readonly expires: Date; readonly signer: string }
    | undefined;
  /** How the bytes of each file were proven; those that were not are findings. */
  readonly files: readonly FileEvidence[];
}

/** What is known of a release and its channel. */
export function storedEvidence({ location, release, channel }: StoredModel): Omit<StoredEvidence, 'files'> {
  return {
    location: asked(location),
    ...(release === undefined
      ? {}
      : {
          release: {
            number: release.record.number,
            digest: release.digest,
            version: release.version,
            signer: release.statement.signer.description,
          },
        }),
    ...(channel === undefined
      ? {}
      : {
          channel: {
            name: channel.pointer.channel,
            sequence: channel.pointer.sequence,
            digest: channel.digest,
            expires: channel.pointer.expires,
            signer: channel.statement.signer.description,
          },
        }),
  };
}

/** A location as it was asked for. */
export function asked(location: StoreLocation): string {
  return location.reference === undefined ? location.url : locationText(location, location.reference);
}
