import type { SignerGroups } from '../policy/index.ts';
import type { EnvelopeOptions } from '../verify/index.ts';
import type { HighWaterMark } from './high-water.ts';

/** Who may sign release records and channel pointers, and whom to believe about when. */
export interface ReleaseTrust {
  readonly releases: SignerGroups;
  readonly channel: (name: string) => SignerGroups;
  readonly evidence: EnvelopeOptions;
}

/** What a client knows of channels. */
export interface ChannelClient {
  /** What it has seen of them; it is only read. */
  readonly state?: HighWaterMark | undefined;
  /** A pointer with a lower sequence is rejected. */
  readonly minSequence?: number | undefined;
  /** Whether the policy lets a client follow a channel that knows nothing of it. */
  readonly mayBeStateless: boolean;
  readonly now: Date;
}
