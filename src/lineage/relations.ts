import type { Finding } from '../core/index.ts';
import type { Material, Provenance, Relation } from '../formats/index.ts';
import { nodeId } from './graph.ts';

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
