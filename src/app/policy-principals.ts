import { basename } from 'node:path';
import type { IdentitySource } from '../policy/index.ts';
import type { VerifiedStatement } from '../verify/index.ts';

/** Whom a policy is to trust: as flags say it. Paths as they were given. */
export interface InitialTrust {
  readonly keys: readonly string[];
  readonly kmsKeys: readonly string[];
  readonly cas: readonly string[];
  readonly identities: readonly IdentitySource[];
  readonly releaseKeys: readonly string[];
}

/** A principal as a policy file has it. */
export interface InitialPrincipal {
  readonly name: string;
  /** Fields in their order; `paths` are files. */
  readonly fields: Readonly<Record<string, string | readonly string[] | Readonly<Record<string, string>>>>;
  readonly comment: string;
}

/** The principals by which a model was verified, each once, in the order of its signatures. */
export function principalsOf(statements: readonly VerifiedStatement[], trust: InitialTrust): readonly InitialPrincipal[] {
  const found = new Map<string, InitialPrincipal>();
  const names = new Set<string>();
  for (const { signer, signedBy } of statements) {
    for (const { trust: known } of signedBy) {
      const fields = fieldsOf(known, signer.certificate, trust);
      const id = JSON.stringify(fields);
      if (found.has(id)) continue;
      const name = uniqueName(nameOf(known.kind === 'identity' ? signer.identity?.identity : known.where), names);
      found.set(id, { name, fields, comment: signer.description });
    }
  }
  return [...found.values()];
}

/** Those who may sign releases, where others than the model's signers may. */
export function releasersOf({ releaseKeys }: InitialTrust, taken: readonly InitialPrincipal[]): readonly InitialPrincipal[] {
  const names = new Set(taken.map(({ name }) => name));
  return releaseKeys.map((path) => ({
    name: uniqueName(nameOf(path), names),
    fields: { key: path },
    comment: 'signs releases and channels',
  }));
}

type Known = VerifiedStatement['signedBy'][number]['trust'];

function fieldsOf(known: Known, leaf: VerifiedStatement['signer']['certificate'], trust: InitialTrust): InitialPrincipal['fields'] {
  switch (known.kind) {
    case 'key':
      return trust.kmsKeys.includes(known.where) ? { kms: known.where } : { key: known.where };
    case 'ca': {
      const [alternative] = leaf?.alternativeNames ?? [];
      const subject = leaf?.subject ?? '';
      const which = subject !== '' ? { subject } : alternative === undefined ? {} : { 'alternative-name': alternative };
      return { ca: trust.cas.length === 1 ? trust.cas.join('') : trust.cas, ...which };
    }
    case 'identity': {
      const who = 'exact' in known.identity ? { identity: known.identity.exact } : { 'identity-pattern': known.identity.pattern };
      const claims = Object.keys(known.claims).length === 0 ? {} : { claims: known.claims as Readonly<Record<string, string>> };
      return { ...who, issuer: known.issuer, ...claims };
    }
  }
}

function nameOf(text: string | undefined): string {
  const last = basename((text ?? '').split('@', 1).join('')).replace(/\.[^.]*$/, '');
  const name = last
    .replace(/[^A-Za-z0-9_-]+/g, '-')
    .replace(/^[^A-Za-z]+/, '')
    .slice(0, 40);
  return name === '' ? 'signer' : name;
}

function uniqueName(name: string, taken: Set<string>): string {
  let unique = name;
  for (let i = 2; taken.has(unique); i++) unique = `${name}-${i}`;
  taken.add(unique);
  return unique;
}
