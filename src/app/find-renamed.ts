import type { Manifest } from '../formats/index.ts';
import { expectedFiles, type HashedModel, type ModelFile } from '../model/index.ts';
import type { CandidateHashing, HashPlan } from './hash-candidates.ts';

/** Bytes that are read to tell a rename, at least: it is a matter of words, as the model is rejected either way. */
const MIN_BYTES = 2 ** 30;

/**
 * Where signed files are missing, hashes those unsigned ones that could be them: of the same size in shards, and together no
 * larger than what was hashed before, or 1 GiB.
 */
export async function hashRenamed(
  hashing: CandidateHashing,
  plan: HashPlan,
  manifest: Manifest,
  hashed: HashedModel,
): Promise<HashedModel> {
  const present = new Set(hashed.files.map(({ name }) => name));
  const missing = [...expectedFiles(manifest, hashed.source)].filter(([name]) => !present.has(name));
  if (missing.length === 0) return hashed;
  const sizes = new Set(missing.map(([, { size }]) => size));
  const unhashed = new Set(hashed.unhashed);
  let left = Math.max(MIN_BYTES, hashed.bytes);
  const only = new Set<string>();
  for (const { name, size } of hashed.files) {
    if (!unhashed.has(name) || (manifest.serialization.method === 'shards' && !sizes.has(size)) || size > left) continue;
    left -= size;
    only.add(name);
  }
  if (only.size === 0) return hashed;
  const found = new Map((await hashing.hashOnly(plan, only)).files.map((file) => [file.name, file]));
  const withDigests = (file: ModelFile): ModelFile => (only.has(file.name) ? (found.get(file.name) ?? file) : file);
  return { ...hashed, files: hashed.files.map(withDigests), unhashed: hashed.unhashed.filter((name) => !only.has(name)) };
}
