import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { publicKeyHint, type VerificationSummary, vsaPayload } from '../../src/formats/index.ts';
import { fixtureSigner } from './keys.ts';
import { signedBytes } from './releases.ts';

/** In whose name gatekeepers of tests sign, and with which key. */
export const VERIFIER = 'https://example.com/gate';
export const GATEKEEPER = 'ed25519';

/** The signer of some input, as a summary names it. */
export async function inputBy(key: string, sha256 = 'e'.repeat(64)) {
  const { publicKey } = await fixtureSigner(key);
  return { sha256, signer: { key: publicKeyHint(publicKey), authorities: [], times: [] } };
}

/** A summary that passed, of a model at a time. */
export function aSummary(modelId: string, now: Date, fields: Partial<VerificationSummary> = {}): VerificationSummary {
  return {
    subject: { name: 'llama', modelId },
    verifier: VERIFIER,
    version: { mlsign: '1.0.0' },
    timeVerified: now,
    resource: 'file:///srv/llama',
    policy: { uri: 'mlsign.policy.yaml', sha256: 'c'.repeat(64) },
    inputs: [],
    result: 'PASSED',
    ...fields,
  };
}

/** Signs a summary into a file. */
export async function writeSummary(path: string, summary: VerificationSummary, key: string = GATEKEEPER): Promise<string> {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, await signedBytes(vsaPayload(summary), key));
  return path;
}
