import { type Check, type Finding, MlsignError } from '../core/index.ts';
import type { HighWaterMark, Mark, VerifiedChannel } from '../release/index.ts';
import type { StoreLocation } from '../store/index.ts';

/** Remembers the pointer that was verified, so that no older one is ever accepted again. */
export async function advanceMark(
  channel: Pick<VerifiedChannel, 'pointer' | 'digest'> | undefined,
  { name }: StoreLocation,
  state: HighWaterMark | undefined,
): Promise<Remembered> {
  if (channel === undefined) return { checks: [], findings: [] };
  const { pointer, digest } = channel;
  const { channel: channelName, sequence } = pointer;
  return rememberMark(state, name, channelName, { sequence, digest }, `${name}@${channelName}`);
}

/** What became of the remembering. */
export interface Remembered {
  readonly checks: readonly Check[];
  readonly findings: readonly Finding[];
}

/**
 * Remembers the newest of numbered documents that was verified.
 *
 * @param subject what it is, for people
 */
export async function rememberMark(
  state: HighWaterMark | undefined,
  name: string,
  row: string,
  mark: Mark,
  subject: string,
): Promise<Remembered> {
  if (state === undefined) {
    return {
      checks: [{ name: 'channel-state', status: 'skipped', detail: `${subject}: this client remembers no sequence` }],
      findings: [],
    };
  }
  try {
    await state.advance(name, row, mark);
    return {
      checks: [{ name: 'channel-state', status: 'passed', detail: `${subject}: sequence ${mark.sequence} is remembered` }],
      findings: [],
    };
  } catch (error) {
    if (!(error instanceof MlsignError) || error.outcome !== 'unavailable') throw error;
    const message = `this client could not remember the sequence: ${error.message}`;
    const finding: Finding = { code: 'state-not-written', severity: 'warning', message, subject: error.subject ?? subject };
    return { checks: [{ name: 'channel-state', status: 'could-not-run', detail: `${subject}: ${error.message}` }], findings: [finding] };
  }
}
