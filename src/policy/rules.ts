import { resolve } from 'node:path';
import { type Decoder, nearest } from '../core/index.ts';
import type { ChannelEntry, LineageEntry, PolicyDocument, RevocationEntry, RuleEntry, SignedByEntry } from './document.ts';
import type { LineageRole, LineageRule } from './lineage-rule.ts';
import { resolvePattern } from './pattern.ts';
import type { ChannelRule, Requirement, Rule, SignerGroups } from './policy.ts';
import type { Principal } from './principal.ts';
import { unreachable } from './reachable.ts';
import type { RevocationPlace, RevocationRule } from './revocation-rule.ts';

/**
 * Rules with their names resolved to principals; what is wrong is noted in the decoder.
 *
 * @param directory location of the policy file, which relative patterns begin at
 */
export function buildRules(
  decoder: Decoder,
  document: PolicyDocument,
  principals: ReadonlyMap<string, Principal>,
  directory: string,
): readonly Rule[] {
  const members = resolveRoles(decoder, document, principals);
  const common = revocationRules(decoder, document.revocations, members, directory);
  const seen = new Map<string, string>();
  const rules = document.rules.map((entry) => {
    const own = buildRule(decoder, entry, members, directory);
    const rule = entry.revocations === undefined ? { ...own, revocations: common } : own;
    const twin = seen.get(rule.pattern);
    if (twin !== undefined) decoder.problem(`${entry.path}.model`, `a location of its own: ${twin} is for the same one`, entry.model);
    else seen.set(rule.pattern, entry.path);
    return rule;
  });
  refuseUnreachable(decoder, document.rules, rules);
  return rules;
}

/** A rule that is chosen for no model says something that does not hold. */
function refuseUnreachable(decoder: Decoder, entries: readonly RuleEntry[], rules: readonly Rule[]): void {
  // Each once: what stands twice is refused as such.
  const named = new Map(rules.toReversed().map(({ pattern, name }) => [pattern, name]));
  const shadowed = unreachable([...named.keys()]);
  for (const [index, { path, model }] of entries.entries()) {
    const shadows = shadowed.get(rules[index]?.pattern ?? model);
    if (shadows === undefined) continue;
    const takers = shadows.map((shadow) => named.get(shadow) ?? shadow).join(', ');
    const got = shadows.length === 0 ? `${model}, where no model can lie` : `${model}, whose every match is left to ${takers}`;
    decoder.note({ path: `${path}.model`, expected: 'a pattern that some model is judged by', got });
  }
}

/** Every name that `signed-by` may use, with the principals that it stands for. */
function resolveRoles(
  decoder: Decoder,
  document: PolicyDocument,
  principals: ReadonlyMap<string, Principal>,
): ReadonlyMap<string, readonly Principal[]> {
  const members = new Map([...principals].map(([name, principal]) => [name, [principal]]));
  for (const role of document.roles) {
    if (principals.has(role.name)) decoder.problem(role.path, 'a name that no principal has', role.name);
    const list = role.members.flatMap((name, index) => {
      const principal = principals.get(name);
      if (principal !== undefined) return [principal];
      decoder.problem(`${role.path}[${index}]`, `a principal${suggestion(name, [...principals.keys()])}`, name);
      return [];
    });
    members.set(role.name, list);
  }
  return members;
}

function buildRule(decoder: Decoder, entry: RuleEntry, members: ReadonlyMap<string, readonly Principal[]>, directory: string): Rule {
  const resolved = resolvePattern(entry.model, directory);
  if ('reason' in resolved) decoder.problem(`${entry.path}.model`, resolved.reason, entry.model);
  const oneOf = (line: SignedByEntry | undefined): SignerGroups | undefined => line && [buildRequirement(decoder, line, members).of];
  const channel = ({ name, signedBy, stateless }: ChannelEntry): [string, ChannelRule] => [name, { signedBy: oneOf(signedBy), stateless }];
  const ancestors = ({ role, signedBy, ...lineage }: LineageEntry): [LineageRole, LineageRule] => [
    role,
    { ...lineage, signedBy: signedBy?.map((line) => buildRequirement(decoder, line, members)) },
  ];
  return {
    name: entry.model,
    pattern: 'pattern' in resolved ? resolved.pattern : entry.model,
    signedBy: entry.signedBy.map((line) => buildRequirement(decoder, line, members)),
    releasedBy: oneOf(entry.releasedBy),
    channels: new Map(entry.channels.map(channel)),
    lineage: new Map(entry.lineage.map(ancestors)),
    attestations: entry.attestations.map((asked) => ({
      ...asked,
      signedBy: asked.signedBy.map((line) => buildRequirement(decoder, line, members)),
    })),
    revocations: revocationRules(decoder, entry.revocations, members, directory),
    vsa: entry.vsa && { ...entry.vsa, signedBy: [buildRequirement(decoder, entry.vsa.signedBy, members).of] },
    ...entry.settings,
  };
}

function revocationRules(
  decoder: Decoder,
  entry: RevocationEntry | undefined,
  members: ReadonlyMap<string, readonly Principal[]>,
  directory: string,
): readonly RevocationRule[] {
  if (entry === undefined) return [];
  const { place, signedBy, name } = entry;
  return [{ place: placeFrom(directory, place), signedBy: [buildRequirement(decoder, signedBy, members).of], name }];
}

/** A place with the directory of the policy file where a relative path begins. */
function placeFrom(directory: string, place: RevocationPlace): RevocationPlace {
  if (place.kind === 'file') return { kind: 'file', path: resolve(directory, place.path) };
  const local = place.url?.startsWith('file:') ? place.url.slice('file:'.length) : undefined;
  return local === undefined ? place : { kind: 'store', url: `file:${resolve(directory, local)}` };
}

function buildRequirement(decoder: Decoder, line: SignedByEntry, members: ReadonlyMap<string, readonly Principal[]>): Requirement {
  const of = new Set<Principal>();
  let complete = true;
  for (const name of line.names) {
    const found = members.get(name);
    complete &&= found !== undefined;
    if (found === undefined) decoder.problem(line.path, `a principal or a role${suggestion(name, [...members.keys()])}`, name);
    for (const principal of found ?? []) of.add(principal);
  }
  if (complete && line.threshold > of.size) decoder.problem(line.path, `at most ${of.size}, as many as there are principals`, line.text);
  return { text: line.text, threshold: line.threshold, of: [...of] };
}

function suggestion(name: string, names: readonly string[]): string {
  const near = nearest(name, names);
  return near === undefined ? ` (${names.join(', ')})` : ` (did you mean "${near}"?)`;
}
