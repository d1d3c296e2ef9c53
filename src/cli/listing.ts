import type { ListingOptions } from '../app/index.ts';
import { evidenceOfFlags, loadPolicyOfFlags, type TrustFlags } from './trust.ts';

/** How records are looked at: verified where flags say whom to trust, and otherwise only read. */
export async function listingOfFlags(flags: TrustFlags, signal: AbortSignal): Promise<ListingOptions> {
  const { policy, issuer, 'trust-key': keys = [], 'trust-kms': arns = [], ca = [], 'trust-release': releasers = [] } = flags;
  const hasSigners = policy !== undefined || issuer !== undefined || keys.length + arns.length + ca.length > 0;
  if (!hasSigners && releasers.length === 0) return { signal };
  // Of a model's own signatures nothing is looked at here: who signs releases is enough.
  const trust = hasSigners ? flags : { ...flags, 'trust-key': releasers };
  return { policy: await loadPolicyOfFlags(trust, signal), ...(await evidenceOfFlags(flags)), signal };
}
