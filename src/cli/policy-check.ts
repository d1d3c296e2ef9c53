import { Flags } from '@oclif/core';
import { checkPolicy } from '../app/index.ts';
import { policyReviewDocument, policyReviewText } from '../report/index.ts';
import type { CommandReport, Session } from './base-command.ts';
import { EXIT } from './exit-codes.ts';
import { awsFlags } from './kms.ts';
import { findingWarnings } from './ports.ts';
import { type PolicyFileFlags, policyFileOptions, trustFlags } from './trust.ts';

/** How a policy file that is an argument is read. */
export const policyFileFlags = {
  'policy-key': Flags.string({
    summary: trustFlags['policy-key'].summary ?? '',
    helpValue: 'PEM',
    multiple: true,
    multipleNonGreedy: true,
    helpGroup: 'TRUST',
  }),
  'trusted-root': trustFlags['trusted-root'],
  'trust-config': trustFlags['trust-config'],
  staging: trustFlags.staging,
  'timestamp-ca': trustFlags['timestamp-ca'],
  offline: Flags.boolean({ summary: trustFlags.offline.summary ?? '', helpGroup: 'TRUST' }),
  ...awsFlags,
};

/** Flags of `mlsign policy check`. */
export interface PolicyCheckFlags extends PolicyFileFlags {
  readonly against?: readonly string[] | undefined;
  readonly strict: boolean;
}

/** Explains a policy as flags say. */
export async function checkPolicyByFlags(path: string, flags: PolicyCheckFlags, { signal }: Session): Promise<CommandReport> {
  const { against, strict } = flags;
  const review = await checkPolicy(path, { ...(await policyFileOptions(flags, signal)), against, signal });
  const { warnings } = review;
  return {
    document: () => policyReviewDocument(review),
    text: (style) => policyReviewText(review, style),
    warnings: findingWarnings(warnings),
    complaint: strict && warnings.length > 0 ? `${path}: ${warnings.length} ${warnings.length === 1 ? 'warning' : 'warnings'}` : undefined,
    exitCode: strict && warnings.length > 0 ? EXIT.rejected : EXIT.done,
  };
}
