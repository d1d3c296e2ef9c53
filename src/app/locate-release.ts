import { type Check, type Finding, type Verdict, verdictOf } from '../core/index.ts';
import type { ReleaseRecord } from '../release/index.ts';
import type { Store, StoreLocation } from '../store/index.ts';
import { advanceMark } from './advance-mark.ts';
import { loaderPrefix } from './loader-prefix.ts';
import { openStoredModel, type StoredModelOptions } from './stored-model.ts';

/** Where a release lies. */
export interface LocatedRelease {
  readonly verdict: Verdict;
  /** Without a reference. */
  readonly url: string;
  readonly policy: { readonly source: string; readonly digest?: string | undefined; readonly rule: string };
  /** What a plain loader is pointed at, with `/` at its end; absent where the verdict forbids it. */
  readonly prefix?: string | undefined;
  /** The one object in it, of an archive or a single file. */
  readonly object?: string | undefined;
  readonly release?: { readonly number: number; readonly digest: string; readonly modelId: string } | undefined;
  readonly channel?: { readonly name: string; readonly sequence: number; readonly expires: Date } | undefined;
  readonly checks: readonly Check[];
  readonly findings: readonly Finding[];
}

/**
 * Tells where a release lies, for loaders that know nothing of versions, once its channel, its record and the signatures of
 * its model are verified. No file is looked at.
 *
 * @param location with the release or the channel
 * @throws MlsignError `reference-missing`, and what the policy and the store throw
 */
export async function locateRelease(location: StoreLocation, options: StoredModelOptions): Promise<LocatedRelease> {
  const { store, policy, state } = options;
  const { rule, release, channel, contents, checks, findings } = await openStoredModel(location, options);
  const isHeld = contents !== undefined && verdictOf(findings) === 'verified';
  const mark = isHeld ? await advanceMark(channel, location, state) : { checks: [], findings: [] };
  const all = [...findings, ...mark.findings];
  const verdict = verdictOf(all);
  const unread: Check = { name: 'model-content', status: 'skipped', detail: 'no file was looked at: mlsign verify does that' };
  return {
    verdict,
    url: location.url,
    policy: { source: policy.source, digest: policy.digest, rule: rule.name },
    ...(release === undefined || !isHeld || verdict !== 'verified' ? {} : placeOf(release.record, store, location)),
    ...(release === undefined
      ? {}
      : { release: { number: release.record.number, digest: release.digest, modelId: release.record.modelId } }),
    ...(channel === undefined
      ? {}
      : { channel: { name: channel.pointer.channel, sequence: channel.pointer.sequence, expires: channel.pointer.expires } }),
    checks: [...checks, ...mark.checks, unread],
    findings: all,
  };
}

function placeOf(
  { modelId, kind, objects }: ReleaseRecord,
  store: Store,
  location: StoreLocation,
): Pick<LocatedRelease, 'prefix' | 'object'> {
  const prefix = loaderPrefix(store, location, modelId);
  const [only] = objects;
  return kind === 'directory' || only === undefined ? { prefix } : { prefix, object: `${prefix}${only.name}` };
}
