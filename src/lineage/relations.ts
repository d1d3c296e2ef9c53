import type { Finding } from '../core/index.ts';
import type { Material, Provenance, Relation } from '../formats/index.ts';
import { nodeId } from './graph.ts';
import type { ProvenanceClaim } from './node.ts';

/** How many models each way of making one takes, and in which roles. */
const NEEDS: Readonly<Record<Relation, { readonly count: number; readonly roles: readonly Material['role'][]; readonly words: string }>> = {
  finetune: { count: 1, roles: ['base-model'], words: 'a fine-tuned model' },
  adapter: { count: 1, roles: ['base-model'], words: 'an adapter' },
  quantized: { count: 1, roles: ['base-model'], words: 'a quantised model' },
  distilled: { count: 1, roles: ['base-model'], words: 'a distilled model' },
  merge: { count: 2, roles: ['base-model', 'adapter'], words: 'a merged model' },
};

/** Where provenance names fewer models than its own way of making one takes: a base that was left out, or put under another role. */
export function relationFindings({ relation, materials }: Provenance, subject: string, bundle: string): readonly Finding[] {
  const relations = new Set([relation, ...materials.map((material) => material.relation)].filter((each) => each !== undefined));
  return [...relations].flatMap((each) => {
    const { count, roles, words } = NEEDS[each];
    const named = new Set(materials.filter(({ role }) => roles.includes(role)).map(({ digest }) => nodeId(digest)));
    return named.size >= count ? [] : [tooFew(subject, bundle, words, roles, count, named.size)];
  });
}

/**
 * Where two statements about one model name different bases. One that merely names more than another is the later of the two: what
 * both name counts.
 */
export function contradictions(statements: readonly ProvenanceClaim[], subject: string, isRefused: boolean): readonly Finding[] {
  const said = statements.flatMap(({ bundle, signer, provenance: { materials } }) => {
    const bases = new Set(materials.filter(({ role }) => role === 'base-model' || role === 'adapter').map(({ digest }) => nodeId(digest)));
    return bases.size === 0 ? [] : [{ bundle, signer, bases }];
  });
  // The largest holds all others, or one of them contradicts.
  const [largest, ...others] = said.toSorted((a, b) => b.bases.size - a.bases.size);
  const other = others.find(({ bases }) => largest !== undefined && [...bases].some((base) => !largest.bases.has(base)));
  return largest === undefined || other === undefined ? [] : [contradicts(subject, largest, other, isRefused)];
}

interface SaidBases {
  readonly bundle: string;
  readonly signer: string;
  readonly bases: ReadonlySet<string>;
}

function contradicts(subject: string, one: SaidBases, other: SaidBases, isRefused: boolean): Finding {
  const words = ({ bundle, signer, bases }: SaidBases) => `${[...bases].slice(0, 4).join(', ')} in ${bundle}, signed by ${signer}`;
  return {
    code: 'provenance-contradicts',
    severity: isRefused ? 'rejected' : 'warning',
    message: 'two statements about where it comes from name different bases: one of them is false',
    subject,
    expected: words(one),
    got: words(other),
    suggestion: 'find out which of them is true, remove the other one, and find out who signed it',
  };
}

function tooFew(subject: string, bundle: string, words: string, roles: readonly string[], count: number, got: number): Finding {
  return {
    code: 'lineage-base-missing',
    severity: 'rejected',
    message: `its provenance says that it is ${words}, and does not name what it was made from`,
    subject,
    expected: `${count} or more of ${roles.join(', ')}`,
    got: `${got}, in ${bundle}`,
    suggestion: 'have it attested again with every base (mlsign attest MODEL --base BASE)',
  };
}
