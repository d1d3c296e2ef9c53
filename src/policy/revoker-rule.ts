import { resolve } from 'node:path';
import { usage } from '../core/index.ts';
import type { Policy } from './policy.ts';
import { keyPrincipal } from './policy-flags.ts';
import type { PemSource } from './principal.ts';
import type { RevocationPlace, RevocationRule } from './revocation-rule.ts';

/** What is said of a list that is to be changed. */
export interface RevokerQuestion {
  readonly policy?: Policy | undefined;
  /** Where the list is; the one of the policy, or of the release's store, unless given. */
  readonly place?: RevocationPlace | undefined;
  /** The store of the release that is revoked, which a policy may mean by `store: true`. */
  readonly ownStore?: string | undefined;
  /** Keys of revokers, besides those of the policy: both must hold. */
  readonly keys: readonly PemSource[];
}

/**
 * Which list is meant, and who may sign it.
 *
 * @throws MlsignError `revocations-not-named`, `revoker-missing`, `policy-lists-differ`
 */
export function revokerRule({ policy, place, ownStore, keys }: RevokerQuestion): RevocationRule {
  const wanted = place ?? (ownStore === undefined ? undefined : { kind: 'store', url: ownStore });
  const listed = (policy?.rules ?? []).flatMap(({ revocations }) => revocations);
  // A policy means the store of each release by "store: true": whichever is asked for.
  const placed = listed.map((rule) => (rule.place.kind === 'store' && rule.place.url === undefined ? { ...rule, place: wanted } : rule));
  const matching = place === undefined && listed.length > 0 ? placed : placed.filter((rule) => isSame(rule.place, wanted));
  const [first, ...others] = distinct(matching);
  if (others.length > 0) {
    throw usage('policy-lists-differ', 'the policy names several revocation lists, or several revokers or names for one', {
      suggestions: ['say which list: --revocations FILE|STORE'],
    });
  }
  const found = first?.place ?? wanted;
  if (found === undefined) {
    throw usage('revocations-not-named', 'say which revocation list is meant', {
      suggestions: ['--revocations revocations.json', '--revocations s3://bucket/prefix', '--policy mlsign.policy.yaml'],
    });
  }
  const own = keys.length === 0 ? [] : [keys.map((source) => keyPrincipal('revoker', source))];
  const signedBy = [...(first?.signedBy ?? []), ...own];
  if (signedBy.length === 0) {
    throw usage('revoker-missing', 'say who may revoke: without that nobody could tell whose list it is', {
      suggestions: ['--trust-revoker security.pub', 'a policy with revocations: { signed-by: … } for this list'],
    });
  }
  return { place: found, signedBy, name: first?.name };
}

type Placed = Omit<RevocationRule, 'place'> & { readonly place: RevocationPlace | undefined };

function distinct(rules: readonly Placed[]): readonly Placed[] {
  const id = ({ place, name, signedBy }: Placed): string =>
    JSON.stringify([textOf(place), name, signedBy.map((group) => group.map((principal) => principal.name))]);
  return [...new Map(rules.map((rule) => [id(rule), rule])).values()];
}

function isSame(a: RevocationPlace | undefined, b: RevocationPlace | undefined): boolean {
  return a !== undefined && textOf(a) === textOf(b);
}

function textOf(place: RevocationPlace | undefined): string | undefined {
  if (place?.kind === 'file') return resolve(place.path);
  const local = place?.url?.startsWith('file:') ? place.url.slice('file:'.length) : undefined;
  return local === undefined ? place?.url?.replace(/\/$/, '') : `file:${resolve(local)}`;
}
