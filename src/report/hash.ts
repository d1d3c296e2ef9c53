import type { ModelHash } from '../app/index.ts';
import { escapeText } from './escape.ts';
import { formatBytes, formatCount } from './quantity.ts';
import type { Style } from './style.ts';

/** A model's digests and manifest, for people. */
export function hashText({ hashed, manifest, modelDigest, modelId }: ModelHash, style: Style): string {
  const { method, hashType, shardSize } = manifest.serialization;
  const how = method === 'shards' ? `${hashType}, shards of ${formatBytes(shardSize ?? 0)}` : `${hashType}, whole files`;
  return [
    `${style.bold(escapeText(hashed.source.name))}  ${formatCount(hashed.files.length, 'file')}, ${formatBytes(hashed.bytes)}  ${style.dim(`(${how})`)}`,
    `model id      ${modelId}`,
    `model digest  ${modelDigest}`,
    '',
    ...manifest.resources.map(({ name, digest }) => `${style.dim(digest)}  ${escapeText(name)}`),
    '',
  ].join('\n');
}
