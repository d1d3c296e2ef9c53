import type { SignedRelease } from '../app/index.ts';
import { escapeText } from './escape.ts';
import { findingLine, findingLines, suggestionLines, worstFirst } from './findings.ts';
import { formatBytes, formatCount } from './quantity.ts';
import { signatureDocument, signatureLines } from './sign.ts';
import type { Style } from './style.ts';

/** What `mlsign sign s3://… --json` prints: `schemas/sign-release.schema.json`. */
export function signReleaseDocument({
  verdict,
  url,
  release,
  modelId,
  modelDigest,
  read,
  signatures,
  checks,
  findings,
}: SignedRelease): object {
  return {
    type: 'https://mlsign/sign-release-result/v1',
    verdict,
    url,
    ...(release === undefined ? {} : { release: { number: release.number, sha256: release.digest } }),
    ...(modelId === undefined ? {} : { model_id: modelId }),
    ...(modelDigest === undefined ? {} : { model_digest: modelDigest }),
    ...(read === undefined ? {} : { read: { files: read.files, bytes: read.bytes } }),
    signatures: signatures.map(signatureDocument),
    checks,
    findings,
  };
}

/** What was signed where it lies, for people. */
export function signReleaseText({ verdict, url, release, modelId, read, signatures, findings }: SignedRelease, style: Style): string {
  const place = style.bold(escapeText(release === undefined ? url : `${url}@${release.number}`));
  if (signatures.length === 0) {
    const suggestions = suggestionLines(findings);
    const lines = [`${style.bad(style.bold('not signed'))}  ${place}  ${verdict}`, 'findings', ...findingLines(findings, style)];
    return `${[...lines, ...(suggestions.length > 0 ? ['what to do', ...suggestions] : [])].join('\n')}\n`;
  }
  const size = read === undefined ? '' : `  ${formatCount(read.files, 'file')}, ${formatBytes(read.bytes)}`;
  const lines = [`${style.good('signed')}     ${place}${size}`, `model id   ${modelId ?? ''}`];
  return `${[...lines, ...signatures.flatMap((signature) => signatureLines(signature, style))].join('\n')}\n`;
}

/** Why nothing was signed, in one line. */
export function signReleaseLine({ verdict, url, findings }: SignedRelease): string {
  const [worst] = worstFirst(findings);
  return worst === undefined ? `not signed: ${verdict}: ${escapeText(url)}` : `not signed: ${findingLine(worst)}`;
}
