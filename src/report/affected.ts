import type { Affected, AffectedModel } from '../app/index.ts';
import { escapeText, excerpt } from './escape.ts';
import { findingLines } from './findings.ts';
import { nothingVerified } from './history.ts';
import { formatCount, shortDigest } from './quantity.ts';
import type { Style } from './style.ts';

/** What `mlsign affected --json` prints: `schemas/affected.schema.json`. */
export function affectedDocument({ verdict, wanted, isVerified, searched, models, unstated, findings }: Affected): object {
  return {
    type: 'https://mlsign/affected/v1',
    complete: verdict === 'verified',
    verified: isVerified,
    digest: wanted,
    searched,
    models: models.map(({ url, name, releases, channels }) => ({
      url,
      name,
      releases: releases.map(({ number, modelId, state, way, isProven }) => ({ number, model_id: modelId, state, way, proven: isProven })),
      channels: channels.map(({ channel, number, rollback }) => ({
        channel,
        release: number,
        ...(rollback === undefined ? {} : { rollback }),
      })),
    })),
    unstated,
    findings,
  };
}

/** The incident page: what descends from it, which channels give it to people, and what to run. */
export function affectedText({ verdict, wanted, isVerified, searched, models, unstated, findings }: Affected, style: Style): string {
  const releases = models.reduce((sum, model) => sum + model.releases.length, 0);
  const channels = models.reduce((sum, model) => sum + model.channels.length, 0);
  const looked = `searched: ${formatCount(searched.models, 'model')}, ${formatCount(searched.releases, 'release')}`;
  const count = `${formatCount(releases, 'release')} and ${formatCount(channels, 'channel')} descend from it`;
  const lines = [`${releases === 0 ? style.good('nothing') : style.bad(count)}  ${style.bold(escapeText(wanted))}  ${style.dim(looked)}`];
  for (const model of models) lines.push(...modelLines(model, style));
  const open = unstated.reduce((sum, { numbers }) => sum + numbers.length, 0);
  if (open > 0) {
    lines.push(style.attention(`not known of ${formatCount(open, 'release')}, because nobody says what they were made from`));
    lines.push(...unstated.slice(0, 20).map(({ url, numbers }) => `  ${escapeText(url)}  ${style.dim(numberList(numbers))}`));
    if (unstated.length > 20) lines.push(style.dim(`  and ${formatCount(unstated.length - 20, 'more model')}`));
  }
  if (findings.length > 0) lines.push('findings', ...findingLines(findings, style));
  if (verdict !== 'verified') lines.push(style.attention('this list may not be complete: not everything could be read'));
  const commands = models.flatMap((model) => model.channels.flatMap(({ rollback }) => (rollback === undefined ? [] : [rollback.command])));
  if (commands.length > 0)
    lines.push('what to run', ...commands.map((command) => `  → ${escapeText(command)} --reason "descends from ${escapeText(wanted)}"`));
  if (!isVerified) lines.push(nothingVerified(style));
  return `${lines.join('\n')}\n`;
}

function modelLines({ url, releases, channels }: AffectedModel, style: Style): readonly string[] {
  const lines = [style.bold(escapeText(url))];
  for (const { channel, number, rollback } of channels) {
    const next = rollback === undefined ? style.bad('no release to go back to: take it out of use') : `back to release ${rollback.to}`;
    lines.push(`  ${style.bad(`@${escapeText(channel)}`)}  points to release ${number}  ${next}`);
  }
  for (const { number, modelId, state, way, isProven } of releases) {
    const proof = isProven ? '' : style.attention('  only claimed');
    lines.push(
      `  ${number}  ${shortDigest(modelId)}  ${state === 'claimed' ? 'not verified' : state}  ${style.dim(excerpt(way.join(' → ')))}${proof}`,
    );
  }
  return lines;
}

function numberList(numbers: readonly number[]): string {
  const shown = numbers.slice(0, 10).join(', ');
  return numbers.length > 10 ? `${shown} and ${numbers.length - 10} more` : shown;
}
