import { type Finding, MlsignError, sha256Hex } from '../core/index.ts';
import { claimedAttestation, localAttestations } from '../lineage/index.ts';
import type { Source } from '../model/index.ts';
import { companionDirectory } from './locations.ts';
import type { PlannedBundle } from './plan-push.ts';

/**
 * The attestations beside a model that say that they are about it. Who signed them is not looked at: that is asked of a
 * lineage, and not of a model.
 *
 * @param findings gets warnings: `attestation-unreadable`, `attestation-other-model`, `too-many-attestations`
 */
export async function planAttestations(source: Source, modelId: string, findings: Finding[]): Promise<readonly PlannedBundle[]> {
  const listing: Finding[] = [];
  const planned = new Map<string, PlannedBundle>();
  for (const { path, read } of await localAttestations(companionDirectory(source), listing)) {
    try {
      const bytes = await read();
      const { modelIds } = claimedAttestation(bytes, path);
      const digest = sha256Hex(bytes);
      if (modelIds.includes(modelId)) planned.set(digest, { path, digest });
      else findings.push(otherModel(path, modelId, modelIds));
    } catch (error) {
      if (!(error instanceof MlsignError)) throw error;
      findings.push(unreadable(error, path));
    }
  }
  findings.push(...listing.map((finding) => ({ ...finding, severity: 'warning' as const })));
  return [...planned.values()];
}

function otherModel(subject: string, expected: string, [got = 'none']: readonly string[]): Finding {
  return {
    code: 'attestation-other-model',
    severity: 'warning',
    message: 'an attestation beside the model is about another one, and is not pushed',
    subject,
    expected,
    got,
    suggestion: 'attest the model as it is now: mlsign attest',
  };
}

function unreadable({ message, expected, got }: MlsignError, subject: string): Finding {
  return {
    code: 'attestation-unreadable',
    severity: 'warning',
    message: `an attestation beside the model is not pushed: ${message}`,
    subject,
    expected,
    got,
  };
}
