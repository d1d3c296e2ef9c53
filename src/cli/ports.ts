import type { EngineOptions, ManifestOptions } from '../app/index.ts';
import { type Finding, type HashType, usage } from '../core/index.ts';
import type { EngineChoice } from '../digest/index.ts';
import { checkFlagsBesidePolicy, combine, FLAGS_OF_A_POLICY, loadPolicy, type Policy, policyFromFlags } from '../policy/index.ts';
import { findingLine } from '../report/index.ts';
import { namedPem } from './pem-files.ts';

/** Flags that say how a manifest is made. */
export interface ManifestFlags {
  readonly method?: 'files' | 'shards' | undefined;
  readonly 'shard-size'?: number | undefined;
  readonly algorithm?: HashType | undefined;
  readonly 'ignore-paths'?: readonly string[] | undefined;
  readonly 'allow-symlinks': boolean;
}

/** The manifest options that flags ask for. */
export function manifestOptions(flags: ManifestFlags): ManifestOptions {
  return {
    method: flags.method,
    shardSize: flags['shard-size'],
    algorithm: flags.algorithm,
    ignorePaths: flags['ignore-paths'],
    allowSymlinks: flags['allow-symlinks'],
  };
}

/** Flags that say how bytes are hashed. */
export interface EngineFlags {
  readonly engine: EngineChoice;
  readonly workers?: number | undefined;
}

/** The engine options that flags ask for; a command has nothing else to do meanwhile, so its own thread hashes too. */
export function engineOptions({ engine, workers }: EngineFlags): Pick<EngineOptions, 'engine' | 'workers' | 'useMainThread'> {
  return { engine, workers, useMainThread: true };
}

/** Flags that say whom to trust and what may be left unsigned. */
export interface TrustFlags {
  readonly 'trust-key'?: readonly string[] | undefined;
  readonly ca?: readonly string[] | undefined;
  readonly policy?: string | undefined;
  readonly 'ignore-paths'?: readonly string[] | undefined;
  readonly 'ignore-unsigned-files': boolean;
  readonly 'allow-symlinks': boolean;
  readonly 'allow-legacy': boolean;
}

/** The policy that flags ask for: the file, the flags, or both, where both must hold. */
export async function loadPolicyOfFlags(flags: TrustFlags): Promise<Policy> {
  const { policy: file, 'trust-key': keys = [], ca = [] } = flags;
  const trustKeys = await Promise.all(keys.map((path) => namedPem(path, 'trusted key')));
  const roots = await Promise.all(ca.map((path) => namedPem(path, 'root certificate')));
  const files = [...keys, ...ca];
  const isTrusting = trustKeys.length + roots.length > 0;
  if (!isTrusting && file === undefined) {
    throw usage('trust-missing', 'say whom you trust: without that there is nothing to verify', {
      suggestions: ['--trust-key signer.pub', '--ca root.pem', '--policy mlsign.policy.yaml'],
    });
  }
  if (file === undefined) {
    return policyFromFlags({
      trustKeys,
      cas: roots,
      files,
      allowSymlinks: flags['allow-symlinks'],
      allowLegacy: flags['allow-legacy'],
      unsignedPaths: flags['ignore-paths'],
      ignoreUnsigned: flags['ignore-unsigned-files'],
    });
  }
  checkFlagsBesidePolicy(FLAGS_OF_A_POLICY.filter((name) => isGiven(flags[name])));
  const policy = await loadPolicy(file);
  return isTrusting ? combine(policy, policyFromFlags({ trustKeys, cas: roots, files })) : policy;
}

function isGiven(value: boolean | readonly string[] | undefined): boolean {
  return typeof value === 'boolean' ? value : (value ?? []).length > 0;
}

/** Warnings among findings, a line each. */
export function findingWarnings(findings: readonly Finding[]): readonly string[] {
  return findings
    .filter(({ severity }) => severity !== 'rejected')
    .map((finding) => `${findingLine(finding)}${finding.suggestion === undefined ? '' : `; ${finding.suggestion}`}`);
}
