import type {
  AttestedModel,
  ChannelMove,
  GarbageCollection,
  PackedModel,
  PushedModel,
  RestoredRelease,
  RevocationUpdate,
  SignedModel,
  SignedRelease,
  Verification,
} from '../app/index.ts';
import type { EventSummary } from './event.ts';

/** What the event of a verification, or of a pull, tells. */
export function verificationEvent({ source, signed, stored, signatures, verdict, policy, findings }: Verification): EventSummary {
  const signers = signatures.flatMap(({ counted, statement }) =>
    counted && statement !== undefined ? [statement.signer.description] : [],
  );
  return {
    place: stored?.location ?? source.path,
    modelId: signed?.modelId,
    release: stored?.release,
    channel: stored?.channel,
    verdict,
    signers,
    policy,
    findings,
  };
}

/** Of a signature on disk. */
export function signEvent({ signatures, modelId, findings }: SignedModel, place: string): EventSummary {
  return { place, modelId, outcome: 'signed', signers: signatures.map(({ signer }) => signer.description), findings };
}

/** Of an archive that was packed. */
export function packEvent({ archive, signatures, modelId, findings }: PackedModel): EventSummary {
  return { place: archive, modelId, outcome: 'packed', signers: signatures.map(({ signer }) => signer.description), findings };
}

/** Of a signature in a store. */
export function signReleaseEvent({ url, modelId, release, verdict, signatures, findings }: SignedRelease): EventSummary {
  const outcome = signatures.length > 0 ? 'signed' : 'refused';
  return { place: url, modelId, release, verdict, outcome, signers: signatures.map(({ signer }) => signer.description), findings };
}

/** Of a statement about a model. */
export function attestEvent({ place, modelId, release, verdict, attestations, findings }: AttestedModel): EventSummary {
  const outcome = attestations.length > 0 ? 'attested' : 'refused';
  return { place, modelId, release, verdict, outcome, signers: attestations.map(({ signer }) => signer.description), findings };
}

/** Of a push. */
export function pushEvent({ url, modelId, release, verdict, outcome, releaser, policy, findings }: PushedModel): EventSummary {
  const signers = releaser === undefined ? [] : [releaser];
  return { place: url, modelId, release, verdict, outcome, isDryRun: outcome === 'planned', signers, policy, findings };
}

/** Of a channel that was moved. */
export function channelMoveEvent({ url, channel, action, verdict, written, policy, findings }: ChannelMove): EventSummary {
  const pointer = written?.pointer;
  return {
    place: url,
    modelId: pointer?.modelId,
    release: pointer?.release,
    channel: { name: channel, sequence: pointer?.sequence },
    verdict,
    outcome: written === undefined ? 'refused' : action,
    signers: written === undefined ? [] : [written.signer],
    policy,
    findings,
  };
}

/** Of a release whose files are the current ones again. */
export function restoreEvent({ url, release, verdict, isDryRun, policy, findings }: RestoredRelease): EventSummary {
  const outcome = verdict !== 'verified' ? 'refused' : isDryRun ? 'planned' : 'restored';
  return { place: url, modelId: release?.modelId, release, verdict, outcome, isDryRun, policy, findings };
}

/** Of a revocation. */
export function revokeEvent({ list, entries: [entry], outcome, findings }: RevocationUpdate): EventSummary {
  return { place: entry?.value ?? list.place, outcome, signers: [list.signer], findings };
}

/** Of what was deleted, or would be. */
export function garbageEvent({ url, verdict, isDeleting, findings }: GarbageCollection): EventSummary {
  return { place: url, verdict, outcome: isDeleting ? 'deleted' : 'listed', isDryRun: !isDeleting, findings };
}
