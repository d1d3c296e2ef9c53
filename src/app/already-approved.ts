import { MlsignError } from '../core/index.ts';
import { APPROVAL_TYPE, claimsPredicateType, parseApproval, parseBundle } from '../formats/index.ts';
import type { AttestationSource } from '../lineage/index.ts';
import { keyPrincipal } from '../policy/index.ts';
import type { Signer } from '../sign/index.ts';
import { openStatement } from '../verify/index.ts';
import type { AttestationContent } from './attestation-payload.ts';
import type { SigningParties } from './seal-payload.ts';
import type { SigningParty } from './signers.ts';

const DAY = 86_400_000;

type ApprovalContent = Extract<AttestationContent, { kind: 'approval' }>;

/** Who is yet to sign, and the approvals of those who have. */
export interface Approvers {
  readonly parties: SigningParties | undefined;
  readonly signers: readonly Signer[];
  /** Paths of the approvals that are there. */
  readonly already: readonly string[];
}

/**
 * Of those who approve, the ones that have not: a step that runs again says nothing new. An approval that is older, or for another
 * reason, is given again: policies ask for young ones, and one that was revoked stays so. So is one of an identity, whose keys are
 * never the same.
 */
export async function yetToApprove(
  content: AttestationContent,
  modelId: string,
  parties: SigningParties,
  signers: readonly Signer[],
  find: () => Promise<readonly AttestationSource[]>,
): Promise<Approvers> {
  if (content.kind !== 'approval') return { parties, signers, already: [] };
  const present = await approvalsOf(modelId, content, await find());
  const left: { readonly party: SigningParty; readonly signer: Signer }[] = [];
  const already: string[] = [];
  for (const [i, signer] of signers.entries()) {
    const party = parties[i];
    const path = await ownApproval(signer, present, content.issued);
    if (path !== undefined) already.push(path);
    else if (party !== undefined) left.push({ party, signer });
  }
  const [first, ...others] = left.map(({ party }) => party);
  return { parties: first && [first, ...others], signers: left.map(({ signer }) => signer), already };
}

interface Present {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** What says that it is such an approval; whose it is, its signature tells. */
async function approvalsOf(modelId: string, { role, reason, issued }: ApprovalContent, sources: readonly AttestationSource[]) {
  const present: Present[] = [];
  for (const { path, read } of sources) {
    try {
      const bytes = await read();
      const { payload } = parseBundle(bytes, path).envelope;
      if (!claimsPredicateType(payload, APPROVAL_TYPE)) continue;
      const approval = parseApproval(payload, path);
      const isYoung = approval.issued <= issued && issued.getTime() - approval.issued.getTime() < DAY;
      const isValid = isYoung && (approval.expires === undefined || approval.expires > issued);
      if (approval.subject.modelId === modelId && approval.role === role && approval.reason === reason && isValid)
        present.push({ path, bytes });
    } catch (error) {
      if (!(error instanceof MlsignError) || error.outcome === 'interrupted') throw error;
      // What cannot be read approves nothing.
    }
  }
  return present;
}

async function ownApproval({ publicKey, scheme, material }: Signer, present: readonly Present[], now: Date): Promise<string | undefined> {
  if (material.kind !== 'key') return undefined;
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const principal = keyPrincipal('approver', { pem, where: 'signer' }, scheme === 'rsa-pkcs1-sha256' ? 'pkcs1' : 'pss');
  for (const { path, bytes } of present) {
    const { verified } = await openStatement(bytes, path, [[principal]], parseApproval, { now });
    if (verified !== undefined) return path;
  }
  return undefined;
}
