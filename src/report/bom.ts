import type { BillOfFile, BillOfMaterials } from '../app/index.ts';
import type { LineageEdge, LineageNode } from '../lineage/index.ts';

/** What CycloneDX calls our hash algorithms, and those of materials. */
const HASHES: Readonly<Record<string, string>> = {
  sha256: 'SHA-256',
  sha384: 'SHA-384',
  sha512: 'SHA-512',
  sha3_256: 'SHA3-256',
  sha3_384: 'SHA3-384',
  sha3_512: 'SHA3-512',
  blake2b: 'BLAKE2b-512',
  blake3: 'BLAKE3',
  sha1: 'SHA-1',
  md5: 'MD5',
};

/** What CycloneDX calls what a model was made from, by role. */
const TYPES: Readonly<Record<string, string>> = {
  model: 'machine-learning-model',
  'base-model': 'machine-learning-model',
  adapter: 'machine-learning-model',
  dataset: 'data',
  code: 'application',
  config: 'file',
  tokenizer: 'data',
  container: 'container',
};

const IS_MODEL = ['base-model', 'adapter'];

/** The edges that lead away from each node. */
type Parents = ReadonlyMap<string, readonly LineageEdge[]>;

/**
 * A bill of materials in CycloneDX 1.6 (ECMA-424): the model with its files, everything that it was made from as a component, and how
 * they depend on each other. What the standard has no place for (model ids, signers, verdicts) are properties `mlsign:…`.
 *
 * @param version of mlsign
 */
export function bomDocument(bill: BillOfMaterials, version: string): object {
  const { serialNumber, made, shown } = bill;
  const { nodes, edges } = shown.lineage ?? { nodes: [], edges: [] };
  const [root, ...ancestors] = nodes;
  const known = new Map(nodes.map((node) => [node.id, node]));
  const parents: Parents = Map.groupBy(edges, ({ from }) => from);
  const materials = new Map(edges.map((edge) => [edge.to, edge]));
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    serialNumber,
    version: 1,
    metadata: {
      timestamp: made.toISOString(),
      tools: { components: [{ type: 'application', name: 'mlsign', version }] },
      component: rootComponent(bill, root, parents, known),
      properties: [
        property('lineage', shown.isVerified ? shown.verdict : 'not verified: nobody was to be trusted'),
        ...(shown.policy === undefined ? [] : [property('policy', shown.policy.source)]),
      ],
    },
    components: ancestors.map((node) => component(node, materials.get(node.id), parents, known)),
    dependencies: [rootRef(bill), ...ancestors.map(({ id }) => id)].map((ref) => ({ ref, dependsOn: unique(parents.get(ref)) })),
  };
}

function rootRef({ modelId }: BillOfMaterials): string {
  return `mlsignModel:${modelId}`;
}

function rootComponent(bill: BillOfMaterials, root: LineageNode | undefined, parents: Parents, known: ReadonlyMap<string, LineageNode>) {
  const { name, modelId, files } = bill;
  const ref = rootRef(bill);
  const [only, ...others] = files;
  const isFile = others.length === 0 && only?.name === name;
  return {
    type: 'machine-learning-model',
    'bom-ref': ref,
    name,
    version: `sha256:${modelId}`,
    ...(isFile ? hashesOf(only.algorithm, only.digest) : {}),
    ...ancestry(ref, parents, known),
    ...(isFile || files.length === 0 ? {} : { components: files.map((file) => fileComponent(ref, file)) }),
    properties: [property('model-id', modelId), ...(root === undefined ? [] : proof(root))],
  };
}

function fileComponent(ref: string, { name, algorithm, digest }: BillOfFile): object {
  return { type: 'file', 'bom-ref': `${ref}/${name}`, name, ...hashesOf(algorithm, digest) };
}

function component(node: LineageNode, edge: LineageEdge | undefined, parents: Parents, known: ReadonlyMap<string, LineageNode>): object {
  const { id, modelId } = node;
  const { role = 'other', material } = edge ?? {};
  const type = modelId === undefined ? (TYPES[role] ?? 'file') : role === 'dataset' ? 'data' : 'machine-learning-model';
  const hashes = Object.entries(material?.digests ?? {}).flatMap(([algorithm, digest]) => hashesOf(algorithm, digest).hashes ?? []);
  return {
    type,
    'bom-ref': id,
    name: nameOf(node),
    version: modelId === undefined ? id : `sha256:${modelId}`,
    ...(hashes.length === 0 ? {} : { hashes }),
    ...(type === 'machine-learning-model' ? ancestry(id, parents, known) : {}),
    ...(type === 'data' && role === 'dataset' ? { data: [{ type: 'dataset', name: nameOf(node) }] } : {}),
    ...(node.uri !== undefined && URL.canParse(node.uri)
      ? { externalReferences: [{ type: role === 'code' ? 'vcs' : 'distribution', url: new URL(node.uri).href }] }
      : {}),
    properties: [...node.roles.map((each) => property('role', each)), ...proof(node)],
  };
}

/** What a model was made from: the models as its pedigree, the datasets as parts of its card. */
function ancestry(ref: string, parents: Parents, known: ReadonlyMap<string, LineageNode>) {
  const edges = parents.get(ref) ?? [];
  const ancestors = edges.flatMap(({ to, role, relation }) => {
    const node = known.get(to);
    if (node === undefined || !IS_MODEL.includes(role)) return [];
    const properties = [property('role', role), ...(relation === undefined ? [] : [property('relation', relation)])];
    return [
      {
        type: 'machine-learning-model',
        name: nameOf(node),
        version: node.modelId === undefined ? to : `sha256:${node.modelId}`,
        properties,
      },
    ];
  });
  const datasets = unique(edges.filter(({ role }) => role === 'dataset')).map((id) => ({ ref: id }));
  return {
    ...(ancestors.length === 0 ? {} : { pedigree: { ancestors } }),
    ...(datasets.length === 0 ? {} : { modelCard: { modelParameters: { datasets } } }),
  };
}

/** Who stands behind it, and whether that was verified. */
function proof({ verdict, signers, provenance }: LineageNode): readonly object[] {
  return [
    property('verdict', verdict),
    ...signers.map((signer) => property('signer', signer)),
    ...provenance.flatMap(({ signer, builder }) => [property('provenance-signer', signer), property('builder', builder)]),
  ];
}

function nameOf({ name, uri, id }: LineageNode): string {
  return name ?? uri ?? id;
}

function hashesOf(algorithm: string, content: string | undefined): { hashes?: readonly object[] } {
  const alg = HASHES[algorithm];
  return alg === undefined || content === undefined ? {} : { hashes: [{ alg, content }] };
}

function property(name: string, value: string): object {
  return { name: `mlsign:${name}`, value };
}

function unique(edges: readonly LineageEdge[] | undefined): readonly string[] {
  return [...new Set((edges ?? []).map(({ to }) => to))];
}
