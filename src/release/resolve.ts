import { type Check, type Finding, MlsignError, usage } from '../core/index.ts';
import { locationText, type Store, type StoreLocation } from '../store/index.ts';
import { listChannels, listReleases, newestRelease } from './listing.ts';
import { releasesCommand, rollbackCommand } from './next-steps.ts';
import { openChannel, type VerifiedChannel } from './open-channel.ts';
import { type OpenedRelease, openRelease } from './open-release.ts';
import type { ChannelClient, ReleaseTrust } from './trust.ts';

/** The release that a location means, and the channel that said so. */
export interface ResolvedRelease extends OpenedRelease {
  readonly channel?: VerifiedChannel | undefined;
}

/** Releases that are opened in search of a model. */
const MAX_SEARCHED = 1000;

/**
 * Finds the release that a location refers to, by number, channel or model id, and verifies everything on the way.
 *
 * @throws MlsignError `reference-missing` for a bare name; `state-invalid`; `interrupted`
 */
export async function resolveRelease(
  store: Store,
  location: StoreLocation,
  trust: ReleaseTrust,
  client: ChannelClient,
  signal?: AbortSignal,
): Promise<ResolvedRelease> {
  const { reference } = location;
  switch (reference?.kind) {
    case undefined:
      throw await referenceMissing(store, location, signal);
    case 'release':
      return openRelease(store, location, reference.number, trust, { signal });
    case 'model':
      return findModel(store, location, reference.id, trust, signal);
    case 'channel':
      return followChannel(store, location, reference.name, trust, client, signal);
  }
}

async function followChannel(
  store: Store,
  location: StoreLocation,
  name: string,
  trust: ReleaseTrust,
  client: ChannelClient,
  signal: AbortSignal | undefined,
): Promise<ResolvedRelease> {
  const { channel, checks, findings } = await openChannel(store, location, name, trust, client, signal);
  if (channel === undefined) return { checks, findings: await withChannels(findings, store, location, signal) };
  const { release: wanted, modelId } = channel.pointer;
  const opened = await openRelease(store, location, wanted.number, trust, { digest: wanted.digest, signal });
  const { release } = opened;
  const other =
    release === undefined || release.record.modelId === modelId ? [] : [otherModel(location, name, modelId, release.record.modelId)];
  const wrong = [...opened.findings, ...other].map((finding) => withRollback(finding, location, channel));
  return {
    channel,
    release: other.length === 0 ? release : undefined,
    checks: [...checks, ...opened.checks],
    findings: [...findings, ...wrong],
  };
}

/** Names the channels that there are, where the one that was asked for is none of them. */
async function withChannels(
  findings: readonly Finding[],
  store: Store,
  location: StoreLocation,
  signal: AbortSignal | undefined,
): Promise<readonly Finding[]> {
  if (!findings.some(({ code }) => code === 'channel-missing')) return findings;
  const listed = await listChannels(store, location, signal).catch((error: unknown) => {
    // Whoever may not list them is told the rest.
    if (error instanceof MlsignError && error.outcome !== 'interrupted') return [];
    throw error;
  });
  if (listed.length === 0) return findings;
  const there = `there are: ${listed.map(({ channel }) => channel).join(', ')}`;
  return findings.map((finding) =>
    finding.code === 'channel-missing' ? { ...finding, suggestion: [there, finding.suggestion].filter(Boolean).join(' · ') } : finding,
  );
}

function otherModel(location: StoreLocation, channel: string, expected: string, got: string): Finding {
  return {
    code: 'channel-model-differs',
    severity: 'rejected',
    message: 'the release that the channel points to is of another model than the pointer says',
    subject: locationText(location, { kind: 'channel', name: channel }),
    expected,
    got,
  };
}

/** Names the release that the channel pointed to before, where the present one cannot be used. */
function withRollback(finding: Finding, location: StoreLocation, { pointer, previous }: VerifiedChannel): Finding {
  if (previous === undefined || finding.severity === 'warning' || finding.severity === 'note') return finding;
  const rollback = `roll back: ${rollbackCommand(location, pointer.channel, previous)}`;
  return { ...finding, suggestion: finding.suggestion === undefined ? rollback : `${finding.suggestion} · or ${rollback}` };
}

/** The newest release of exactly one model. */
async function findModel(
  store: Store,
  location: StoreLocation,
  modelId: string,
  trust: ReleaseTrust,
  signal: AbortSignal | undefined,
): Promise<OpenedRelease> {
  const subject = locationText(location, { kind: 'model', id: modelId });
  const checks: Check[] = [];
  const passedOver: Finding[] = [];
  const releases = await listReleases(store, location, signal);
  for (const { number } of releases.slice(0, MAX_SEARCHED)) {
    const opened = await openRelease(store, location, number, trust, { signal });
    if (opened.release?.record.modelId === modelId) return { ...opened, checks: [...checks, ...opened.checks] };
    // What another release is like says nothing about this model; where none is found, it may be why.
    if (opened.release === undefined) passedOver.push(...opened.findings);
    checks.push({
      name: 'release',
      status: 'skipped',
      detail: `${locationText(location, { kind: 'release', number })}: not of this model`,
    });
  }
  const finding: Finding = {
    code: 'release-missing',
    severity: 'undetermined',
    message: 'no release of this model is found',
    subject,
    expected: 'a signed release record',
    got: `${Math.min(releases.length, MAX_SEARCHED)} of ${releases.length} releases read, ${passedOver.length === 0 ? 'all of other models' : 'some of which do not count'}`,
    suggestion: `see what there is: ${releasesCommand(location)}`,
  };
  return { checks, findings: [...passedOver.slice(0, 10), finding] };
}

/** What a bare name could mean is named, and never chosen. */
async function referenceMissing(store: Store, location: StoreLocation, signal: AbortSignal | undefined): Promise<MlsignError> {
  const suggestions: string[] = [];
  try {
    const channels = (await listChannels(store, location, signal)).filter(({ entries }) => entries.some(isVisible));
    const visible = (await listReleases(store, location, signal)).filter(({ entries }) => entries.some(isVisible));
    const newest = newestRelease(visible);
    for (const { channel } of channels.slice(0, 10)) suggestions.push(locationText(location, { kind: 'channel', name: channel }));
    if (newest !== undefined) suggestions.push(`${locationText(location, { kind: 'release', number: newest.number })}, the newest release`);
  } catch (error) {
    if (!(error instanceof MlsignError) || error.outcome === 'interrupted') throw error;
  }
  return usage('reference-missing', 'say which release of the model is meant', {
    subject: location.url,
    expected: 'a release number (@7), a channel (@production) or a model id (@sha256:…)',
    got: 'a bare name',
    suggestions: suggestions.length > 0 ? suggestions : [`see what there is: ${releasesCommand(location)}`],
  });
}

function isVisible({ isCurrent, isDeleted }: { readonly isCurrent: boolean; readonly isDeleted: boolean }): boolean {
  return isCurrent && !isDeleted;
}
