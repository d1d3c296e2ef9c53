import { type Check, type Clock, type Finding, systemClock, throwIfAborted, type Verdict } from '../core/index.ts';
import type { Signer } from '../sign/index.ts';
import { layoutOf, type ObjectAttributes, type Store, type StoreLocation, type UploadedObject, type VersionId } from '../store/index.ts';
import { abandonedParts } from './abandoned-parts.ts';
import { loaderPrefix } from './loader-prefix.ts';
import { pinnedAttestation, pinnedBundle } from './pinned-objects.ts';
import { type PlanPushOptions, type PushContents, type PushPlan, planPush } from './plan-push.ts';
import { type PlannedTransfer, planTransfer } from './plan-transfer.ts';
import { publish, type ReadyToPublish, refuseForeignReleaser } from './publish-release.ts';
import { pushBundles } from './push-bundles.ts';
import { refuseLargeRecord } from './record-size.ts';
import { refuseOtherForm } from './refuse-other-form.ts';
import { renewLeftovers } from './renew-leftovers.ts';
import { resumeFile } from './resume-file.ts';
import { freshSigner, type SigningParty } from './signers.ts';

/** How a model is pushed. */
export interface PushModelOptions extends PlanPushOptions, SigningParty {
  readonly store: Store;
  /** How its objects are stored. */
  readonly attributes?: ObjectAttributes | undefined;
  /** The folder in which this client remembers uploads that it began; they are not resumed without it. */
  readonly resumeDirectory?: string | undefined;
  /** Whether only to tell what would be done. */
  readonly dryRun?: boolean | undefined;
  readonly clock?: Clock | undefined;
}

/** Files and their bytes. */
export interface Quantity {
  readonly files: number;
  readonly bytes: number;
}

/** What a push did, or would do. */
export interface PushedModel {
  /** What the model's signatures and files are worth; only what is verified is pushed. */
  readonly verdict: Verdict;
  /** `unchanged`: the newest release is this very model already. */
  readonly outcome: 'pushed' | 'unchanged' | 'planned' | 'refused';
  readonly path: string;
  /** Without a reference. */
  readonly url: string;
  readonly policy: { readonly source: string; readonly digest?: string | undefined; readonly rule: string };
  readonly modelId?: string | undefined;
  /** Absent where none was made or would be. */
  readonly release?:
    | { readonly number: number; readonly digest?: string | undefined; readonly version?: VersionId | undefined }
    | undefined;
  /** Who signs the release, in words. */
  readonly releaser?: string | undefined;
  readonly sent: Quantity;
  /** Already there with the right bytes. */
  readonly reused: Quantity;
  readonly bundles: number;
  /** Other statements about the model. */
  readonly attestations: number;
  /** What a plain loader is pointed at, with `/` at its end. */
  readonly prefix?: string | undefined;
  readonly checks: readonly Check[];
  readonly findings: readonly Finding[];
}

const NOTHING: Quantity = { files: 0, bytes: 0 };

/**
 * Pushes a signed model as a new release: its signatures are verified under the policy first, then bundles and files are
 * sent, each byte read once and compared with what is signed; the signed release record comes last and makes it visible.
 *
 * @param path the model
 * @param location where it goes; without a reference
 * @returns what was done; a model that does not pass is told of in findings, and nothing of it is sent
 * @throws MlsignError `file-changed` where a file is not what was signed, `object-exists`, `bucket-unversioned`,
 *   `signer-not-allowed`, `record-too-large`, and what the store and the signers throw
 */
export async function pushModel(path: string, location: StoreLocation, options: PushModelOptions): Promise<PushedModel> {
  const plan = await planPush(path, location, options);
  const { contents } = plan;
  const base = baseResult(plan, location, options);
  if (contents === undefined) return base;
  refuseLargeRecord(location, contents);
  const { store, signal } = options;
  await refuseOtherForm(store, location, contents, signal);
  if (options.dryRun) return planned(base, plan, await planTransfer(store, location, contents, signal));
  const now = (options.clock ?? systemClock)();
  const signer = await freshSigner(undefined, options, now);
  refuseForeignReleaser(plan.rule, signer, location);
  const { modelId } = contents;
  const bundles = await pushBundles(store, location, modelId, contents.bundles, options.attributes, signal);
  const attestations = await pushBundles(store, location, modelId, contents.attestations, options.attributes, signal, 'attestation');
  const objects = await uploadFiles(location, contents, options);
  throwIfAborted(signal);
  const ready = await withoutLeftovers(location, { plan, contents, bundles, attestations, objects, signer }, options);
  const published = await publish(location, ready, options);
  const abandoned = await abandonedParts(store, layoutOf(location).model, signal);
  const prefix = loaderPrefix(store, location, contents.modelId);
  return {
    ...sentResult(base, contents, objects, signer),
    ...published,
    prefix,
    findings: [...base.findings, ...published.findings, ...abandoned],
  };
}

/** What is to be released, without versions that gc could be removing. */
async function withoutLeftovers(location: StoreLocation, ready: ReadyToPublish, options: PushModelOptions): Promise<ReadyToPublish> {
  const { modelId } = ready.contents;
  const bundles = ready.bundles.map((bundle) => pinnedBundle(location, { modelId }, bundle));
  const attestations = ready.attestations.map((attestation) => pinnedAttestation(location, { modelId }, attestation));
  const reused = ready.objects.filter(({ isReused }) => isReused);
  const renewed = await renewLeftovers(location, modelId, [...bundles, ...attestations, ...reused], options);
  const renew = <T extends { readonly version: VersionId }>(
    pinned: readonly T[],
    keys: readonly { readonly key: string }[],
  ): readonly T[] => pinned.map((each, i) => ({ ...each, version: renewed.get(keys[i]?.key ?? '') ?? each.version }));
  return {
    ...ready,
    bundles: renew(ready.bundles, bundles),
    attestations: renew(ready.attestations, attestations),
    objects: renew(ready.objects, ready.objects),
  };
}

async function uploadFiles(location: StoreLocation, { files, modelId }: PushContents, options: PushModelOptions) {
  const { store, attributes, resumeDirectory, signal, onProgress } = options;
  const resume = resumeDirectory === undefined ? undefined : await resumeFile(resumeDirectory, `${location.url}/${modelId}`);
  return store.upload(files, { attributes, resume, signal, onProgress });
}

function baseResult(plan: PushPlan, { url }: StoreLocation, { policy }: PushModelOptions): PushedModel {
  return {
    verdict: plan.verdict,
    outcome: 'refused',
    path: plan.source.path,
    url,
    policy: { source: policy.source, digest: policy.digest, rule: plan.rule.name },
    modelId: plan.contents?.modelId,
    sent: NOTHING,
    reused: NOTHING,
    bundles: plan.contents?.bundles.length ?? 0,
    attestations: plan.contents?.attestations.length ?? 0,
    checks: plan.checks,
    findings: plan.findings,
  };
}

function planned(base: PushedModel, { contents }: PushPlan, transfer: PlannedTransfer): PushedModel {
  const { files = [] } = contents ?? {};
  const isThere = (key: string, size: number): boolean => transfer.present.get(key) === size;
  const reused = files.filter(({ key, identity }) => isThere(key, identity.size)).map(({ identity }) => identity.size);
  const sent = files.filter(({ key, identity }) => !isThere(key, identity.size)).map(({ identity }) => identity.size);
  const release = transfer.next === undefined ? undefined : { number: transfer.next };
  return { ...base, outcome: 'planned', release, sent: quantity(sent), reused: quantity(reused) };
}

function sentResult(base: PushedModel, { modelId }: PushContents, objects: readonly UploadedObject[], signer: Signer): PushedModel {
  const sizes = (isReused: boolean) => objects.filter((object) => object.isReused === isReused).map(({ size }) => size);
  return { ...base, modelId, releaser: signer.description, sent: quantity(sizes(false)), reused: quantity(sizes(true)) };
}

function quantity(sizes: readonly number[]): Quantity {
  return { files: sizes.length, bytes: sizes.reduce((sum, size) => sum + size, 0) };
}
