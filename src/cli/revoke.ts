import { Flags } from '@oclif/core';
import { type Lifetime, revocationTarget, revoke, type SigningParty } from '../app/index.ts';
import { usage } from '../core/index.ts';
import type { Revocation, RevocationSource } from '../lineage/index.ts';
import { type RevocationPlace, type RevocationRule, revokerRule } from '../policy/index.ts';
import { revokeDocument, revokeEvent, revokeText } from '../report/index.ts';
import { isStoreLocation, parseLocation, parseStorePlace } from '../store/index.ts';
import type { CommandReport, Session } from './base-command.ts';
import { parseMoment } from './duration.ts';
import { eventFlags } from './event-log.ts';
import { signerFlags } from './flags.ts';
import { findingWarnings } from './ports.ts';
import { loadSigners, type SignerFlags } from './signers.ts';
import { sigstoreFlags } from './sigstore.ts';
import { type ChannelFlags, channelClientOf, channelFlags, type StoreFlags, storeFlags, storeOpener, withStore } from './store.ts';
import { type EvidenceFlags, evidenceOfFlags, listPlaceOf, loadPolicyFile, revokerKeys, trustFlags } from './trust.ts';

/** Who revokes, whom that takes, and where the list is. */
export const revokeFlags = {
  ...signerFlags,
  ...sigstoreFlags,
  revocations: Flags.string({
    summary: 'The list: a file, or the store that keeps it; the one of the policy, or of the store of a release, unless given.',
    helpValue: 'FILE|STORE',
    helpGroup: 'TRUST',
  }),
  'trust-revoker': Flags.string({
    summary: 'Public key or certificate of a revoker, who may sign the list (PEM; repeatable).',
    helpValue: 'PEM',
    multiple: true,
    multipleNonGreedy: true,
    helpGroup: 'TRUST',
  }),
  policy: Flags.string({ summary: 'Policy file that names the list and its revokers.', helpValue: 'FILE', helpGroup: 'TRUST' }),
  'policy-key': trustFlags['policy-key'],
  'trusted-root': trustFlags['trusted-root'],
  'timestamp-ca': trustFlags['timestamp-ca'],
  offline: Flags.boolean({ summary: trustFlags.offline.summary ?? '', helpGroup: 'TRUST' }),
  state: channelFlags.state,
  ...storeFlags,
  ...eventFlags,
};

/** Flags of `mlsign revoke`. */
export interface RevokeFlags extends SignerFlags, EvidenceFlags, StoreFlags, ChannelFlags {
  readonly quiet: boolean;
  readonly staging: boolean;
  readonly revocations?: string | undefined;
  readonly 'trust-revoker'?: readonly string[] | undefined;
  readonly policy?: string | undefined;
  readonly 'policy-key'?: readonly string[] | undefined;
  readonly reason?: string | undefined;
  readonly since?: string | undefined;
  readonly issuer?: string | undefined;
  readonly expires?: Lifetime | undefined;
  readonly init: boolean;
  readonly renew: boolean;
}

/** Revokes something as flags say, and tells of it. */
export async function revokeByFlags(target: string | undefined, flags: RevokeFlags, { signal }: Session): Promise<CommandReport> {
  const team = await loadSigners(flags, signal);
  try {
    if ((team.further ?? []).length > 0) {
      throw usage('one-signer', 'a revocation list has one signer: give one of --key, --kms and --sigstore, once');
    }
    const { signer, witnesses }: SigningParty = team;
    const add = await entriesOf(target, flags, signal);
    const { place, signedBy: signers, name } = await listOf(target, flags, signal);
    const { state } = channelClientOf(flags);
    const { expires, init } = flags;
    const evidence = await evidenceOfFlags(flags);
    const options = { add, signers, name, expires, init, state, signer, witnesses, ...evidence, signal };
    const update = await withList(place, flags, (source) => revoke(source, options));
    return {
      document: () => revokeDocument(update),
      text: (style) => revokeText(update, style),
      warnings: findingWarnings(update.findings),
      event: revokeEvent(update),
      exitCode: 0,
    };
  } finally {
    await team.close();
  }
}

async function entriesOf(
  target: string | undefined,
  flags: RevokeFlags,
  signal: AbortSignal,
): Promise<readonly Omit<Revocation, 'added'>[]> {
  const { reason, since, issuer, renew } = flags;
  if (target === undefined && (renew || flags.init)) return [];
  if (target === undefined || renew) throw usage('target-or-renew', 'say what is revoked, or --renew: one of them');
  if (reason === undefined)
    throw usage('reason-missing', 'say why it is revoked: whoever meets it reads it', { expected: '--reason TEXT' });
  const { kind, value, further } = await revocationTarget(target, { openStore: storeOpener(flags), signal });
  if (since !== undefined && (kind === 'digest' || kind === 'attestation')) {
    throw usage('flag-without-use', '--since is for keys and identities: what has a revoked digest is revoked whenever it was signed', {
      subject: target,
    });
  }
  if (issuer !== undefined && kind !== 'identity') throw usage('flag-without-use', '--issuer is for identities', { subject: target });
  return [value, ...further].map((each) => ({
    kind,
    value: each,
    reason,
    ...(issuer === undefined ? {} : { issuer }),
    ...(since === undefined ? {} : { since: parseMoment(since) }),
  }));
}

/** Which list, and who its revokers are: as the flags say, the policy, or both, where both must hold. */
async function listOf(target: string | undefined, flags: RevokeFlags, signal: AbortSignal): Promise<RevocationRule> {
  const { revocations, 'trust-revoker': revokers = [], policy: file } = flags;
  const policy = file === undefined ? undefined : await loadPolicyFile(file, flags, signal);
  const ownStore = target !== undefined && isStoreLocation(target) ? storeOf(target) : undefined;
  const place = revocations === undefined ? undefined : listPlaceOf(revocations);
  return revokerRule({ policy, place, ownStore, keys: await revokerKeys(revokers) });
}

/** The store in which a release lies, as `mlsign ls` takes it. */
function storeOf(target: string): string {
  const { url, name } = parseLocation(target);
  return url.slice(0, -name.length - 1);
}

function withList<T>(place: RevocationPlace, flags: RevokeFlags, work: (source: RevocationSource) => Promise<T>): Promise<T> {
  if (place.kind === 'file') return work(place);
  const { store: address, prefix } = parseStorePlace(place.url ?? '');
  return withStore({ store: address }, flags, (store) => work({ kind: 'store', store, prefix }));
}
