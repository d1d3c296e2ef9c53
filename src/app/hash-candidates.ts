import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { usage } from '../core/index.ts';
import type { Serialization } from '../formats/index.ts';
import {
  expectedFiles,
  type HashedModel,
  type HashModelOptions,
  hashModel,
  isIgnored,
  type PackedFile,
  parseIgnorePath,
  type Source,
} from '../model/index.ts';
import type { Rule } from '../policy/index.ts';
import type { VerifiedStatement } from '../verify/index.ts';
import { type EngineOptions, engineOf } from './hash-model.ts';
import { SIGNATURE_NAME } from './locations.ts';
import { isDirectoryIn, sourceAsSigned } from './open-model.ts';
import type { Candidate } from './open-signatures.ts';

/** What one candidate says that a model is, and how the model is hashed to compare it with that. */
export interface HashPlan {
  readonly candidate: Candidate;
  /** The model as the candidate takes it: an archive as what it holds, or as one file. */
  readonly source: Source;
  /** The files that are signed. */
  readonly names: readonly string[];
  readonly serialization: Serialization;
}

/** How content is checked. */
export interface CheckContentOptions extends EngineOptions {
  /** The bundles that were read: never content where they lie inside the model. */
  readonly signatures: readonly string[];
  /** As {@link hashModel} tells of files. */
  readonly onFile?: HashModelOptions['onFile'];
  /** The same of every file in a compressed archive. */
  readonly onPacked?: ((name: string, file: PackedFile) => void) | undefined;
}

/**
 * How a model is hashed for a candidate.
 *
 * @throws MlsignError `ignore-path-signed`
 */
export async function planHashing(model: Source, rule: Rule, candidate: Candidate): Promise<HashPlan> {
  const { statements } = candidate;
  const { manifest } = statements[0].statement;
  const source = sourceAsSigned(model, statements[0].statement);
  const names = [...expectedFiles(manifest, source).keys()];
  const own = rule.unsignedPaths.map(parseIgnorePath);
  refuseIgnoringSigned(names, own);
  const isTaken = await isDirectory(source, SIGNATURE_NAME, manifest.serialization);
  // Every signer leaves its own signature out. That is one file: a directory of that name is as unsigned as any other.
  const bySigners = commonIgnorePaths(statements).filter((path) => !(isTaken && path === SIGNATURE_NAME));
  const signersFollowLinks = statements.every(({ statement }) => statement.manifest.serialization.allowSymlinks);
  const serialization = {
    ...manifest.serialization,
    allowSymlinks: rule.allowSymlinks && signersFollowLinks,
    ignorePaths: [...new Set([...bySigners, ...own])],
  };
  return { candidate, source, names, serialization };
}

/** Hashes a model for any number of candidates: once for those that ask for the same. Files that nobody signed are not read. */
export class CandidateHashing {
  readonly #options: CheckContentOptions;
  readonly #names = new Map<string, Set<string>>();
  readonly #hashed = new Map<string, Promise<HashedModel>>();

  constructor(plans: readonly HashPlan[], options: CheckContentOptions) {
    this.#options = options;
    for (const plan of plans) {
      const way = wayOf(plan);
      const names = this.#names.get(way) ?? new Set();
      for (const name of plan.names) names.add(name);
      this.#names.set(way, names);
    }
  }

  /** The model as one plan wants it: its files by content, all others by name and size. */
  hash(plan: HashPlan): Promise<HashedModel> {
    const way = wayOf(plan);
    const hashed = this.#hashed.get(way) ?? this.hashOnly(plan, this.#names.get(way) ?? new Set());
    this.#hashed.set(way, hashed);
    return hashed;
  }

  /** The model with only some files by content. */
  hashOnly({ source, serialization, names }: HashPlan, only: ReadonlySet<string>): Promise<HashedModel> {
    const { signatures: excluded, onFile, onPacked } = this.#options;
    return hashModel(source, { ...engineOf(this.#options), serialization, excluded, signed: names, only, onFile, onPacked });
  }
}

/** Equal where one pass over the files serves two plans: what is listed may depend on the names that are signed. */
function wayOf({ source, serialization, names }: HashPlan): string {
  return JSON.stringify([source.kind, serialization, names.filter((name) => isIgnored(name, serialization.ignorePaths))]);
}

async function isDirectory(source: Source, name: string, { hashType, shardSize }: Serialization): Promise<boolean> {
  if (source.kind === 'archive') return await isDirectoryIn(source, name, { algorithm: hashType, shardSize });
  const stats = await stat(join(source.path, name)).catch(() => undefined);
  return stats?.isDirectory() ?? false;
}

function refuseIgnoringSigned(names: readonly string[], ignorePaths: readonly string[]): void {
  // What is ignored by default is hashed all the same where older signers signed it.
  const signed = ignorePaths.length === 0 ? undefined : names.find((name) => isIgnored(name, ignorePaths) && !isIgnored(name, []));
  if (signed === undefined) return;
  throw usage('ignore-path-signed', 'a path to ignore covers a file that is signed', {
    subject: signed,
    suggestions: ['leave that --ignore-paths out: only unsigned files can be ignored'],
  });
}

/** What every counted bundle leaves out: a path that only some ignore is signed by the others. */
function commonIgnorePaths(counted: readonly VerifiedStatement[]): readonly string[] {
  const lists = counted.map(({ statement }) => statement.manifest.serialization.ignorePaths);
  return [...new Set(lists.flat())].filter((path) => lists.every((paths) => isIgnored(path, paths)));
}
