import type { AttestedModel } from '../app/index.ts';
import type { Material, Provenance } from '../lineage/index.ts';
import { escapeText } from './escape.ts';
import { findingLine, findingLines, suggestionLines, worstFirst } from './findings.ts';
import { formatBytes, formatCount, shortDigest } from './quantity.ts';
import { signatureDocument, signatureLines } from './sign.ts';
import type { Style } from './style.ts';

const MOST_MATERIALS = 20;

/** What `mlsign attest --json` prints: `schemas/attest.schema.json`. */
export function attestDocument(attested: AttestedModel): object {
  const { verdict, name, place, release, modelId, predicateType, provenance, attestations, read, checks, findings } = attested;
  return {
    type: 'https://mlsign/attest-result/v1',
    ...(verdict === undefined ? {} : { verdict }),
    model: {
      name,
      place,
      ...(release === undefined ? {} : { release: { number: release.number, sha256: release.digest } }),
      ...(read ?? {}),
    },
    ...(modelId === undefined ? {} : { model_id: modelId }),
    predicate_type: predicateType,
    ...(provenance === undefined ? {} : { provenance: provenanceDocument(provenance) }),
    attestations: attestations.map((attestation) => ({ ...signatureDocument(attestation), sha256: attestation.digest })),
    checks,
    findings,
  };
}

function provenanceDocument({
  buildType,
  relation,
  materials,
  parameters,
  metrics,
  builder,
  invocation,
  started,
  finished,
}: Provenance): object {
  return {
    build_type: buildType,
    ...(relation === undefined ? {} : { relation }),
    materials: materials.map(({ digest: _, ...material }) => material),
    parameters,
    metrics,
    builder,
    ...(invocation === undefined ? {} : { invocation }),
    ...(started === undefined ? {} : { started: started.toISOString() }),
    ...(finished === undefined ? {} : { finished: finished.toISOString() }),
  };
}

/** What was attested, for people. */
export function attestText(attested: AttestedModel, style: Style): string {
  const { verdict, name, place, release, modelId, predicateType, provenance, attestations, read, findings } = attested;
  if (attestations.length === 0) {
    const suggestions = suggestionLines(findings);
    const lines = [`${style.bad(style.bold('not attested'))}  ${style.bold(escapeText(place))}  ${verdict ?? ''}`];
    lines.push('findings', ...findingLines(findings, style), ...(suggestions.length > 0 ? ['what to do', ...suggestions] : []));
    return `${lines.join('\n')}\n`;
  }
  const what = release === undefined ? name : `${place}@${release.number}`;
  const size = read === undefined ? '' : `  ${formatCount(read.files, 'file')}, ${formatBytes(read.bytes)}`;
  const lines = [`${style.good('attested')}   ${style.bold(escapeText(what))}${size}`, `model id   ${modelId ?? ''}`];
  lines.push(...(provenance === undefined ? [row('says', escapeText(predicateType))] : provenanceLines(provenance, style)));
  for (const attestation of attestations) {
    // The last line of a signature is where it lies.
    lines.push(...signatureLines(attestation, style).slice(0, -1), `statement  ${escapeText(attestation.path)}`);
  }
  return `${lines.join('\n')}\n`;
}

/** Why nothing was attested, in one line. */
export function attestLine({ verdict, place, findings }: AttestedModel): string {
  const [worst] = worstFirst(findings);
  return worst === undefined ? `not attested: ${verdict ?? ''}: ${escapeText(place)}` : `not attested: ${findingLine(worst)}`;
}

function provenanceLines({ relation, materials, parameters, metrics, builder, invocation }: Provenance, style: Style): readonly string[] {
  const lines = relation === undefined ? [] : [row('relation', relation)];
  for (const material of materials.slice(0, MOST_MATERIALS)) lines.push(row(material.role, materialText(material, style)));
  if (materials.length > MOST_MATERIALS) lines.push(row('', `and ${formatCount(materials.length - MOST_MATERIALS, 'more material')}`));
  if (materials.length === 0) lines.push(row('materials', style.attention('none')));
  const counts = [countOf(parameters, 'parameter'), countOf(metrics, 'metric')].filter((text) => text !== '').join(', ');
  if (counts !== '') lines.push(row('also', counts));
  lines.push(row('builder', escapeText(builder)));
  if (invocation !== undefined) lines.push(row('run', escapeText(invocation)));
  return lines;
}

function materialText({ name, uri, digest }: Material, style: Style): string {
  const value = digest.kind === 'model' ? digest.id : digest.value;
  const algorithm = digest.kind === 'model' ? 'model id' : digest.kind;
  return `${escapeText(uri ?? name ?? '')}  ${style.dim(`${algorithm} ${shortDigest(escapeText(value))}`)}`;
}

function countOf(entries: Readonly<Record<string, unknown>>, noun: string): string {
  const { length } = Object.keys(entries);
  return length === 0 ? '' : formatCount(length, noun);
}

function row(label: string, text: string): string {
  return `${label.padEnd(10)} ${text}`;
}
