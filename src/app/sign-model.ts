import { lstat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { type Finding, fileExists, readCapped, throwIfAborted, usage, writeFileAtomic } from '../core/index.ts';
import {
  MAX_BUNDLE_BYTES,
  type Manifest,
  parseBundle,
  parseOmsStatement,
  rootDigest,
  type Serialization,
  serializeBundle,
  statementPayload,
} from '../formats/index.ts';
import { MAX_MANIFEST_BYTES, modelId, openSource, parseManifestDocument, type Source } from '../model/index.ts';
import { type Signer, seal } from '../sign/index.ts';
import { type EngineOptions, hashOpened, type ManifestOptions, serializationOf } from './hash-model.ts';
import { defaultSignaturePath, nameInside, SIGNATURE_NAME } from './locations.ts';

/** How a model is signed. */
export interface SignModelOptions extends ManifestOptions, EngineOptions {
  readonly signer: Signer;
  /** Where the bundle goes; `model.sig` inside a directory or `FILE.sig` beside a file unless given. */
  readonly signature?: string | undefined;
  /** Whether an existing signature may be replaced. */
  readonly force?: boolean | undefined;
  /** An earlier bundle whose method, algorithm, shard size, ignored paths and link rule are repeated. It is not verified. */
  readonly like?: string | undefined;
}

/** What was signed, and where the bundle is. */
export interface SignedModel {
  readonly signature: string;
  readonly name: string;
  readonly modelId: string;
  readonly modelDigest: string;
  readonly manifest: Manifest;
  readonly signer: Signer;
  /** Files and bytes that were read; absent where a manifest made elsewhere was signed. */
  readonly read?: { readonly files: number; readonly bytes: number } | undefined;
  readonly findings: readonly Finding[];
}

/**
 * Hashes a model and signs its manifest as an OMS v1.0 bundle, which appears only when it is complete.
 *
 * @param path the model
 * @throws MlsignError what {@link hashModel} throws; `file-exists` where a signature is there and `force` is not given
 * @example
 * const signer = await localKeySigner(await readFile('release.key'), { where: 'release.key' });
 * const { modelId } = await signModel('my-model', { signer });
 */
export async function signModel(path: string, options: SignModelOptions): Promise<SignedModel> {
  const source = await openSource(path);
  const signature = options.signature ?? defaultSignaturePath(source);
  await refuseExisting(signature, options.force);
  const serialization = await chooseSerialization(source, signature, options);
  const { hashed, manifest, findings } = await hashOpened(source, serialization, options);
  const signed = await sealAndWrite(source.name, manifest, signature, options);
  return { ...signed, read: { files: hashed.files.length, bytes: hashed.bytes }, findings };
}

/** How a manifest made elsewhere is signed. */
export interface SignManifestOptions {
  readonly signer: Signer;
  readonly signature: string;
  readonly force?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Signs a manifest that `mlsign hash --json` made elsewhere. No byte of the model is read: the signer vouches for the
 * manifest as it is.
 *
 * @param manifestPath the manifest document
 * @throws MlsignError `manifest-malformed` and others; `file-exists`
 */
export async function signManifest(manifestPath: string, options: SignManifestOptions): Promise<SignedModel> {
  await refuseExisting(options.signature, options.force);
  const bytes = await readCapped(manifestPath, MAX_MANIFEST_BYTES, 'manifest');
  const { subjectName, manifest } = parseManifestDocument(bytes, manifestPath);
  return { ...(await sealAndWrite(subjectName, manifest, options.signature, options)), findings: [] };
}

async function sealAndWrite(name: string, manifest: Manifest, signature: string, options: SignManifestOptions | SignModelOptions) {
  throwIfAborted(options.signal);
  const bundle = await seal(statementPayload(name, manifest), options.signer, { signal: options.signal });
  throwIfAborted(options.signal);
  await writeFileAtomic(signature, serializeBundle(bundle), { what: 'signature', overwrite: options.force ?? false });
  return { signature, name, manifest, modelId: modelId(manifest), modelDigest: rootDigest(manifest.resources), signer: options.signer };
}

async function chooseSerialization(source: Source, signature: string, options: SignModelOptions): Promise<Serialization> {
  const inside = nameInside(source, signature);
  const signatureNames = inside === undefined || inside === SIGNATURE_NAME ? [] : [inside];
  if (options.like === undefined) return serializationOf(source, options, signatureNames);
  const given = (['method', 'shardSize', 'algorithm'] as const).filter((name) => options[name] !== undefined);
  if (given.length > 0) {
    throw usage('like-with-method', `--like already says how the model is hashed; leave out: ${given.join(', ')}`, {
      subject: options.like,
    });
  }
  const { payload } = parseBundle(await readCapped(options.like, MAX_BUNDLE_BYTES, 'bundle'), options.like).envelope;
  const { serialization } = parseOmsStatement(payload, options.like, { allowLegacy: true }).manifest;
  return serializationOf(
    source,
    {
      method: serialization.method,
      shardSize: serialization.shardSize,
      algorithm: serialization.hashType,
      allowSymlinks: serialization.allowSymlinks || (options.allowSymlinks ?? false),
      ignorePaths: [...serialization.ignorePaths, ...(options.ignorePaths ?? [])],
    },
    signatureNames,
  );
}

async function refuseExisting(signature: string, force: boolean | undefined): Promise<void> {
  if (force) return;
  const exists = await lstat(signature).then(
    () => true,
    () => false,
  );
  if (exists) throw fileExists(signature, `signature ${basename(resolve(signature))}`);
}
