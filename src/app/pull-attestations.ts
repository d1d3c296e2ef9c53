import { join } from 'node:path';
import { type Check, type Finding, fileError, MlsignError, makeDirectory, sha256Hex, writeFileAtomic } from '../core/index.ts';
import { attestationName, storedAttestations } from '../lineage/index.ts';
import type { PullModelOptions } from './pull-model.ts';
import type { OpenedModel } from './stored-model.ts';

/** All that is brought back: whoever may write into the store can add any number. */
const MOST_BYTES = 256 * 1024 * 1024;

/**
 * Brings the attestations of a release back, byte for byte, those that it pins first. Nothing of them is verified, and what
 * is wrong with them is no reason against the model: a warning.
 *
 * @param folder the model's companion directory
 */
export async function pullAttestations(
  { location, release: { record } }: OpenedModel,
  folder: string,
  { store, signal }: PullModelOptions,
): Promise<{ readonly checks: readonly Check[]; readonly findings: readonly Finding[] }> {
  const findings: Finding[] = [];
  let left = MOST_BYTES;
  let brought = 0;
  for (const { path, read } of await storedAttestations(store, location, record.modelId, record.attestations ?? [], findings, signal)) {
    try {
      const bytes = await read();
      left -= bytes.length;
      if (left < 0) {
        findings.push(tooMany(path));
        break;
      }
      await write(join(folder, attestationName(sha256Hex(bytes))), bytes, folder);
      brought++;
    } catch (error) {
      if (!(error instanceof MlsignError) || error.outcome === 'interrupted') throw error;
      findings.push(notBrought(error, path));
    }
  }
  const detail = `brought back and not verified: ${brought}`;
  const checks: readonly Check[] = brought === 0 ? [] : [{ name: 'attestations', status: 'skipped', detail }];
  return { checks, findings: findings.map((finding) => (finding.severity === 'note' ? finding : { ...finding, severity: 'warning' })) };
}

async function write(path: string, bytes: Uint8Array, folder: string): Promise<void> {
  await makeDirectory(folder).catch((error) => {
    throw fileError(error, 'make the directory of attestations', folder);
  });
  await writeFileAtomic(path, bytes, { what: 'attestation', overwrite: true });
}

function notBrought({ code, message, expected, got }: MlsignError, subject: string): Finding {
  return { code, severity: 'warning', message: `an attestation could not be brought back: ${message}`, subject, expected, got };
}

function tooMany(subject: string): Finding {
  return {
    code: 'too-many-attestations',
    severity: 'warning',
    message: 'this attestation and those after it are not brought back',
    subject,
    expected: `at most ${MOST_BYTES} bytes in all`,
  };
}
