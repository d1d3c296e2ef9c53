import type { ChannelMove } from '../app/index.ts';
import type { ChannelPointer } from '../release/index.ts';
import { escapeText } from './escape.ts';
import { findingLine, findingLines, suggestionLines, worstFirst } from './findings.ts';
import { formatCount } from './quantity.ts';
import type { Style } from './style.ts';

const DONE = { promote: 'promoted', renew: 'renewed', rollback: 'rolled back' } as const;
const LIST_LIMIT = 5;

/** What `mlsign promote --json`, `renew --json` and `rollback --json` print: `schemas/channel-move.schema.json`. */
export function channelMoveDocument(move: ChannelMove): object {
  const { verdict, action, url, channel, policy, written, replaced, prefix, notCurrent, restore, checks, findings } = move;
  return {
    type: 'https://mlsign/channel-move/v1',
    verdict,
    action,
    url,
    channel,
    policy: { source: policy.source, ...(policy.digest === undefined ? {} : { sha256: policy.digest }), rule: policy.rule },
    ...(written === undefined
      ? {}
      : { pointer: { ...pointerDocument(written.pointer), sha256: written.digest, version: written.version, signer: written.signer } }),
    ...(replaced === undefined ? {} : { replaced: { ...pointerDocument(replaced.pointer), signer: replaced.signer } }),
    ...(prefix === undefined ? {} : { prefix }),
    not_current: notCurrent,
    ...(restore === undefined ? {} : { restore }),
    checks,
    findings,
  };
}

/** A pointer as documents have it. */
export function pointerDocument({ sequence, release, modelId, issued, expires, action, reason }: ChannelPointer): object {
  return {
    sequence,
    action,
    release: { number: release.number, sha256: release.digest },
    model_id: modelId,
    issued: issued.toISOString(),
    expires: expires.toISOString(),
    ...(reason === undefined ? {} : { reason }),
  };
}

/** What became of a channel, for people. */
export function channelMoveText(move: ChannelMove, style: Style): string {
  const { verdict, action, url, channel, written, replaced, prefix, notCurrent, restore, findings } = move;
  const name = style.bold(escapeText(`${url}@${channel}`));
  const lines: string[] = [];
  if (written === undefined) {
    const emphasis = verdict === 'rejected' ? style.bad : style.attention;
    lines.push(`${emphasis(style.bold(`not ${DONE[action]}`))}  ${name}  ${verdict}`);
  } else {
    const { pointer, signer } = written;
    lines.push(
      `${style.good(DONE[action])}  ${name}  to release ${pointer.release.number}`,
      `model id   ${pointer.modelId}`,
      `sequence   ${pointer.sequence}`,
      `expires    ${pointer.expires.toISOString()}`,
      `signer     ${escapeText(signer)}`,
    );
    if (pointer.reason !== undefined) lines.push(`reason     ${escapeText(pointer.reason)}`);
  }
  if (replaced !== undefined) {
    const { release, sequence, expires } = replaced.pointer;
    const who = style.dim(`  ${escapeText(replaced.signer)}`);
    lines.push(`before     release ${release.number}, sequence ${sequence}, until ${expires.toISOString()}${who}`);
  }
  if (prefix !== undefined) lines.push(`deploy     ${escapeText(prefix)}`);
  if (notCurrent.length > 0 && restore !== undefined) {
    const some = notCurrent.slice(0, LIST_LIMIT).map(escapeText).join(', ');
    const more = notCurrent.length > LIST_LIMIT ? ', …' : '';
    lines.push(
      `${style.attention('restore')}    a plain loader would not get ${formatCount(notCurrent.length, 'file')} as released: ${some}${more}`,
      `           ${escapeText(restore)}`,
    );
  }
  if (findings.length > 0) lines.push('findings', ...findingLines(findings, style));
  if (written === undefined) {
    const suggestions = suggestionLines(findings);
    if (suggestions.length > 0) lines.push('what to do', ...suggestions);
  } else lines.push(style.dim('no byte of the model was read: mlsign verify looks at what lies there'));
  return `${lines.join('\n')}\n`;
}

/** Why nothing was written, in one line. */
export function channelMoveLine({ verdict, action, url, channel, findings }: ChannelMove): string {
  const [worst] = worstFirst(findings);
  return worst === undefined
    ? `not ${DONE[action]}: ${verdict}: ${escapeText(`${url}@${channel}`)}`
    : `not ${DONE[action]}: ${findingLine(worst)}`;
}
