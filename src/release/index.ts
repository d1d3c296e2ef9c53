export { CHANNEL_TYPE, type ChannelPointer, channelPayload, MAX_POINTER_BYTES, parseChannelPointer } from './channel.ts';
export {
  MAX_RECORD_BYTES,
  parseReleaseRecord,
  RELEASE_TYPE,
  type ReleaseBundle,
  type ReleaseObject,
  type ReleaseRecord,
  releasePayload,
} from './record.ts';
