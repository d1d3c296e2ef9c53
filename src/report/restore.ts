import type { RestoredRelease } from '../app/index.ts';
import { escapeText } from './escape.ts';
import { findingLine, findingLines, suggestionLines, worstFirst } from './findings.ts';
import { formatCount } from './quantity.ts';
import type { Style } from './style.ts';

const LIST_LIMIT = 50;

/** What `mlsign restore --json` prints: `schemas/restore.schema.json`. */
export function restoreDocument({
  verdict,
  isDryRun,
  url,
  policy,
  release,
  total,
  objects,
  pruned,
  checks,
  findings,
}: RestoredRelease): object {
  return {
    type: 'https://mlsign/restore-result/v1',
    verdict,
    dry_run: isDryRun,
    url,
    policy: { source: policy.source, ...(policy.digest === undefined ? {} : { sha256: policy.digest }), rule: policy.rule },
    ...(release === undefined ? {} : { release: { number: release.number, sha256: release.digest, model_id: release.modelId } }),
    objects_checked: total,
    restored: objects.map(({ key, was, pinned, version }) => ({ key, was, pinned, ...(version === undefined ? {} : { version }) })),
    pruned: pruned.map(({ key, version, marker }) => ({ key, version, ...(marker === undefined ? {} : { marker }) })),
    checks,
    findings,
  };
}

/** What was restored, for people. */
export function restoreText({ verdict, isDryRun, url, release, total, objects, pruned, findings }: RestoredRelease, style: Style): string {
  const place = style.bold(escapeText(release === undefined ? url : `${url}@${release.number}`));
  const emphasis = verdict === 'verified' ? style.good : verdict === 'rejected' ? style.bad : style.attention;
  const done = isDryRun ? 'would restore' : verdict === 'verified' ? 'restored' : verdict;
  const restored = `${objects.length === 0 ? 'nothing' : formatCount(objects.length, 'object')} of ${total}`;
  const removed = pruned.length === 0 ? '' : `, ${isDryRun ? 'would remove' : 'removed'} ${pruned.length} of others`;
  const lines = [`${emphasis(style.bold(done))}  ${place}  ${restored}${removed}`];
  const list = (of: readonly { readonly key: string; readonly was: string }[]): void => {
    for (const { key, was } of of.slice(0, LIST_LIMIT)) lines.push(`  ${escapeText(key)}  ${style.dim(was)}`);
    if (of.length > LIST_LIMIT) lines.push(`  … and ${of.length - LIST_LIMIT} more: use --json for all`);
  };
  list(objects.map(({ key, was }) => ({ key, was: `was ${was}` })));
  list(pruned.map(({ key }) => ({ key, was: 'was not of the release' })));
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
