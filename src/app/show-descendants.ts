import { verdictOf } from '../core/index.ts';
import { type LineageEdge, type LineageNode, nodeId } from '../lineage/index.ts';
import { type FindAffectedOptions, searchStores } from './find-affected.ts';
import type { ShownLineage } from './show-lineage.ts';

/**
 * Shows what was made from a model, among the models of some stores. Nothing of them is verified: what is only claimed
 * counts too.
 *
 * @param modelId of the model
 * @throws MlsignError `location-malformed`, and what the stores throw for a listing
 */
export async function showDescendants(
  model: string,
  modelId: string,
  places: readonly string[],
  options: FindAffectedOptions,
): Promise<ShownLineage> {
  return searchStores(`sha256:${modelId}`, places, options, async ({ models, descendants }) => {
    const root = idOf(modelId);
    const found = models.flatMap(({ derivations, location }) => derivations.map((derivation) => ({ ...derivation, where: location.url })));
    const known = new Map(found.map((each) => [each.modelId, each]));
    const ids = [modelId, ...[...descendants.keys()].filter((id) => id !== modelId)];
    const nodes = ids.map((id): LineageNode => {
      const derivation = known.get(id);
      const at = descendants.get(id);
      return {
        id: idOf(id),
        modelId: id,
        name: derivation?.name,
        roles: id === modelId ? ['model'] : [],
        depth: at?.depth ?? 0,
        where: derivation?.where,
        verdict: 'not-checked',
        signers: [],
        evidence: [],
        provenance: [],
        findings: [],
      };
    });
    const edges = found.flatMap(({ modelId: from, materials }) =>
      descendants.has(from)
        ? materials.flatMap(({ material }): readonly LineageEdge[] => {
            const { mlsignModel: to } = material.digests;
            if (to === undefined || (to !== modelId && !descendants.has(to))) return [];
            return [{ from: idOf(from), to: idOf(to), role: material.role, relation: material.relation, material }];
          })
        : [],
    );
    const findings = models.flatMap((each) => each.findings);
    const lineage = { verdict: verdictOf(findings), isVerified: false, root, nodes, edges, findings };
    return { verdict: lineage.verdict, model, direction: 'descendants', isVerified: false, lineage, checks: [], findings };
  });
}

function idOf(id: string): string {
  return nodeId({ kind: 'model', id });
}
