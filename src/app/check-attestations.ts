import { type Check, errorFinding, type Finding, MlsignError, sha256Hex } from '../core/index.ts';
import { claimsPredicateType, parseBundle } from '../formats/index.ts';
import {
  type DroppedAttestation,
  judgeAttestations,
  parseAttestation,
  type RequiredAttestation,
  type VerifiedAttestation,
} from '../gate/index.ts';
import type { AttestationSource } from '../lineage/index.ts';
import type { Rule } from '../policy/index.ts';
import { type EnvelopeOptions, openStatement } from '../verify/index.ts';

/** The statements beside a model. */
export type FindAttestations = (findings: Finding[]) => Promise<readonly AttestationSource[]>;

/** Under what statements count. */
export interface AttestationsTrust {
  readonly rule: Rule;
  readonly evidence: EnvelopeOptions;
}

/** What became of the statements that a rule asks for. */
export interface CheckedAttestations {
  /** Absent where the rule asks for none. */
  readonly attestations?: readonly RequiredAttestation[] | undefined;
  readonly checks: readonly Check[];
  readonly findings: readonly Finding[];
}

/**
 * Opens every statement beside a model that a rule asks for, and judges them: only those about exactly this model count, of
 * signers that are asked for, and neither they nor their signers may be revoked. What does not count is told.
 */
export async function checkAttestations(
  modelId: string,
  find: FindAttestations,
  { rule, evidence }: AttestationsTrust,
): Promise<CheckedAttestations> {
  if (rule.attestations.length === 0) return { checks: [], findings: [] };
  const listing: Finding[] = [];
  const told: Finding[] = [];
  const statements: VerifiedAttestation[] = [];
  const seen = new Set<string>();
  const types = [...new Set(rule.attestations.map(({ type }) => type))];
  const principals = [...new Set(rule.attestations.flatMap(({ signedBy }) => signedBy.flatMap(({ of }) => of)))];
  const isAged = rule.attestations.some(({ maxAge }) => maxAge !== undefined);
  const options = { ...evidence, require: rule.require, checkEvidence: evidence.checkEvidence === true || isAged };
  const dropped: DroppedAttestation[] = [];
  let unseen: string | undefined;
  for (const { path, read } of await find(listing)) {
    try {
      const bytes = await read();
      const digest = sha256Hex(bytes);
      if (seen.has(digest)) continue;
      seen.add(digest);
      const { payload } = parseBundle(bytes, path).envelope;
      const type = types.find((each) => claimsPredicateType(payload, each));
      if (type === undefined) continue;
      const opened = await openStatement(bytes, path, [principals], parseAttestation, options);
      told.push(...opened.findings);
      if (opened.verified !== undefined) statements.push(opened.verified);
      else dropped.push({ bundle: path, type, reason: opened.findings[0]?.message ?? 'its signature does not count' });
    } catch (error) {
      if (!(error instanceof MlsignError) || error.outcome === 'interrupted') throw error;
      told.push(errorFinding(error, path));
      dropped.push({ bundle: path, reason: error.message });
    }
  }
  const open = [...listing, ...told].find(({ severity }) => severity === 'undetermined');
  if (open !== undefined) unseen = open.message;
  const judged = judgeAttestations(rule.attestations, statements, { modelId, rule: rule.name, now: evidence.now, dropped, unseen });
  // What was not looked at may be a newer evaluation that says no; more approvals change nothing.
  const isOpen = open !== undefined && rule.attestations.some(({ metrics }) => metrics.length > 0);
  const notes = [...listing, ...told].map((finding): Finding => (isOpen && finding === open ? finding : asWarning(finding)));
  return { attestations: judged.required, checks: judged.checks, findings: [...judged.findings, ...notes] };
}

/** Nobody named these: bad ones beside good ones spoil nothing. */
function asWarning(finding: Finding): Finding {
  return finding.severity === 'note' ? finding : { ...finding, severity: 'warning' };
}
