import { type Finding, type MlsignError, refused, sha256Hex, systemClock } from '../core/index.ts';
import { publicKeyHint, sameKey, serializeBundle } from '../formats/index.ts';
import type { Principal, Rule, SignerGroups } from '../policy/index.ts';
import {
  listReleases,
  newestRelease,
  openRelease,
  parseReleaseRecord,
  publishRelease,
  type ReleaseBundle,
  type ReleaseObject,
  type ReleaseRecord,
} from '../release/index.ts';
import { type Signer, seal } from '../sign/index.ts';
import type { StoreLocation, UploadedObject } from '../store/index.ts';
import { openStatement } from '../verify/index.ts';
import type { PushContents, PushPlan } from './plan-push.ts';
import { withoutClass } from './push-bundles.ts';
import type { PushModelOptions } from './push-model.ts';
import { releaseTrust } from './release-trust.ts';
import { freshSigner } from './signers.ts';

/** Everything that a release record binds, in place. */
export interface ReadyToPublish {
  readonly plan: PushPlan;
  readonly contents: PushContents;
  readonly bundles: readonly ReleaseBundle[];
  readonly attestations: readonly ReleaseBundle[];
  readonly objects: readonly UploadedObject[];
  readonly signer: Signer;
}

/**
 * Signs the release record and writes it, unless the newest release says the same already. Of two pushers at once each
 * gets a number of its own.
 *
 * @throws MlsignError `signer-not-allowed` where the policy names others for releases
 */
export async function publish(location: StoreLocation, ready: ReadyToPublish, options: PushModelOptions) {
  const { plan, contents, bundles, attestations, signer } = ready;
  const { store, signal, attributes, witnesses, clock = systemClock } = options;
  const now = clock();
  const trust = releaseTrust(plan.rule, options, now);
  const objects = releaseObjects(contents, ready.objects);
  const record = (number: number): ReleaseRecord => ({
    name: location.name,
    number,
    created: now,
    modelId: contents.modelId,
    kind: contents.kind,
    objects,
    bundles,
    ...(attestations.length === 0 ? {} : { attestations }),
  });
  const same = await newestIfSame(location, record, ready, options);
  if (same !== undefined) return { outcome: 'unchanged', release: same, findings: [] } as const;
  const findings: Finding[] = [];
  const sealRecord = async (payload: Uint8Array) => {
    const fresh = await freshSigner(signer, options, clock());
    const bundle = await seal(payload, fresh, { witnesses, signal });
    const opened = await openStatement(
      Buffer.from(serializeBundle(bundle)),
      location.url,
      trust.releases,
      parseReleaseRecord,
      trust.evidence,
    );
    if (opened.verified === undefined) {
      if (plan.rule.releasedBy !== undefined) throw notAllowed(fresh, trust.releases, location);
      findings.push(notTrusted(fresh, trust.releases, location));
    }
    return bundle;
  };
  const release = await publishRelease(store, location, record, sealRecord, { attributes: withoutClass(attributes), signal });
  const { digest, version } = release;
  return { outcome: 'pushed', release: { number: release.record.number, digest, version }, findings: findings.slice(0, 1) } as const;
}

function releaseObjects({ files }: PushContents, objects: readonly UploadedObject[]): readonly ReleaseObject[] {
  return objects.map(({ version, size, partSize, parts }, i) => ({ name: files[i]?.name ?? '', version, size, partSize, parts }));
}

/** The newest release, where it is of the same model at the same versions under the same bundles, and has every attestation. */
async function newestIfSame(
  location: StoreLocation,
  make: (number: number) => ReleaseRecord,
  { plan, signer, attestations }: ReadyToPublish,
  options: PushModelOptions,
) {
  const { store, signal, clock = systemClock } = options;
  const newest = newestRelease(await listReleases(store, location, signal));
  if (newest === undefined) return undefined;
  const trust = releaseTrust(plan.rule, options, clock());
  // Whoever pushes believes what they have signed themselves.
  const releases = trust.releases.map((group) => [...group, selfOf(signer)]);
  const { release } = await openRelease(store, location, newest.number, { ...trust, releases }, { signal });
  if (release === undefined || contentOf(release.record) !== contentOf(make(newest.number))) return undefined;
  const attested = new Set(release.record.attestations?.map(({ digest }) => digest));
  if (!attestations.every(({ digest }) => attested.has(digest))) return undefined;
  return { number: newest.number, digest: release.digest, version: release.version };
}

/** Equal where two records bind the same. */
function contentOf({ modelId, kind, objects, bundles }: ReleaseRecord): string {
  const versions = objects.map(({ name, version, size, parts }) => [name, version, size, parts]);
  return sha256Hex(JSON.stringify([modelId, kind, versions, bundles.map(({ digest, version }) => [digest, version])]));
}

function selfOf({ publicKey: key, scheme }: Signer): Principal {
  const where = 'the signer of this release';
  return { name: where, trust: [{ kind: 'key', key, scheme, hint: publicKeyHint(key), where }] };
}

/**
 * Refuses a key that the policy does not name for releases before anything is sent; of certificates and identities the
 * finished signature tells.
 *
 * @throws MlsignError `signer-not-allowed`
 */
export function refuseForeignReleaser({ releasedBy }: Rule, signer: Signer, location: StoreLocation): void {
  if (signer.material.kind !== 'key') return;
  for (const group of releasedBy ?? []) {
    const trust = group.flatMap((principal) => principal.trust);
    const isNamed = trust.some((entry) => entry.kind === 'key' && sameKey(entry.key, signer.publicKey));
    if (!isNamed && trust.every(({ kind }) => kind === 'key')) throw notAllowed(signer, [group], location);
  }
}

function notAllowed(signer: Signer, groups: SignerGroups, { url }: StoreLocation): MlsignError {
  return refused('signer-not-allowed', 'this signer may not release models here; no release was made', {
    subject: url,
    expected: `a signature of ${namesOf(groups)}`,
    got: signer.description,
    suggestions: ['sign as one of those who may, or name the signer for releases (released-by in the policy, or --trust-release)'],
  });
}

function notTrusted(signer: Signer, groups: SignerGroups, { url }: StoreLocation): Finding {
  return {
    code: 'releaser-not-trusted',
    severity: 'warning',
    message: "the release is signed by another than the model: who verifies it has to trust the releaser's key",
    subject: url,
    expected: namesOf(groups),
    got: signer.description,
    suggestion: 'verify with --trust-release, or name the signer in the policy (released-by)',
  };
}

function namesOf(groups: SignerGroups): string {
  return groups.map((group) => group.map(({ name }) => name).join(' or ')).join(', and of ');
}
