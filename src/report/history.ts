import type { ChannelHistory, PointerVersion } from '../app/index.ts';
import { pointerDocument } from './channel-move.ts';
import { escapeText, excerpt } from './escape.ts';
import { findingLine, findingLines, suggestionLines, worstFirst } from './findings.ts';
import { formatCount, formatTime } from './quantity.ts';
import type { Style } from './style.ts';

/** What `mlsign history --json` prints: `schemas/history.schema.json`. */
export function historyDocument({ verdict, url, channel, isVerified, versions, findings }: ChannelHistory): object {
  return {
    type: 'https://mlsign/history/v1',
    verified: isVerified,
    ...(isVerified ? { verdict } : {}),
    url,
    channel,
    versions: versions.map((version) => versionDocument(version, isVerified)),
    findings,
  };
}

function versionDocument({ entry, content }: PointerVersion, isVerified: boolean): object {
  const base = { version: entry.version, current: entry.isCurrent, written: entry.modified.toISOString(), bytes: entry.size };
  switch (content.kind) {
    case 'deleted':
      return { ...base, state: 'deleted' };
    case 'unreadable':
      return { ...base, state: 'unreadable', problem: content.error.message };
    case 'pointer': {
      const state = content.verified !== undefined ? 'verified' : isVerified ? 'rejected' : 'claimed';
      const problem = content.findings[0]?.message;
      return {
        ...base,
        state,
        sha256: content.digest,
        signer: content.signer,
        pointer: pointerDocument(content.pointer),
        ...(problem === undefined ? {} : { problem }),
      };
    }
  }
}

/** Who pointed a channel at what, when and why, for people. */
export function historyText(history: ChannelHistory, style: Style): string {
  const { url, channel, isVerified, versions, findings } = history;
  const lines = [
    `${style.bold(escapeText(`${url}@${channel}`))}  ${formatCount(versions.length, 'version')} of its pointer, the newest first`,
  ];
  for (const version of versions) lines.push(...versionLines(history, version, style));
  if (findings.length > 0) lines.push('findings', ...findingLines(findings, style), ...suggestionLines(findings));
  if (!isVerified) lines.push(nothingVerified(style));
  return `${lines.join('\n')}\n`;
}

function versionLines({ now, isVerified }: ChannelHistory, { entry, content }: PointerVersion, style: Style): readonly string[] {
  const current = entry.isCurrent ? style.bold('  current') : '';
  const at = formatTime(entry.modified);
  switch (content.kind) {
    case 'deleted':
      return [`  ${style.attention('-')} deleted  ${at}${current}`];
    case 'unreadable':
      return [`  ${style.bad('✗')} no pointer  written ${at}${current}  ${style.dim(excerpt(content.error.message))}`];
    case 'pointer': {
      const { sequence, action, release, issued, expires, reason } = content.pointer;
      const mark = content.verified !== undefined ? style.good('✓') : isVerified ? style.bad('✗') : style.attention('?');
      const end = `${expires <= now ? style.attention('expired') : 'until'} ${formatTime(expires)}`;
      const lines = [`  ${mark} ${sequence}  ${action} of release ${release.number}  ${formatTime(issued)}  ${end}${current}`];
      lines.push(`      by ${escapeText(content.signer)}${isVerified || content.verified !== undefined ? '' : style.dim('  as it says')}`);
      if (reason !== undefined) lines.push(`      why: ${escapeText(reason)}`);
      const [problem] = content.findings;
      if (problem !== undefined) lines.push(`      ${style.bad(excerpt(problem.message))}`);
      return lines;
    }
  }
}

/** The verdict in one line. */
export function historyLine({ verdict, findings }: ChannelHistory): string {
  const [worst] = worstFirst(findings);
  return worst === undefined ? verdict : `${verdict}: ${findingLine(worst)}`;
}

/** The last line of what was only looked at. */
export function nothingVerified(style: Style): string {
  return `${style.attention('nothing was verified')}: name whom you trust (--trust-key, --trust-release, --policy)`;
}
