import { type Provenance, parseProvenance } from '../formats/index.ts';
import type { SignerGroups } from '../policy/index.ts';
import { type EnvelopeOptions, type OpenedStatement, openStatement } from '../verify/index.ts';

/**
 * Opens provenance under a user's trust: nothing of it is read before its signature is that of a trusted signer. Whether it
 * is about the model in question is for the caller to compare.
 *
 * @param where names the bundle in findings
 * @param groups of each, the signer must be one
 */
export function openProvenance(
  bytes: Uint8Array,
  where: string,
  groups: SignerGroups,
  evidence: EnvelopeOptions,
): Promise<OpenedStatement<Provenance>> {
  return openStatement(bytes, where, groups, parseProvenance, evidence);
}
