import type { GarbageCollection, GarbageItem, GarbageKind } from '../app/index.ts';
import { escapeText } from './escape.ts';
import { findingLine, findingLines, suggestionLines, worstFirst } from './findings.ts';
import { formatBytes, formatCount, formatDuration } from './quantity.ts';
import type { Style } from './style.ts';

const MEANING: Readonly<Record<GarbageKind, string>> = {
  model: 'files of models that no release is of',
  bundle: 'signatures of such models',
  upload: 'uploads that were never ended',
  version: 'older versions of released files that no release pins',
  extra: 'files that no release lists, among those of a released model',
};

const LIST_LIMIT = 5;

/** What `mlsign gc --json` prints: `schemas/gc.schema.json`. */
export function garbageDocument({ verdict, url, isDeleting, minAge, items, deleted, kept, tooYoung, findings }: GarbageCollection): object {
  return {
    type: 'https://mlsign/gc/v1',
    verdict,
    url,
    deleting: isDeleting,
    min_age_seconds: minAge / 1000,
    items: items.map(itemDocument),
    deleted,
    kept: kept.map(({ item, reason }) => ({ item: itemDocument(item), reason })),
    too_young: tooYoung,
    findings,
  };
}

function itemDocument(item: GarbageItem): object {
  if (item.kind === 'upload') {
    const { key, id, started } = item.upload;
    return { kind: item.kind, key, upload: id, since: started.toISOString() };
  }
  const { key, version, size, modified, isCurrent, isDeleted } = item.entry;
  return { kind: item.kind, key, version, bytes: size, since: modified.toISOString(), current: isCurrent, delete_marker: isDeleted };
}

/** What nothing refers to, for people. */
export function garbageText(collection: GarbageCollection, style: Style): string {
  const { url, isDeleting, minAge, items, deleted, kept, tooYoung, findings } = collection;
  const lines = [`${style.bold(escapeText(url))}  ${items.length === 0 ? 'nothing to delete' : `${total(items)} that nothing refers to`}`];
  for (const [kind, meaning] of Object.entries(MEANING)) {
    const ofKind = items.filter((item) => item.kind === kind);
    if (ofKind.length === 0) continue;
    lines.push(`  ${style.bold(kind.padEnd(8))} ${total(ofKind)}  ${style.dim(meaning)}`);
    lines.push(...ofKind.slice(0, LIST_LIMIT).map((item) => `           ${itemWords(item)}`));
    if (ofKind.length > LIST_LIMIT) lines.push(`           … and ${ofKind.length - LIST_LIMIT} more: use --json for all`);
  }
  if (tooYoung > 0) lines.push(`  ${formatCount(tooYoung, 'other')} younger than ${formatAge(minAge)}: a push may be under way`);
  if (isDeleting) lines.push(`${style.good('deleted')}  ${deleted} of ${items.length}`);
  for (const { item, reason } of kept.slice(0, LIST_LIMIT))
    lines.push(`  ${style.attention('kept')}  ${itemWords(item)}: ${escapeText(reason)}`);
  if (kept.length > LIST_LIMIT) lines.push(`  … and ${kept.length - LIST_LIMIT} more that the store does not let go`);
  if (findings.length > 0) lines.push('findings', ...findingLines(findings, style), ...suggestionLines(findings));
  else if (!isDeleting && items.length > 0) lines.push(`${style.attention('nothing was deleted')}: --yes deletes this for good`);
  return `${lines.join('\n')}\n`;
}

/** Why nothing, or not everything, was deleted, in one line. */
export function garbageLine({ verdict, findings }: GarbageCollection): string {
  const [worst] = worstFirst(findings);
  return worst === undefined ? verdict : `${verdict}: ${findingLine(worst)}`;
}

function total(items: readonly GarbageItem[]): string {
  const bytes = items.reduce((sum, item) => sum + (item.kind === 'upload' ? 0 : item.entry.size), 0);
  return `${formatCount(items.length, 'thing')}, ${formatBytes(bytes)}`;
}

function itemWords(item: GarbageItem): string {
  if (item.kind === 'upload') return escapeText(`${item.upload.key}  since ${item.upload.started.toISOString()}`);
  const { key, version, size, isDeleted } = item.entry;
  return escapeText(`${key}  version ${version}  ${isDeleted ? 'delete marker' : formatBytes(size)}`);
}

function formatAge(milliseconds: number): string {
  const days = milliseconds / 86_400_000;
  return Number.isInteger(days) && days > 0 ? formatCount(days, 'day') : formatDuration(milliseconds);
}
