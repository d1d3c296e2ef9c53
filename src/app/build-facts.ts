import type { Finding } from '../core/index.ts';
import type { Material } from '../lineage/index.ts';

/** What a CI job, a run folder or a file of another tool says of how a model was made. */
export interface BuildFacts {
  /** Who says so, in words. */
  readonly source: string;
  readonly materials: readonly Material[];
  readonly parameters: Readonly<Record<string, string>>;
  readonly metrics: Readonly<Record<string, number>>;
  readonly builder?: string | undefined;
  readonly invocation?: string | undefined;
  readonly started?: Date | undefined;
  readonly finished?: Date | undefined;
  readonly findings: readonly Finding[];
}

/** Facts of a source that has none yet. */
export function noFacts(source: string): BuildFacts {
  return { source, materials: [], parameters: {}, metrics: {}, findings: [] };
}
