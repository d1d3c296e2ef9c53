import { type Check, type Finding, verdictOf } from '../core/index.ts';
import { type LineageEdge, nodeId } from '../lineage/index.ts';
import type { Verification } from './verify-model.ts';

/**
 * Whether two models belong together: the base that is to be loaded must be one that the adapter's trusted provenance names.
 *
 * @param adapter verified with its lineage
 * @returns the adapter's verification, with the base's in it, and the verdict on both
 */
export function bindBase(adapter: Verification, base: Verification): Verification {
  const { check, findings } = judgePair(adapter, base);
  const ofBase = base.findings.map((finding) => ({ ...finding, subject: `${base.source.name}: ${finding.subject}` }));
  const all = [...adapter.findings, ...findings, ...ofBase];
  return { ...adapter, base, verdict: verdictOf(all), checks: [...adapter.checks, check], findings: all };
}

function judgePair(
  { signed, lineage, source }: Verification,
  base: Verification,
): { readonly check: Check; readonly findings: readonly Finding[] } {
  const check = (status: Check['status'], detail: string): Check => ({ name: 'base', status, detail });
  if (signed === undefined || base.signed === undefined || lineage === undefined) {
    return { check: check('skipped', 'the pair was not compared, because one of the two did not pass'), findings: [] };
  }
  const id = nodeId({ kind: 'model', id: base.signed.modelId });
  const named = lineage.edges.filter(({ from, role }) => from === lineage.root && role === 'base-model');
  if (named.some(({ to }) => to === id))
    return { check: check('passed', `${base.source.name} is a base that the provenance of ${source.name} names`), findings: [] };
  const finding = named.length === 0 ? notStated(source.path, id) : notTheBase(source.path, id, named);
  return { check: check(named.length === 0 ? 'could-not-run' : 'failed', finding.message), findings: [finding] };
}

function notStated(subject: string, got: string): Finding {
  return {
    code: 'base-not-stated',
    severity: 'undetermined',
    message: 'no provenance by a trusted signer names a base for this model',
    subject,
    got,
    suggestion: 'have it attested: mlsign attest MODEL --base BASE',
  };
}

function notTheBase(subject: string, got: string, named: readonly LineageEdge[]): Finding {
  return {
    code: 'base-differs',
    severity: 'rejected',
    message: 'this is not the base that the model was made for',
    subject,
    expected: named
      .slice(0, 5)
      .map(({ to, material }) => (material.name === undefined ? to : `${material.name} (${to})`))
      .join(' or '),
    got,
    suggestion: 'load the model with the base that its provenance names: mlsign lineage MODEL shows where that is',
  };
}
