import { lstat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { alreadyExists, checkWritable, type Finding, readCapped, usage } from '../core/index.ts';
import {
  MAX_BUNDLE_BYTES,
  type Manifest,
  parseBundle,
  parseOmsStatement,
  rootDigest,
  type Serialization,
  statementPayload,
} from '../formats/index.ts';
import { MAX_MANIFEST_BYTES, modelId, parseManifestDocument, type Source } from '../model/index.ts';
import type { Signer } from '../sign/index.ts';
import { type EngineOptions, hashOpened, type ManifestOptions, openToSign, serializationOf } from './hash-model.ts';
import { companionDirectory, companionOfSignature, defaultSignaturePath, namesInside, SIGNATURE_NAME } from './locations.ts';
import { partiesOf, sealPayload } from './seal-payload.ts';
import { type SigningParty, whileSignersGetReady } from './signers.ts';
import { companionPath, type WrittenSignatures, writeSignatures } from './write-signatures.ts';

/** Who signs, and whether earlier signatures may go. */
export interface SignatureOptions extends SigningParty {
  /** Others who sign the same manifest, each in a bundle of its own. */
  readonly further?: readonly SigningParty[] | undefined;
  /** Whether existing signatures may be replaced. */
  readonly force?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** How a model is signed. */
export interface SignModelOptions extends SignatureOptions, ManifestOptions, EngineOptions {
  /** Where the first bundle goes; `model.sig` inside a directory or `FILE.sig` beside a file unless given. The others go to `<model>.mlsign/`. */
  readonly signature?: string | undefined;
  /** An earlier bundle whose method, algorithm, shard size, ignored paths and link rule are repeated. It is not verified. */
  readonly like?: string | undefined;
  /** Whether an archive is signed as one file, and not what it holds. */
  readonly whole?: boolean | undefined;
}

/** What was signed, and where the bundles are. */
export interface SignedModel {
  readonly signatures: WrittenSignatures;
  readonly name: string;
  readonly modelId: string;
  readonly modelDigest: string;
  readonly manifest: Manifest;
  /** Files and bytes that were read; absent where a manifest made elsewhere was signed. */
  readonly read?: { readonly files: number; readonly bytes: number } | undefined;
  readonly findings: readonly Finding[];
}

/**
 * Hashes a model and signs its manifest as OMS v1.0 bundles, which appear only when all of them are complete.
 *
 * @param path the model
 * @throws MlsignError what {@link hashModel}, the signers and the witnesses throw; `file-exists` where a signature is there
 *   and `force` is not given
 * @example
 * const signer = await localKeySigner(await readFile('release.key'), { where: 'release.key' });
 * const { modelId } = await signModel('my-model', { signer });
 */
export async function signModel(path: string, options: SignModelOptions): Promise<SignedModel> {
  const source = await openToSign(path, options);
  const signature = options.signature ?? defaultSignaturePath(source);
  const companion = companionDirectory(source);
  await checkTargets(signature, companion, options);
  const serialization = await chooseSerialization(source, signature, options);
  const hash = (signal: AbortSignal) => hashOpened(source, serialization, { ...options, signal });
  const [hashed, signers] = await whileSignersGetReady(partiesOf(options), options.signal, hash, checkFurther(companion, options));
  const signed = await sealAndWrite(source.name, hashed.manifest, signers, signature, companion, options);
  return { ...signed, read: { files: hashed.hashed.files.length, bytes: hashed.hashed.bytes }, findings: hashed.findings };
}

/** How a manifest made elsewhere is signed. */
export interface SignManifestOptions extends SignatureOptions {
  /** Where the first bundle goes; the others go to the directory that would be the model's `.mlsign`. */
  readonly signature: string;
}

/**
 * Signs a manifest that `mlsign hash --json` made elsewhere. No byte of the model is read: the signers vouch for the
 * manifest as it is.
 *
 * @param manifestPath the manifest document
 * @throws MlsignError `manifest-malformed` and others; `file-exists`
 */
export async function signManifest(manifestPath: string, options: SignManifestOptions): Promise<SignedModel> {
  const { signature } = options;
  const companion = companionOfSignature(signature);
  await checkTargets(signature, companion, options);
  const bytes = await readCapped(manifestPath, MAX_MANIFEST_BYTES, 'manifest');
  const { subjectName, manifest } = parseManifestDocument(bytes, manifestPath);
  const [, signers] = await whileSignersGetReady(
    partiesOf(options),
    options.signal,
    async () => undefined,
    checkFurther(companion, options),
  );
  const signed = await sealAndWrite(subjectName, manifest, signers, signature, companion, options);
  return { ...signed, findings: [] };
}

async function sealAndWrite(
  name: string,
  manifest: Manifest,
  signers: readonly Signer[],
  signature: string,
  companion: string,
  options: SignatureOptions,
) {
  const { force = false, signal } = options;
  const sealed = await sealPayload(statementPayload(name, manifest), partiesOf(options), signers, signal);
  const signatures = await writeSignatures(sealed, signature, companion, force);
  return { signatures, name, manifest, modelId: modelId(manifest), modelDigest: rootDigest(manifest.resources) };
}

async function chooseSerialization(source: Source, signature: string, options: SignModelOptions): Promise<Serialization> {
  const signatureNames = (await namesInside(source, signature)).filter((name) => name !== SIGNATURE_NAME);
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

/** What cannot be written is told of before gigabytes are hashed, and before anybody is asked to sign. */
async function checkTargets(signature: string, companion: string, { force, further = [] }: SignatureOptions): Promise<void> {
  if (!force && (await isThere(signature))) throw alreadyExists(signature, `signature ${basename(resolve(signature))}`);
  await checkWritable(signature, 'signature');
  // Where the directory of further signatures is yet to be made, it stands for one of them.
  if (further.length > 0) await checkWritable((await isThere(companion)) ? join(companion, SIGNATURE_NAME) : companion, 'signature');
}

/** What {@link checkTargets} cannot know: further signatures are named after keys, which may have to be asked for. */
function checkFurther(companion: string, { force }: SignatureOptions): (signers: readonly Signer[]) => Promise<void> {
  return async ([, ...further]) => {
    if (force) return;
    for (const signer of further) {
      const path = companionPath(companion, signer);
      if (await isThere(path)) throw alreadyExists(path, 'further signature');
    }
  };
}

function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
