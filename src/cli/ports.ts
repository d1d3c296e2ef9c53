import type { EngineOptions, ManifestOptions } from '../app/index.ts';
import type { Finding, HashType } from '../core/index.ts';
import type { EngineChoice } from '../digest/index.ts';
import { findingLine } from '../report/index.ts';
import { archiveLimitsOf } from './archive-limits.ts';

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
  readonly 'archive-limit'?: readonly string[] | undefined;
}

/** The engine options that flags ask for; a command has nothing else to do meanwhile, so its own thread hashes too. */
export function engineOptions(flags: EngineFlags): Pick<EngineOptions, 'engine' | 'workers' | 'useMainThread' | 'archiveLimits'> {
  const { engine, workers, 'archive-limit': limits } = flags;
  return { engine, workers, useMainThread: true, archiveLimits: archiveLimitsOf(limits) };
}

/** Warnings among findings, a line each. */
export function findingWarnings(findings: readonly Finding[]): readonly string[] {
  return findings
    .filter(({ severity }) => severity !== 'rejected')
    .map((finding) => `${findingLine(finding)}${finding.suggestion === undefined ? '' : `; ${finding.suggestion}`}`);
}
