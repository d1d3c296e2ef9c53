import type { ChannelRow, ModelListing, ReleaseRow, StoreListing } from '../app/index.ts';
import { pointerDocument } from './channel-move.ts';
import { escapeText } from './escape.ts';
import { findingLines } from './findings.ts';
import { nothingVerified } from './history.ts';
import { formatBytes, formatCount, formatTime, shortDigest } from './quantity.ts';
import type { Style } from './style.ts';

/** What `mlsign ls --json` prints: `schemas/ls.schema.json`. */
export function storeDocument({ url, isVerified, models, folders, findings }: StoreListing): object {
  return {
    type: 'https://mlsign/ls/v1',
    verified: isVerified,
    url,
    models: models.map(({ url, name, count, releases, channels }) => {
      const [newest] = releases;
      return {
        url,
        name,
        releases: count,
        ...(newest === undefined ? {} : { newest: releaseDocument(newest) }),
        channels: channels.map(channelDocument),
      };
    }),
    folders,
    findings,
  };
}

/** What `mlsign releases --json` prints: `schemas/releases.schema.json`. */
export function releasesDocument({ url, name, isVerified, releases, channels }: ModelListing): object {
  return {
    type: 'https://mlsign/releases/v1',
    verified: isVerified,
    url,
    name,
    releases: releases.map((row) => ({ ...releaseDocument(row), channels: channelsAt(row, channels) })),
    channels: channels.map(channelDocument),
  };
}

function releaseDocument({ number, state, modelId, files, bytes, created, digest, signer, findings }: ReleaseRow): object {
  return {
    number,
    state,
    ...(modelId === undefined ? {} : { model_id: modelId }),
    ...(files === undefined ? {} : { files }),
    ...(bytes === undefined ? {} : { bytes }),
    ...(created === undefined ? {} : { created: created.toISOString() }),
    ...(digest === undefined ? {} : { sha256: digest }),
    ...(signer === undefined ? {} : { signer }),
    findings,
  };
}

function channelDocument({ channel, state, pointer, digest, signer, findings }: ChannelRow): object {
  return {
    channel,
    state,
    ...(pointer === undefined ? {} : { pointer: pointerDocument(pointer) }),
    ...(digest === undefined ? {} : { sha256: digest }),
    ...(signer === undefined ? {} : { signer }),
    findings,
  };
}

/** Channels whose pointer names this very record, or this number where the record could not be read. */
function channelsAt({ number, digest }: ReleaseRow, channels: readonly ChannelRow[]): readonly string[] {
  const isHere = ({ pointer }: ChannelRow): boolean =>
    pointer !== undefined && pointer.release.number === number && (digest === undefined || pointer.release.digest === digest);
  return channels.filter(isHere).map(({ channel }) => channel);
}

/** The models of a place, for people. */
export function storeText({ url, isVerified, models, folders, findings }: StoreListing, style: Style): string {
  const lines: string[] = [];
  if (models.length === 0) lines.push(`${style.bold(escapeText(url))}  no models here`);
  for (const { url, count, releases, channels } of models) {
    const [newest] = releases;
    lines.push(`${style.bold(escapeText(url))}  ${formatCount(count, 'release')}`);
    if (newest !== undefined) lines.push(`  newest   ${releaseWords(newest, style)}`);
    for (const row of channels) lines.push(`  @${escapeText(row.channel)}  ${channelWords(row, style)}`);
    const problems = [...releases, ...channels].flatMap((row) => row.findings);
    lines.push(...findingLines(problems, style, 5));
  }
  for (const name of folders) lines.push(style.dim(`${escapeText(`${url}/${name}/`)}  no model`));
  lines.push(...findingLines(findings, style));
  if (!isVerified) lines.push(nothingVerified(style));
  return `${lines.join('\n')}\n`;
}

/** The releases of a model, for people. */
export function releasesText({ url, isVerified, releases, channels }: ModelListing, style: Style): string {
  const lines = [`${style.bold(escapeText(url))}  ${formatCount(releases.length, 'release')}`];
  for (const row of releases) {
    const at = channelsAt(row, channels).map((name) => `@${name}`);
    lines.push(
      `  ${releaseWords(row, style)}${at.length === 0 ? '' : style.bold(`  ${at.join(' ')}`)}`,
      ...findingLines(row.findings, style, 5),
    );
  }
  for (const row of channels)
    lines.push(`  @${escapeText(row.channel)}  ${channelWords(row, style)}`, ...findingLines(row.findings, style, 5));
  if (!isVerified) lines.push(nothingVerified(style));
  return `${lines.join('\n')}\n`;
}

function releaseWords({ number, state, modelId, files, bytes, created, signer }: ReleaseRow, style: Style): string {
  const words = [`${number}`, stateWord(state, style)];
  if (modelId !== undefined) words.push(shortDigest(modelId));
  if (files !== undefined && bytes !== undefined) words.push(`${formatCount(files, 'file')}, ${formatBytes(bytes)}`);
  if (created !== undefined) words.push(formatTime(created));
  if (signer !== undefined) words.push(style.dim(`by ${escapeText(signer)}`));
  return words.join('  ');
}

function channelWords({ state, pointer, signer }: ChannelRow, style: Style): string {
  const words = [stateWord(state, style)];
  if (pointer !== undefined)
    words.push(`release ${pointer.release.number}`, `until ${formatTime(pointer.expires)}`, `sequence ${pointer.sequence}`);
  if (signer !== undefined) words.push(style.dim(`by ${escapeText(signer)}`));
  return words.join('  ');
}

function stateWord(state: ReleaseRow['state'], style: Style): string {
  switch (state) {
    case 'verified':
      return style.good(state);
    case 'claimed':
      return style.attention('not verified');
    case 'rejected':
    case 'unreadable':
      return style.bad(state);
    case 'undetermined':
    case 'deleted':
      return style.attention(state);
  }
}
