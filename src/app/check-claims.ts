import { type Finding, usage } from '../core/index.ts';
import type { Material, Provenance, Relation } from '../lineage/index.ts';
import type { ModelClaims } from './read-model-claims.ts';

/** What an adapter cannot be at the same time: its weights are of no use without the base. */
const NO_ADAPTER: readonly Relation[] = ['finetune', 'quantized', 'distilled'];

/**
 * Compares provenance with what the model's own files say: contradictions are warnings, omissions are notes.
 *
 * @throws MlsignError `relation-contradicted` where both cannot be true
 */
export function checkClaims({ adapter, card, findings }: ModelClaims, { relation, materials }: Provenance): readonly Finding[] {
  if (adapter !== undefined && relation !== undefined && NO_ADAPTER.includes(relation)) {
    throw usage('relation-contradicted', 'the model is an adapter, as its adapter_config.json says, and not what --relation says', {
      subject: 'adapter_config.json',
      expected: '--relation adapter, or merge',
      got: relation,
      suggestions: ['attest the adapter as one, or attest the model that it was merged into'],
    });
  }
  const bases = materials.filter(({ role }) => role === 'base-model' || role === 'adapter');
  const datasets = materials.filter(({ role }) => role === 'dataset');
  const found: Finding[] = [...findings];
  const base = adapter?.base;
  if (base !== undefined) found.push(...compareNames('base', 'adapter_config.json', [base], bases));
  if (card !== undefined) {
    found.push(...compareNames('base', 'README.md', card.bases, bases), ...compareNames('dataset', 'README.md', card.datasets, datasets));
    if (card.relation !== undefined && relation !== undefined && card.relation !== relation) {
      found.push(relationDiffers(card.relation, relation));
    }
  }
  const said = adapter === undefined ? card?.relation : 'adapter';
  if (relation === undefined && bases.length > 0) found.push(relationOmitted(said));
  return found;
}

function compareNames(
  what: 'base' | 'dataset',
  subject: string,
  claimed: readonly string[],
  materials: readonly Material[],
): readonly Finding[] {
  const given = new Set(materials.flatMap(({ name, uri }) => [name, uri].flatMap((text) => (text === undefined ? [] : [lastName(text)]))));
  const others = claimed.filter((name) => !given.has(lastName(name)));
  if (others.length === 0) return [];
  const expected = others.slice(0, 5).join(', ');
  if (materials.length === 0) {
    return [
      {
        code: `${what}-omitted`,
        severity: 'note',
        message: `the model says what ${what === 'base' ? 'it was made from' : 'data it was made with'}, and the attestation does not`,
        subject,
        expected,
        suggestion: `name it with --${what}`,
      },
    ];
  }
  return [
    {
      code: `${what}-differs`,
      severity: 'warning',
      message: `the model names another ${what} than those that are attested`,
      subject,
      expected,
      got: [...given].slice(0, 5).join(', '),
      suggestion: `check --${what}; where it is only called otherwise, nothing is wrong`,
    },
  ];
}

/** `Meta-Llama-3` of `meta-llama/Meta-Llama-3`, `s3://models/Meta-Llama-3@7` and the like, without case. */
function lastName(text: string): string {
  const path = text.replace(/[?#].*$/s, '').replace(/\/+$/, '');
  const last = path.slice(path.lastIndexOf('/') + 1).toLowerCase();
  return last.replace(/@[^@]*$/, '');
}

function relationDiffers(expected: Relation, got: Relation): Finding {
  return {
    code: 'relation-differs',
    severity: 'warning',
    message: 'the model card says that the model was made from its base in another way',
    subject: 'README.md',
    expected,
    got,
    suggestion: 'correct the card or --relation',
  };
}

function relationOmitted(said: Relation | undefined): Finding {
  return {
    code: 'relation-omitted',
    severity: 'note',
    message: 'how the model was made from its base is not attested',
    subject: 'relation',
    ...(said === undefined ? {} : { expected: said }),
    suggestion: `add --relation ${said ?? 'finetune, adapter, quantized, merge or distilled'}`,
  };
}
