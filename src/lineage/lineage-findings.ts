import { basename } from 'node:path';
import type { Finding } from '../core/index.ts';
import type { Requirement } from '../policy/index.ts';
import type { WalkRole } from './graph.ts';
import type { OpenedNode } from './node.ts';

/** How many statements that do not count a finding names. */
const MOST_NAMED = 3;

/** What a node is called: its name, or as much of its digest as people read. */
export function label({ id, name }: { readonly id: string; readonly name?: string | undefined }): string {
  const short = id.replace(/^mlsignModel:/, '').replace(/([0-9a-f]{12})[0-9a-f]{20,}$/, '$1…');
  return name === undefined ? short : `${name} (${short})`;
}

const WORDS: Readonly<Record<WalkRole, string>> = {
  model: 'the model',
  'base-model': 'base model',
  adapter: 'adapter',
  dataset: 'dataset',
  code: 'code',
  config: 'configuration',
  tokenizer: 'tokenizer',
  container: 'container',
  other: 'material',
};

function signers(requirements: readonly Requirement[]): string {
  return requirements.map(({ text }) => text).join(' and ');
}

export function parentMissing(subject: string, role: WalkRole, id: string): Finding {
  return {
    code: 'lineage-parent-missing',
    severity: 'undetermined',
    message: `the ${WORDS[role]} that it was made from was not found, so nobody knows who signed it`,
    subject,
    expected: id,
    got: 'no signature of it',
    suggestion: 'say where it lies (--search DIR), or put it beside the model, or into the store that its URI names',
  };
}

/** Nobody asked for it. */
export function notFound(subject: string, id: string): Finding {
  return {
    code: 'lineage-parent-missing',
    severity: 'note',
    message: 'it was not found, so what it was made from is not known',
    subject,
    expected: id,
    suggestion: 'say where it lies: --search DIR',
  };
}

export function wrongSigner(
  subject: string,
  role: WalkRole,
  wanted: readonly Requirement[],
  got: readonly string[],
  isOpen: boolean,
): Finding {
  return {
    code: 'lineage-signer-missing',
    severity: isOpen ? 'undetermined' : 'rejected',
    message: `this ${WORDS[role]} is not signed by those who may sign one`,
    subject,
    expected: signers(wanted),
    got: got.length === 0 ? 'no trusted signature' : got.join(', '),
    suggestion: 'have it signed by them, or say in the policy who else may (lineage)',
  };
}

export function notSigned(subject: string, role: WalkRole, id: string, wanted: readonly Requirement[]): Finding {
  return {
    code: 'lineage-parent-unsigned',
    severity: 'rejected',
    message: `the policy asks for a signed ${WORDS[role]}, and this one is bound by a digest that no signature is about`,
    subject,
    expected: `a model id, signed by ${signers(wanted)}`,
    got: id,
    suggestion: 'sign it (mlsign sign), and have the model attested again with its path or its place in a store',
  };
}

export function roleUnlisted(subject: string, role: WalkRole): Finding {
  return {
    code: 'lineage-role-unlisted',
    severity: 'warning',
    message: `the policy says nothing of the role of this ${WORDS[role]}, so nobody had to sign it`,
    subject,
    got: role,
    suggestion: 'add the role to the lineage of the rule',
  };
}

export function builderNotAllowed(subject: string, signer: string, got: string, allowed: readonly string[]): Finding {
  return {
    code: 'builder-not-allowed',
    severity: 'rejected',
    message: 'whoever signed this provenance may not speak for the builder that it names',
    subject,
    expected: allowed.join(' or '),
    got: `${got}, signed by ${signer}`,
    suggestion: 'find out where it was made; if that is right, add the builder to the policy',
  };
}

export function provenanceMissing(
  subject: string,
  wanted: readonly Requirement[],
  { statements, findings }: Pick<OpenedNode, 'statements' | 'findings'>,
): Finding {
  const unbelieved = statements.length === 0 ? [] : [`provenance signed by ${statements.map(({ signer }) => signer).join(', ')}`];
  const dropped = findings.map(({ subject: where, message }) => `${basename(where)}: ${message}`);
  const more = dropped.length - MOST_NAMED;
  return {
    code: 'provenance-missing',
    severity: 'undetermined',
    message: 'what it was made from is not stated by anybody who may',
    subject,
    expected: `provenance signed by ${signers(wanted)}`,
    got: [...unbelieved, ...dropped.slice(0, MOST_NAMED), ...(more > 0 ? [`and ${more} more`] : [])].join('; ') || 'none',
    suggestion: 'have it attested: mlsign attest MODEL --base BASE --dataset DATASET',
  };
}

export function placeNotAllowed(subject: string, role: WalkRole, uri: string | undefined, from: readonly string[]): Finding {
  return {
    code: 'lineage-place-not-allowed',
    severity: 'rejected',
    message: `this ${WORDS[role]} comes from where the policy wants none from`,
    subject,
    expected: from.join(' or '),
    got: uri ?? 'no place',
    suggestion: 'make the model again from an allowed place, or add this one to the policy',
  };
}

export function tooFew(subject: string, role: WalkRole, minimum: number, got: number): Finding {
  return {
    code: 'lineage-material-missing',
    severity: 'rejected',
    message: `its provenance names fewer of what the policy asks for than it must: ${WORDS[role]}`,
    subject,
    expected: `${minimum} or more in the role ${role}`,
    got: String(got),
    suggestion: 'have it attested again with everything that it was made from',
  };
}

export function notBinding(subject: string, id: string): Finding {
  return {
    code: 'lineage-digest-weak',
    severity: 'warning',
    message: 'others can make content with the same digest, so this proves nothing of what it was',
    subject,
    got: id,
    suggestion: 'have the model attested again with a SHA-256 digest',
  };
}

export function otherModel(subject: string, expected: string, got: string): Finding {
  return {
    code: 'attestation-other-model',
    severity: 'warning',
    message: 'this attestation is about another model, and does not count here',
    subject,
    expected,
    got,
    suggestion: 'find out who put it there, and remove it',
  };
}
