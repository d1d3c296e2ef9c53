import { compareCodePoints, type Finding, MlsignError } from '../core/index.ts';
import { groupByFile, type Manifest, type ManifestFile } from '../formats/index.ts';
import { changedFile, extraFile, kindWrong, listed, misnamedFile, missingFile, notHashed, symlinked } from './compare-findings.ts';
import { matchByContent } from './content-match.ts';
import type { HashedModel, ModelFile } from './hash-model.ts';
import type { Source } from './source.ts';

/** What is accepted although no signature covers it. */
export interface CompareOptions {
  /** Whether files that the manifest does not name are warned about instead of rejected. */
  readonly ignoreUnsigned: boolean;
}

/**
 * The files that a manifest says a model has, by name. A manifest of one file that names it `.`, as the reference
 * implementation does, means the file that is there, whatever its name.
 */
export function expectedFiles(manifest: Manifest, source: Pick<Source, 'kind' | 'name'>): ReadonlyMap<string, ManifestFile> {
  const files = groupByFile(manifest);
  const only = source.kind === 'file' ? files.get('.') : undefined;
  return only === undefined ? files : new Map([[source.name, only]]);
}

/**
 * Compares a model with the manifest that was signed (OMS §8.4): every difference, one finding a file, in code point order.
 *
 * @param actual hashed with the expected method, hash type and shard size
 * @returns `file-missing`, `file-extra`, `file-changed`, `file-truncated`, `file-grown`, `file-misnamed`, `file-symlinked`,
 *   `file-not-hashed`, `model-kind-wrong`, `unsigned-extra`, `unsigned-empty`, `unsigned-ignored`, and the findings of the hashed model
 */
export function compareModel(expected: Manifest, actual: HashedModel, options: CompareOptions): readonly Finding[] {
  const { serialization } = expected;
  refuseOtherHashing(expected, actual);
  if (actual.isRefused) return actual.findings;
  const signed = expectedFiles(expected, actual.source);
  const wrongKind = kindWrong(signed, actual);
  if (wrongKind !== undefined) return [wrongKind, ...actual.findings];

  const present = new Map(actual.files.map((file) => [file.name, file]));
  const unhashed = new Set(actual.unhashed);
  const obstacles = new Obstacles(actual.findings);
  const found: Finding[] = [];
  const missing: { name: string; digests: readonly string[]; file: ManifestFile }[] = [];
  for (const [name, file] of signed) {
    const there = present.get(name);
    if (there === undefined) {
      if (!obstacles.explain(name)) missing.push({ name, digests: file.digests, file });
    } else if (unhashed.has(name)) found.push(notHashed(name));
    else if (!sameContent(file, there)) found.push(changedFile(name, file, there, serialization));
  }
  // A manifest of shards cannot name a file without bytes.
  const isUnsignable = ({ size }: ModelFile) => serialization.method === 'shards' && size === 0;
  const others = actual.files.filter(({ name }) => !signed.has(name));
  const extras = others.filter((file) => !isUnsignable(file));
  const renamed = matchByContent(missing, extras);
  for (const { name, file } of missing) {
    const now = renamed.get(name);
    found.push(now === undefined ? missingFile(name, file, serialization) : misnamedFile(name, now));
  }
  const renamedTo = new Set(renamed.values());
  const unsigned = extras.map(({ name }) => name).filter((name) => !renamedTo.has(name));
  const rejectedExtras = options.ignoreUnsigned ? [] : unsigned.map((name) => extraFile(name));
  const all = [...found, ...rejectedExtras, ...obstacles.findings(options.ignoreUnsigned)];
  return [
    ...all.sort((a, b) => compareCodePoints(a.subject, b.subject)),
    ...listed('unsigned-extra', options.ignoreUnsigned ? unsigned : []),
    ...listed(
      'unsigned-empty',
      others.filter(isUnsignable).map(({ name }) => name),
    ),
    ...listed('unsigned-ignored', actual.ignored),
  ];
}

function refuseOtherHashing({ serialization: expected }: Manifest, { serialization: actual }: HashedModel): void {
  const same = expected.method === actual.method && expected.hashType === actual.hashType && expected.shardSize === actual.shardSize;
  if (!same) throw new MlsignError('bug', 'not-comparable', 'the model was hashed in another way than its manifest');
}

function sameContent(file: ManifestFile, there: ModelFile): boolean {
  if (file.size !== undefined && file.size !== there.size) return false;
  return file.digests.length === there.digests.length && file.digests.every((digest, i) => digest === there.digests[i]);
}

/** What was seen while hashing that explains why a signed file is not among the hashed ones. */
class Obstacles {
  readonly #findings: readonly Finding[];
  readonly #bySubject: ReadonlyMap<string, Finding>;
  readonly #explained = new Map<Finding, string[]>();

  constructor(findings: readonly Finding[]) {
    this.#findings = findings;
    const decisive = findings.filter(({ severity }) => severity === 'rejected' || severity === 'undetermined');
    this.#bySubject = new Map(decisive.map((finding) => [finding.subject, finding]));
  }

  /** Whether a finding is about the file, or about a directory that it is in. */
  explain(name: string): boolean {
    const finding = this.#about(name);
    if (finding === undefined) return false;
    const names = this.#explained.get(finding);
    if (names === undefined) this.#explained.set(finding, [name]);
    else names.push(name);
    return true;
  }

  #about(name: string): Finding | undefined {
    for (let path = name; path !== ''; path = path.slice(0, Math.max(0, path.lastIndexOf('/')))) {
      const finding = this.#bySubject.get(path);
      if (finding !== undefined) return finding;
    }
    // The root itself.
    return this.#bySubject.get('.');
  }

  /** The findings of the hashed model, links that stand for signed files named so. */
  findings(ignoreUnsigned: boolean): readonly Finding[] {
    return this.#findings.map((finding) => {
      if (finding.code !== 'link-refused') return finding;
      const names = this.#explained.get(finding);
      if (names !== undefined) return symlinked(finding, names);
      return ignoreUnsigned ? { ...finding, severity: 'warning' } : finding;
    });
  }
}
