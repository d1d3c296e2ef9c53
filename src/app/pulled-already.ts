import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { MlsignError, readCapped, sha256Hex, verdictOf } from '../core/index.ts';
import { hashFiles, identityOf } from '../digest/index.ts';
import { MAX_BUNDLE_BYTES } from '../formats/index.ts';
import { compareModel, type HashedModel, type HashModelOptions, hashModel, openSource, type Source } from '../model/index.ts';
import { SIGNATURE_NAME } from './locations.ts';
import { type ObjectProof, proofOf } from './prove-objects.ts';
import type { PullModelOptions } from './pull-model.ts';
import { INSIDE, occupants, type PullTarget, SYSTEM_ENTRIES } from './pull-target.ts';
import type { OpenedModel } from './stored-model.ts';

/** What may lie beside the files of a model: a pull that was killed as it ended leaves its folder. */
const NOT_OF_MODEL: readonly string[] = [...SYSTEM_ENTRIES, INSIDE];

/**
 * What a directory holds, where it is a release whole already, as an earlier pull left it: every byte is hashed. Undefined
 * where it is anything else.
 *
 * @param onFile as `hashModel` tells of files
 */
export async function pulledAlready(
  target: PullTarget,
  model: OpenedModel,
  options: PullModelOptions,
  onFile: HashModelOptions['onFile'],
): Promise<readonly ObjectProof[] | undefined> {
  const { release, contents } = model;
  const { kind, bundles } = release.record;
  const single = contents.files[0]?.name ?? '';
  const isFile = kind !== 'directory';
  const path = isFile ? join(target.directory, single) : target.directory;
  const signature = isFile ? `${path}.sig` : join(path, SIGNATURE_NAME);
  if (!(await isBundle(signature, bundles[0]?.digest)) || !(await isKind(path, isFile))) return undefined;
  if (isFile) {
    const own = [single, `${single}.sig`, `${single}.mlsign`];
    if ((await occupants(target)).some((name) => !own.includes(name))) return undefined;
  }
  if (kind === 'archive') return await archiveProofs(path, model, options);
  const hashed = await hash(await openSource(path), model, options, onFile);
  const isClean = hashed.ignored.every((name) => NOT_OF_MODEL.includes(name));
  const findings = compareModel(contents.manifest, hashed, { ignoreUnsigned: false });
  if (!isClean || hashed.emptyFiles.length > 0 || verdictOf(findings) !== 'verified') return undefined;
  const files = new Map(hashed.files.map((file) => [file.name, file]));
  return contents.files.map(({ name }): ObjectProof => {
    const { size = 0, digests = [] } = files.get(name) ?? {};
    return { kind: 'hashed', size, digests };
  });
}

function hash(
  source: Source,
  { contents }: OpenedModel,
  { signal, onProgress }: PullModelOptions,
  onFile: HashModelOptions['onFile'],
): Promise<HashedModel> {
  const { manifest, files } = contents;
  return hashModel(source, {
    serialization: { ...manifest.serialization, allowSymlinks: false, ignorePaths: [...NOT_OF_MODEL] },
    excluded: source.kind === 'file' ? [] : [join(source.path, SIGNATURE_NAME)],
    signed: files.map(({ name }) => name),
    useMainThread: true,
    onFile,
    signal,
    onProgress,
  });
}

async function isBundle(path: string, digest: string | undefined): Promise<boolean> {
  try {
    return sha256Hex(await readCapped(path, MAX_BUNDLE_BYTES, 'signature')) === digest;
  } catch (error) {
    if (error instanceof MlsignError) return false;
    throw error;
  }
}

/** The archive's own bytes, where they are those of the release; what it holds is looked at afterwards. */
async function archiveProofs(path: string, { contents }: OpenedModel, { signal }: PullModelOptions) {
  const [file] = contents.files;
  const { files } = await hashFiles([{ path, identity: identityOf(await lstat(path)) }], {
    ...contents.ranges,
    useMainThread: true,
    signal,
  });
  const proofs = files.map(proofOf);
  const isSame = proofs.every(
    (proof) => proof.kind === 'hashed' && proof.digests.join() === file?.signed.digests.join() && proof.size === file.object.size,
  );
  return isSame ? proofs : undefined;
}

async function isKind(path: string, isFile: boolean): Promise<boolean> {
  const stats = await lstat(path).catch(() => undefined);
  return isFile ? (stats?.isFile() ?? false) : (stats?.isDirectory() ?? false);
}
