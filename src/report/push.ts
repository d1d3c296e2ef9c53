import type { PushedModel, Quantity } from '../app/index.ts';
import { escapeText } from './escape.ts';
import { findingLine, findingLines, suggestionLines, worstFirst } from './findings.ts';
import { formatBytes, formatCount } from './quantity.ts';
import type { Style } from './style.ts';

const DONE = { pushed: 'pushed', unchanged: 'unchanged', planned: 'would push', refused: 'not pushed' } as const;

/** What `mlsign push --json` prints: `schemas/push.schema.json`. */
export function pushDocument(push: PushedModel): object {
  const { verdict, outcome, path, url, policy, modelId, release, releaser, sent, reused, bundles, attestations, prefix, checks, findings } =
    push;
  return {
    type: 'https://mlsign/push-result/v1',
    verdict,
    outcome,
    model: { path },
    url,
    policy: { source: policy.source, ...(policy.digest === undefined ? {} : { sha256: policy.digest }), rule: policy.rule },
    ...(modelId === undefined ? {} : { model_id: modelId }),
    ...(release === undefined
      ? {}
      : {
          release: {
            number: release.number,
            ...(release.digest === undefined ? {} : { sha256: release.digest }),
            ...(release.version === undefined ? {} : { version: release.version }),
            ...(releaser === undefined ? {} : { signer: releaser }),
          },
        }),
    sent,
    reused,
    bundles,
    attestations,
    ...(prefix === undefined ? {} : { prefix }),
    checks,
    findings,
  };
}

/** What was pushed, for people. */
export function pushText(push: PushedModel, style: Style): string {
  const { verdict, outcome, url, modelId, release, releaser, sent, reused, attestations, prefix, findings } = push;
  const emphasis = outcome !== 'refused' ? style.good : verdict === 'rejected' ? style.bad : style.attention;
  const place = escapeText(release === undefined ? url : `${url}@${release.number}`);
  const lines = [`${emphasis(style.bold(DONE[outcome]))}  ${style.bold(place)}${outcome === 'refused' ? `  ${verdict}` : ''}`];
  if (outcome === 'unchanged') lines.push(`           the newest release is this model already`);
  if (modelId !== undefined) lines.push(`model id   ${modelId}`);
  if (outcome !== 'refused') {
    lines.push(`sent       ${quantityText(sent)}`);
    if (reused.files > 0) lines.push(`there      ${quantityText(reused)}`);
    if (attestations > 0) lines.push(`with       ${formatCount(attestations, 'attestation')}`);
    if (releaser !== undefined && outcome === 'pushed') lines.push(`signer     ${escapeText(releaser)}`);
    if (prefix !== undefined) lines.push(`prefix     ${escapeText(prefix)}`);
    return `${lines.join('\n')}\n`;
  }
  lines.push('findings', ...findingLines(findings, style));
  const suggestions = suggestionLines(findings);
  if (suggestions.length > 0) lines.push('what to do', ...suggestions);
  return `${lines.join('\n')}\n`;
}

/** Why nothing was pushed, in one line. */
export function pushLine({ verdict, url, findings }: PushedModel): string {
  const [worst] = worstFirst(findings);
  return worst === undefined ? `not pushed: ${verdict}: ${escapeText(url)}` : `not pushed: ${findingLine(worst)}`;
}

function quantityText({ files, bytes }: Quantity): string {
  return `${formatCount(files, 'file')}, ${formatBytes(bytes)}`;
}
