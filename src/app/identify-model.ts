import { basename } from 'node:path';
import { type Check, type Finding, MlsignError, refused } from '../core/index.ts';
import { type Manifest, parseOmsStatement } from '../formats/index.ts';
import { compareModel, expectedFiles, hashModel, modelId, type Source } from '../model/index.ts';
import { type EngineOptions, engineOf, hashOpened, serializationOf } from './hash-model.ts';
import { defaultSignaturePath } from './locations.ts';
import { readOwnBundle, sourceAsSigned } from './open-model.ts';
import { readBundle } from './read-bundle.ts';

/** How a model on disk is identified. */
export interface IdentifyModelOptions extends EngineOptions {
  /** The bundle that says how it is hashed; its own unless given. */
  readonly signature?: string | undefined;
  readonly allowSymlinks?: boolean | undefined;
}

/** A model on disk, and what its id rests on. */
export interface IdentifiedModel {
  readonly name: string;
  readonly modelId: string;
  readonly manifest: Manifest;
  /** Files that the manifest names. */
  readonly files: ReadonlySet<string>;
  readonly isSigned: boolean;
  readonly read?: { readonly files: number; readonly bytes: number } | undefined;
  readonly check: Check;
  readonly findings: readonly Finding[];
}

/**
 * The id of a model by the manifest of its signature. Whose signature it is, is not asked. A model without one is hashed
 * as `mlsign sign` would without flags.
 *
 * @param withBytes whether the bytes are hashed too, and must be what the signature says
 * @throws MlsignError `model-differs` where they are not; what is wrong with the bundle; what hashing throws
 */
export async function identifyModel(model: Source, options: IdentifyModelOptions, withBytes: boolean): Promise<IdentifiedModel> {
  const named = options.signature ?? defaultSignaturePath(model);
  const own = options.signature === undefined ? readOwnBundle(model, named) : readBundle(named);
  const bundle = await own.catch((error: unknown) => {
    if (error instanceof MlsignError && error.code === 'file-not-found' && options.signature === undefined) return undefined;
    throw error;
  });
  if (bundle === undefined) return identifyUnsigned(model, options);
  const { path: signature } = bundle;
  const statement = parseOmsStatement(bundle.bundle.envelope.payload, signature, { allowLegacy: true });
  const { manifest, subjectName } = statement;
  const source = sourceAsSigned(model, statement);
  const identified = {
    name: subjectName === '' ? source.name : subjectName,
    modelId: modelId(manifest),
    manifest,
    files: new Set(expectedFiles(manifest, source).keys()),
    isSigned: true,
  };
  const by = `by ${basename(signature)}, whose signer was not looked at`;
  if (!withBytes) {
    const detail = `${source.name}: model id ${identified.modelId}, ${by}; its bytes were not read`;
    return { ...identified, check: { name: 'model-id', status: 'passed', detail }, findings: [] };
  }
  const read = await compareBytes(source, signature, manifest, options);
  const detail = `${source.name}: model id ${identified.modelId}, ${by}; its bytes are what that says`;
  return { ...identified, ...read, check: { name: 'model-id', status: 'passed', detail } };
}

async function identifyUnsigned(source: Source, options: IdentifyModelOptions): Promise<IdentifiedModel> {
  const { allowSymlinks } = options;
  const { hashed, manifest, modelId, findings } = await hashOpened(source, serializationOf(source, { allowSymlinks }), engineOf(options));
  const detail = `${source.name}: model id ${modelId}, by hashing whole files with SHA-256, as it is not signed`;
  return {
    name: source.name,
    modelId,
    manifest,
    files: new Set(hashed.files.map(({ name }) => name)),
    isSigned: false,
    read: { files: hashed.files.length, bytes: hashed.bytes },
    check: { name: 'model-id', status: 'passed', detail },
    findings,
  };
}

async function compareBytes(source: Source, signature: string, manifest: Manifest, options: IdentifyModelOptions) {
  const { serialization } = manifest;
  const hashed = await hashModel(source, {
    ...engineOf(options),
    // Links are followed where both the signer and whoever attests want it.
    serialization: { ...serialization, allowSymlinks: serialization.allowSymlinks && (options.allowSymlinks ?? false) },
    excluded: [signature],
    signed: expectedFiles(manifest, source).keys(),
  });
  const findings = compareModel(manifest, hashed, { ignoreUnsigned: false });
  const wrong = findings.filter(({ severity }) => severity === 'rejected' || severity === 'undetermined');
  const [first] = wrong;
  if (first === undefined) return { read: { files: hashed.files.length, bytes: hashed.bytes }, findings };
  const more = wrong.length > 1 ? ` (and ${wrong.length - 1} more like it)` : '';
  throw refused(
    'model-differs',
    `the model is not what its signature says, and only what is there can be attested: ${first.message}${more}`,
    {
      subject: first.subject,
      expected: first.expected,
      got: first.got,
      suggestions: ['put the signed files back, or sign the model as it is: mlsign sign --force'],
    },
  );
}
