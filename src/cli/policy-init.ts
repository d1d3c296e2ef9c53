import { existsSync } from 'node:fs';
import { Flags } from '@oclif/core';
import { initPolicy } from '../app/index.ts';
import { alreadyExists, writeFileAtomic } from '../core/index.ts';
import { initialPolicyDocument, initialPolicyText, verdictLine } from '../report/index.ts';
import { isStoreLocation } from '../store/index.ts';
import type { CommandReport, Session } from './base-command.ts';
import { exitCodeOfVerdict } from './exit-codes.ts';
import { signaturesFlag } from './flags.ts';
import { type EngineFlags, engineOptions } from './ports.ts';
import { channelFlags, type StoreFlags, storeFlags, storeOpener } from './store.ts';
import { refuseFlags } from './stored-model.ts';
import { evidenceOfFlags, identityOf, loadPolicyOfFlags, policyFileOptions, type TrustFlags, toleranceFlags, trustFlags } from './trust.ts';

const { policy: _, 'policy-key': __, revocations: ___, 'trust-revoker': ____, ...trust } = trustFlags;

/** Whom the policy is to trust, and what it may leave out. */
export const policyInitFlags = {
  ...trust,
  'trust-release': channelFlags['trust-release'],
  signature: signaturesFlag,
  force: Flags.boolean({ summary: 'Replace an existing policy.' }),
  ...toleranceFlags,
  ...storeFlags,
};

/** Flags of `mlsign policy init`. */
export interface PolicyInitFlags extends TrustFlags, StoreFlags, EngineFlags {
  readonly signature?: readonly string[] | undefined;
  readonly force: boolean;
  readonly 'output-file'?: string | undefined;
}

/** Writes a policy from a model as flags say. */
export async function initPolicyByFlags(model: string, flags: PolicyInitFlags, session: Session): Promise<CommandReport> {
  const { 'output-file': path, force } = flags;
  if (isStoreLocation(model))
    refuseFlags({ ...flags }, ['signature', 'ignore-paths', 'ignore-unsigned-files', 'allow-symlinks'], 'a release in a store');
  // Before a model is hashed twice.
  if (path !== undefined && !force && existsSync(path)) throw alreadyExists(path, 'policy');
  const initial = await initPolicy(model, {
    policy: await loadPolicyOfFlags(flags, session.signal),
    trust: {
      keys: flags['trust-key'] ?? [],
      kmsKeys: flags['trust-kms'] ?? [],
      cas: flags.ca ?? [],
      identities: identityOf(flags),
      releaseKeys: flags['trust-release'] ?? [],
    },
    path: path ?? 'mlsign.policy.yaml',
    loading: await policyFileOptions(flags, session.signal),
    unsignedPaths: flags['ignore-paths'] ?? [],
    ignoreUnsigned: flags['ignore-unsigned-files'] ?? false,
    allowSymlinks: flags['allow-symlinks'] ?? false,
    allowLegacy: flags['allow-legacy'] ?? false,
    signatures: flags.signature,
    openStore: storeOpener(flags),
    ...(await evidenceOfFlags(flags)),
    ...engineOptions(flags),
    ...session,
  });
  const { verification, text } = initial;
  if (text !== undefined && path !== undefined) await writeFileAtomic(path, text, { what: 'policy', overwrite: force });
  return {
    document: () => initialPolicyDocument(initial, path),
    text: (style) => initialPolicyText(initial, path, style),
    brief: path === undefined ? (text ?? '') : '',
    complaint: text === undefined ? verdictLine(verification) : undefined,
    exitCode: exitCodeOfVerdict(verification.verdict),
  };
}
