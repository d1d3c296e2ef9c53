export { CHANNEL_TYPE, type ChannelPointer, channelPayload, MAX_POINTER_BYTES, parseChannelPointer } from './channel.ts';
export { decodeTime } from './decode-statement.ts';
export { HighWaterMark, type Mark } from './high-water.ts';
export type { SeenPointer } from './judge-pointer.ts';
export { sequenceProblem, stageOfLife } from './judge-sequence.ts';
export { type ListedChannel, type ListedRelease, listChannels, listReleases, newestRelease } from './listing.ts';
export * from './next-steps.ts';
export { MAX_POINTER_VERSIONS, type OpenedChannel, openChannel, otherChannel, type VerifiedChannel } from './open-channel.ts';
export { type OpenedRelease, type OpenReleaseOptions, openRelease, type VerifiedRelease } from './open-release.ts';
export { type PublishedRelease, type PublishOptions, publishRelease } from './publish.ts';
export {
  MAX_RECORD_BYTES,
  parseReleaseRecord,
  RELEASE_TYPE,
  type ReleaseBundle,
  type ReleaseObject,
  type ReleaseRecord,
  releasePayload,
} from './record.ts';
export { releaseBefore } from './release-before.ts';
export { type ResolvedRelease, resolveRelease } from './resolve.ts';
export type { ChannelClient, ReleaseTrust } from './trust.ts';
export { failure, openVersion, type SignedDocument, versionsOf } from './versions.ts';
