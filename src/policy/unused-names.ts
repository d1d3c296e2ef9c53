import type { PolicyDocument } from './document.ts';

/** Names that a policy explains and nothing uses. */
export interface UnusedNames {
  readonly principals: readonly string[];
  readonly roles: readonly string[];
}

/** The principals and roles of a policy that no rule speaks of, directly or by a role. */
export function unusedNames({ principals, roles, revocations, rules }: PolicyDocument): UnusedNames {
  const named = new Set(namesIn([revocations, rules]));
  const usedRoles = roles.filter(({ name }) => named.has(name));
  for (const { members } of usedRoles) for (const member of members) named.add(member);
  const unused = (entries: readonly { readonly name: string }[]) => entries.map(({ name }) => name).filter((name) => !named.has(name));
  return { principals: unused(principals), roles: unused(roles) };
}

/** The names in every `signed-by`, wherever it stands. */
function namesIn(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(namesIn);
  if (typeof value !== 'object' || value === null) return [];
  if ('threshold' in value && 'names' in value && Array.isArray(value.names)) return value.names.filter((name) => typeof name === 'string');
  return Object.values(value).flatMap(namesIn);
}
