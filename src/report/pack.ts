import type { PackedModel } from '../app/index.ts';
import { escapeText } from './escape.ts';
import { formatBytes, formatCount } from './quantity.ts';
import { signatureDocument, signatureLines } from './sign.ts';
import type { Style } from './style.ts';

/** What `mlsign pack --json` prints: `schemas/pack.schema.json`. */
export function packDocument(packed: PackedModel): object {
  const { archive, format, size, name, modelId, modelDigest, manifest, read, signatures, isCarried, leftOut, findings } = packed;
  return {
    type: 'https://mlsign/pack-result/v1',
    archive: { path: archive, format, bytes: size },
    model: { name, resources: manifest.resources.length, ...read },
    model_id: modelId,
    model_digest: modelDigest,
    signatures: signatures.map(signatureDocument),
    carried_signature: isCarried,
    left_out: leftOut,
    findings,
  };
}

/** What was packed, for people. */
export function packText({ archive, size, modelId, read, signatures, isCarried, leftOut }: PackedModel, style: Style): string {
  const what = `${formatCount(read.files, 'file')}, ${formatBytes(read.bytes)} in ${formatBytes(size)}`;
  const lines = [`${style.good('packed')}     ${style.bold(escapeText(archive))}  ${what}`, `model id   ${modelId}`];
  if (leftOut.length > 0) lines.push(`left out   ${leftOut.map(escapeText).join(', ')}`);
  if (isCarried) lines.push('carried    model.sig of the directory, as it is');
  for (const signature of signatures) lines.push(...signatureLines(signature, style));
  if (signatures.length === 0 && !isCarried) lines.push(`signature  ${style.attention('none: sign it with mlsign sign')}`);
  return `${lines.join('\n')}\n`;
}
