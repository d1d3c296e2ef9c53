import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Check, type Finding, usage, verdictOf } from '../core/index.ts';
import type { Manifest } from '../formats/index.ts';
import {
  compareModel,
  expectedFiles,
  type HashedModel,
  hashModel as hashSource,
  isIgnored,
  parseIgnorePath,
  type Source,
} from '../model/index.ts';
import type { Rule } from '../policy/index.ts';
import type { VerifiedStatement } from '../verify/index.ts';
import { type EngineOptions, engineOf } from './hash-model.ts';
import { SIGNATURE_NAME } from './locations.ts';

/** What lies in a model unsigned, and was accepted. */
export interface Unsigned {
  /** Paths that every counted signer, or the user, leaves out, and that exist. */
  readonly ignored: readonly string[];
  /** Zero-byte files, which a manifest of shards leaves out. */
  readonly empty: readonly string[];
  /** Files that no manifest names. */
  readonly extra: readonly string[];
}

/** What hashing a model and comparing it with a signed manifest showed. */
export interface CheckedContent {
  readonly hashed: HashedModel;
  readonly unsigned: Unsigned;
  readonly checks: readonly Check[];
  readonly findings: readonly Finding[];
}

/** How content is checked. */
export interface CheckContentOptions extends EngineOptions {
  /** The bundles that were read: never content where they lie inside the model. */
  readonly signatures: readonly string[];
}

/** Hashes a model and compares it with what the counted statements, all about one model id, sign. */
export async function checkContent(
  source: Source,
  rule: Rule,
  counted: readonly [VerifiedStatement, ...VerifiedStatement[]],
  options: CheckContentOptions,
): Promise<CheckedContent> {
  const { manifest } = counted[0].statement;
  const names = [...expectedFiles(manifest, source).keys()];
  const own = rule.unsignedPaths.map(parseIgnorePath);
  refuseIgnoringSigned(names, own);
  const isTaken = await isDirectory(join(source.path, SIGNATURE_NAME));
  // Every signer leaves its own signature out. That is one file: a directory of that name is as unsigned as any other.
  const bySigners = commonIgnorePaths(counted).filter((path) => !(isTaken && path === SIGNATURE_NAME));
  const signersFollowLinks = counted.every(({ statement }) => statement.manifest.serialization.allowSymlinks);
  const hashed = await hashSource(source, {
    ...engineOf(options),
    serialization: {
      ...manifest.serialization,
      allowSymlinks: rule.allowSymlinks && signersFollowLinks,
      ignorePaths: [...new Set([...bySigners, ...own])],
    },
    excluded: options.signatures,
    signed: names,
    ...(rule.ignoreUnsigned ? { only: new Set(names) } : {}),
  });
  const findings = [...compareModel(manifest, hashed, { ignoreUnsigned: rule.ignoreUnsigned }), ...unacceptableHoles(rule, hashed, own)];
  const unsigned: Unsigned = { ignored: hashed.ignored, empty: hashed.emptyFiles, extra: hashed.unhashed };
  return { hashed, unsigned, findings, checks: [contentCheck(manifest, hashed, findings), unsignedCheck(rule, unsigned, findings)] };
}

async function isDirectory(path: string): Promise<boolean> {
  const stats = await stat(path).catch(() => undefined);
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
function commonIgnorePaths(counted: readonly [VerifiedStatement, ...VerifiedStatement[]]): readonly string[] {
  const lists = counted.map(({ statement }) => statement.manifest.serialization.ignorePaths);
  return [...new Set(lists.flat())].filter((path) => lists.every((paths) => isIgnored(path, paths)));
}

function unacceptableHoles(rule: Rule, { ignored }: HashedModel, own: readonly string[]): readonly Finding[] {
  const { ignorePaths } = rule;
  if (ignorePaths === 'signed') return [];
  return ignored
    .filter((path) => !isIgnored(path, [...ignorePaths, ...own]))
    .map((path) => ({
      code: 'ignored-path-not-accepted',
      severity: 'rejected',
      message: 'the signer left a path out that the policy does not accept unsigned',
      subject: path,
      expected: ignorePaths.length === 0 ? 'no ignored path in the model' : `only ${ignorePaths.join(', ')}`,
      suggestion: 'remove it from the model, or have the model signed with it',
    }));
}

function contentCheck(manifest: Manifest, hashed: HashedModel, findings: readonly Finding[]): Check {
  const verdict = verdictOf(findings);
  const { method, hashType } = manifest.serialization;
  const files = hashed.files.length - hashed.unhashed.length;
  const how = `files hashed with ${hashType} as ${method}: ${files}, bytes: ${hashed.bytes}, signed digests compared: ${manifest.resources.length}`;
  return {
    name: 'model-content',
    status: verdict === 'verified' ? 'passed' : verdict === 'rejected' ? 'failed' : 'could-not-run',
    detail: how,
  };
}

function unsignedCheck({ ignoreUnsigned }: Rule, { ignored, empty, extra }: Unsigned, findings: readonly Finding[]): Check {
  const name = 'unsigned-files';
  const refused = findings.filter(({ code }) => code === 'file-extra' || code === 'ignored-path-not-accepted').length;
  if (refused > 0) return { name, status: 'failed', detail: `in the model but not signed, and not accepted: ${refused}` };
  const accepted = [
    ...(ignored.length > 0 ? [`ignored: ${ignored.join(', ')}`] : []),
    ...(empty.length > 0 ? [`zero-byte files: ${empty.length}`] : []),
    ...(extra.length > 0 ? [`files: ${extra.length}`] : []),
  ];
  const detail = accepted.length === 0 ? 'every file in the model is signed' : `in the model but not signed: ${accepted.join('; ')}`;
  return {
    name,
    status: ignoreUnsigned ? 'skipped' : 'passed',
    detail: ignoreUnsigned ? `any unsigned file is accepted; ${detail}` : detail,
  };
}
