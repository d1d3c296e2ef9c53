import { type Check, type Finding, type OnProgress, systemClock, throwIfAborted, type Verdict, verdictOf } from '../core/index.ts';
import { isPrehashed, preAuthEncoding, serializeBundle, statementPayload } from '../formats/index.ts';
import { seal } from '../sign/index.ts';
import type { ObjectAttributes, StoreLocation } from '../store/index.ts';
import { checkStoredArchive } from './check-stored-archive.ts';
import { checkStoredContent } from './check-stored-content.ts';
import { proofOf } from './prove-objects.ts';
import { putBundle } from './push-bundles.ts';
import { remedyFor } from './remedy.ts';
import { partiesOf } from './seal-payload.ts';
import type { SignatureOptions } from './sign-model.ts';
import { freshSigner, whileSignersGetReady } from './signers.ts';
import { isOpened, type OpenedModel, openStoredModel, type StoredModelOptions } from './stored-model.ts';
import type { WrittenSignature } from './write-signatures.ts';

/** How a release is signed where it lies. */
export interface SignReleaseOptions extends Omit<StoredModelOptions, 'signal'>, Omit<SignatureOptions, 'force'> {
  /** How the bundle is stored. */
  readonly attributes?: ObjectAttributes | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/** What was signed where it lies; without signatures where the verdict forbade it. */
export interface SignedRelease {
  readonly verdict: Verdict;
  /** Without a reference. */
  readonly url: string;
  readonly release?: { readonly number: number; readonly digest: string } | undefined;
  readonly modelId?: string | undefined;
  readonly modelDigest?: string | undefined;
  readonly read?: { readonly files: number; readonly bytes: number } | undefined;
  readonly signatures: readonly WrittenSignature[];
  readonly checks: readonly Check[];
  readonly findings: readonly Finding[];
}

/**
 * Adds signatures to a release where it lies: every byte of its pinned versions is streamed and hashed the way its first
 * signer did, and only where that gives the very same manifest is it signed. The bundles lie beside those of the release.
 *
 * @throws MlsignError `reference-missing`, what the policy, the store, the signers and the witnesses throw
 */
export async function signRelease(location: StoreLocation, options: SignReleaseOptions): Promise<SignedRelease> {
  const model = await openStoredModel(location, { ...options, isIncomplete: true, summaries: 'none' });
  const { release } = model;
  const base = {
    url: location.url,
    ...(release === undefined ? {} : { release: { number: release.record.number, digest: release.digest } }),
    signatures: [],
  };
  if (!isOpened(model)) return { ...base, verdict: verdictOf(model.findings), checks: model.checks, findings: model.findings };
  const [content, signers] = await whileSignersGetReady(partiesOf(options), options.signal, (signal) =>
    hashContents(model, { ...options, signal }),
  );
  const findings = [...model.findings, ...content.findings];
  const checks = [...model.checks, ...content.checks];
  const { candidate, manifest } = model.contents;
  const { modelId, statements } = candidate;
  const identity = { modelId, modelDigest: statements[0].statement.rootDigest, read: content.read };
  if (verdictOf(findings) !== 'verified') return { ...base, ...identity, verdict: verdictOf(findings), checks, findings };
  const payload = statementPayload(statements[0].statement.subjectName, manifest);
  const signatures: WrittenSignature[] = [];
  for (const [i, party] of partiesOf(options).entries()) {
    throwIfAborted(options.signal);
    const signer = await freshSigner(signers[i], party, (options.clock ?? systemClock)());
    const bundle = await seal(payload, signer, { witnesses: party.witnesses, signal: options.signal });
    const bytes = Buffer.from(serializeBundle(bundle));
    const { key } = await putBundle(options.store, location, modelId, bytes, options.attributes, options.signal);
    const isPrehash = isPrehashed(signer.scheme, preAuthEncoding(bundle.envelope.payloadType, payload));
    signatures.push({ signer, bundle, isPrehashed: isPrehash, path: `${options.store.url}/${key}` });
  }
  return { ...base, ...identity, verdict: 'verified', signatures, checks, findings };
}

async function hashContents(model: OpenedModel, { store, archiveLimits, signal, onProgress }: SignReleaseOptions) {
  const { release, location, contents } = model;
  const { number, kind } = release.record;
  if (kind === 'archive') return await checkStoredArchive(model, { store, mode: 'full', archiveLimits, signal, onProgress });
  const hashed = await store.fetch(
    contents.files.map(({ object, signed }) => ({ object, ...contents.ranges, expected: signed.digests })),
    { signal, onProgress },
  );
  return checkStoredContent(contents, hashed.map(proofOf), {
    number,
    kind,
    location,
    remedy: remedyFor(model),
  });
}
