import type { RestoredRelease } from '../app/index.ts';
import { escapeText } from './escape.ts';
import { findingLine, findingLines, suggestionLines, worstFirst } from './findings.ts';
import { formatCount } from './quantity.ts';
import type { Style } from './style.ts';

const LIST_LIMIT = 50;

/** What `mlsign restore --json` prints: `schemas/restore.schema.json`. */
export function restoreDocument({ verdict, isDryRun, url, policy, release, total, objects, checks, findings }: RestoredRelease): object {
  return {
    type: 'https://mlsign/restore-result/v1',
    verdict,
    dry_run: isDryRun,
    url,
    policy: { source: policy.source, ...(policy.digest === undefined ? {} : { sha256: policy.digest }), rule: policy.rule },
    ...(release === undefined ? {} : { release: { number: release.number, sha256: release.digest, model_id: release.modelId } }),
    objects_checked: total,
    restored: objects.map(({ key, was, pinned, version }) => ({ key, was, pinned, ...(version === undefined ? {} : { version }) })),
    checks,
    findings,
  };
}

/** What was restored, for people. */
export function restoreText({ verdict, isDryRun, url, release, total, objects, findings }: RestoredRelease, style: Style): string {
  const place = style.bold(escapeText(release === undefined ? url : `${url}@${release.number}`));
  const emphasis = verdict === 'verified' ? style.good : verdict === 'rejected' ? style.bad : style.attention;
  const done = isDryRun ? 'would restore' : verdict === 'verified' ? 'restored' : verdict;
  const lines = [
    `${emphasis(style.bold(done))}  ${place}  ${objects.length === 0 ? 'nothing' : formatCount(objects.length, 'object')} of ${total}`,
  ];
  for (const { key, was } of objects.slice(0, LIST_LIMIT)) lines.push(`  ${escapeText(key)}  ${style.dim(`was ${was}`)}`);
  if (objects.length > LIST_LIMIT) lines.push(`  … and ${objects.length - LIST_LIMIT} more: use --json for all`);
  if (verdict !== 'verified') {
    lines.push('findings', ...findingLines(findings, style));
    const suggestions = suggestionLines(findings);
    if (suggestions.length > 0) lines.push('what to do', ...suggestions);
  }
  return `${lines.join('\n')}\n`;
}

/** Why not all is restored, in one line. */
export function restoreLine({ verdict, url, findings }: RestoredRelease): string {
  const [worst] = worstFirst(findings);
  return worst === undefined ? `${verdict}: ${escapeText(url)}` : `${verdict}: ${findingLine(worst)}`;
}
