import { type Check, type Finding, MlsignError } from '../core/index.ts';
import type { HighWaterMark, VerifiedChannel } from '../release/index.ts';
import type { StoreLocation } from '../store/index.ts';

/** Remembers the pointer that was verified, so that no older one is ever accepted again. */
export async function advanceMark(
  channel: Pick<VerifiedChannel, 'pointer' | 'digest'> | undefined,
  { name }: StoreLocation,
  state: HighWaterMark | undefined,
): Promise<{ readonly checks: readonly Check[]; readonly findings: readonly Finding[] }> {
  if (channel === undefined) return { checks: [], findings: [] };
  const { pointer, digest } = channel;
  const subject = `${name}@${pointer.channel}`;
  if (state === undefined) {
    return {
      checks: [{ name: 'channel-state', status: 'skipped', detail: `${subject}: this client remembers no sequence` }],
      findings: [],
    };
  }
  try {
    await state.advance(name, pointer.channel, { sequence: pointer.sequence, digest });
    return {
      checks: [{ name: 'channel-state', status: 'passed', detail: `${subject}: sequence ${pointer.sequence} is remembered` }],
      findings: [],
    };
  } catch (error) {
    if (!(error instanceof MlsignError) || error.outcome !== 'unavailable') throw error;
    const message = `this client could not remember the sequence: ${error.message}`;
    const finding: Finding = { code: 'state-not-written', severity: 'warning', message, subject: error.subject ?? subject };
    return { checks: [{ name: 'channel-state', status: 'could-not-run', detail: `${subject}: ${error.message}` }], findings: [finding] };
  }
}
