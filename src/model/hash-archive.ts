import { compareCodePoints, errorFinding, type Finding, MlsignError } from '../core/index.ts';
import { checkResourceName } from '../formats/index.ts';
import { ArchiveListing } from './archive-listing.ts';
import { nameInvalid, unreadable } from './directory-findings.ts';
import type { HashedModel, HashModelOptions, ModelFile } from './hash-model.ts';
import type { ArchiveSource, HashedArchive } from './source.ts';

/**
 * Hashes the content of an archive as if it were the directory that it unpacks to. An archive that is refused is a finding
 * about a member or place, and nothing else is told of it.
 *
 * @param options `excluded` are names of members
 */
export async function hashArchive(
  source: ArchiveSource,
  options: Omit<HashModelOptions, 'excluded'> & { readonly excluded: ReadonlySet<string> },
): Promise<HashedModel> {
  const { serialization, excluded, signed, only, onFile, onPacked, engine, workers, useMainThread, signal, onProgress } = options;
  const { hashType: algorithm, shardSize } = serialization;
  const listing = new ArchiveListing({ ignorePaths: serialization.ignorePaths, excluded, signed });
  const isHashed = (name: string) => listing.isContent(name) && (only === undefined || only.has(name));
  let hashed: HashedArchive;
  try {
    hashed = await source.contents.hash(isHashed, { algorithm, engine, shardSize, workers, useMainThread, signal, onProgress });
  } catch (error) {
    if (!(error instanceof MlsignError) || error.outcome !== 'refused') throw error;
    return { ...nothing(source, options), findings: [errorFinding(error, source.path)] };
  }
  const files: ModelFile[] = [];
  const unhashed: string[] = [];
  const findings: Finding[] = [];
  let bytes = 0;
  for (const { name, kind, size, result, place, packed } of hashed.members) {
    listing.note(name, kind);
    if (kind === 'directory') continue;
    // A loader may read what is ignored, too: only what git keeps for itself, and signatures, are nothing to look at.
    if (!listing.isOfGit(name) && !excluded.has(name)) {
      if (place !== undefined) onFile?.({ ...place, name }, undefined);
      if (packed !== undefined) onPacked?.(name, packed);
    }
    if (!listing.isContent(name)) continue;
    const reason = checkResourceName(name);
    if (reason !== undefined) findings.push(nameInvalid(name, reason));
    else if (result === undefined || !isHashed(name)) {
      unhashed.push(name);
      files.push({ name, size, digests: [] });
    } else if ('error' in result) findings.push(unreadable(name, result.error));
    else {
      files.push({ name, size, digests: result.digests });
      bytes += size;
    }
  }
  return {
    source,
    serialization,
    files: files.sort((a, b) => compareCodePoints(a.name, b.name)),
    bytes,
    unhashed: unhashed.sort(compareCodePoints),
    ignored: listing.ignored.toSorted(compareCodePoints),
    emptyFiles: shardSize === undefined ? [] : files.filter(({ size }) => size === 0).map(({ name }) => name),
    engine: hashed.engine,
    findings: [...listing.findings, ...findings].sort((a, b) => compareCodePoints(a.subject, b.subject)),
  };
}

function nothing(source: ArchiveSource, { serialization }: Pick<HashModelOptions, 'serialization'>): HashedModel {
  return {
    source,
    serialization,
    files: [],
    bytes: 0,
    unhashed: [],
    ignored: [],
    emptyFiles: [],
    engine: 'native',
    isRefused: true,
    findings: [],
  };
}
