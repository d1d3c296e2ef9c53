import { type Finding, sha256Hex } from '../core/index.ts';
import type { Material, MaterialDigest, Relation } from '../formats/index.ts';
import type { LineageRole } from '../policy/index.ts';
import { inParallel, READS_AT_ONCE } from '../store/index.ts';
import { findCycles } from './find-cycles.ts';

/** That one model was made from another, or from a dataset, code or the like. */
export interface LineageEdge {
  /** The node that was made. */
  readonly from: string;
  /** The node that it was made from. */
  readonly to: string;
  readonly role: Material['role'];
  readonly relation?: Relation | undefined;
  readonly material: Material;
}

/** One model or material, with what was found of it. */
export interface GraphNode<T> {
  /** {@link nodeId} of its digest. */
  readonly id: string;
  readonly digest: MaterialDigest;
  /** Edges from the root, on the shortest way. */
  readonly depth: number;
  /** What it was to others, each once. */
  readonly roles: ReadonlySet<WalkRole>;
  /** The first edge by which it was reached; the root has none. */
  readonly via?: LineageEdge | undefined;
  /** Of models alone. Absent too where the walk ended before. */
  readonly content?: T | undefined;
}

/** The role of a node: of the root, `model`. */
export type WalkRole = LineageRole | 'other';

/** A lineage: what a model was made from, to the roots. */
export interface LineageGraph<T> {
  readonly root: string;
  /** The root first, otherwise in the order of the walk. */
  readonly nodes: ReadonlyMap<string, GraphNode<T>>;
  readonly edges: readonly LineageEdge[];
  readonly findings: readonly Finding[];
}

/** What a walk asks for. */
export interface WalkPorts<T> {
  /** Opens a model: once for each, several at once. */
  readonly open: (target: WalkTarget, signal: AbortSignal) => Promise<T>;
  /** What a model was made from, as far as that is believed of one in this role. */
  readonly materialsOf: (content: T, role: WalkRole) => readonly (readonly Material[])[];
}

/** A model to open. */
export interface WalkTarget {
  readonly id: string;
  readonly modelId: string;
  /** What those say who were made from it; the root has none. */
  readonly material?: Material | undefined;
}

/** How far a walk goes. */
export interface WalkOptions {
  readonly maxDepth?: number | undefined;
  readonly maxNodes?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Longer than any model was fine-tuned from fine-tuned models. */
export const MAX_DEPTH = 64;
/** Models that are opened. */
export const MAX_NODES = 10_000;
/** Edges that are kept in memory, those to datasets and code included. */
const MAX_EDGES = 200_000;

/** The name of a node: models are known by model id alone, everything else by its strongest digest. */
export function nodeId(digest: MaterialDigest): string {
  return 'id' in digest ? `mlsignModel:${digest.id}` : `${digest.kind}:${digest.value}`;
}

interface Mutable<T> {
  readonly id: string;
  readonly digest: MaterialDigest;
  readonly depth: number;
  readonly roles: Set<WalkRole>;
  readonly via: LineageEdge | undefined;
  content?: T;
}

/**
 * Walks from a model to everything that it was made from: breadth first, each model opened once, whatever the number of
 * ways that lead to it.
 *
 * @returns the graph, with findings for circles, and where it is deeper or larger than mlsign follows
 */
export async function walkLineage<T>(modelId: string, ports: WalkPorts<T>, options: WalkOptions = {}): Promise<LineageGraph<T>> {
  const walk = new Walk(modelId, ports, options);
  await walk.run();
  return walk.graph();
}

class Walk<T> {
  readonly #ports: WalkPorts<T>;
  readonly #options: WalkOptions;
  readonly #root: Mutable<T>;
  readonly #nodes = new Map<string, Mutable<T>>();
  readonly #edges = new Map<string, LineageEdge>();
  readonly #findings = new Map<string, Finding>();
  #models = 1;

  constructor(modelId: string, ports: WalkPorts<T>, options: WalkOptions) {
    this.#ports = ports;
    this.#options = options;
    const digest: MaterialDigest = { kind: 'model', id: modelId };
    this.#root = { id: nodeId(digest), digest, depth: 0, roles: new Set(['model']), via: undefined };
    this.#nodes.set(this.#root.id, this.#root);
  }

  async run(): Promise<void> {
    // A model that is met again in another role is judged again, and not opened again.
    let level: readonly (readonly [Mutable<T>, WalkRole])[] = [[this.#root, 'model']];
    while (level.length > 0) {
      const unopened = [...new Set(level.map(([node]) => node))].filter((node) => node.content === undefined);
      await inParallel(unopened, READS_AT_ONCE, this.#options.signal, async (node, signal) => {
        node.content = await this.#ports.open(targetOf(node), signal);
      });
      level = level.flatMap(([node, role]) => this.#expand(node, role));
    }
  }

  graph(): LineageGraph<T> {
    const edges = [...this.#edges.values()];
    const findings = [...this.#findings.values(), ...findCycles(this.#root.id, edges, (id) => this.#nodes.get(id)?.via?.material.name)];
    return { root: this.#root.id, nodes: this.#nodes, edges, findings };
  }

  #expand(node: Mutable<T>, role: WalkRole): readonly (readonly [Mutable<T>, WalkRole])[] {
    if (node.content === undefined) return [];
    const next: [Mutable<T>, WalkRole][] = [];
    for (const materials of this.#ports.materialsOf(node.content, role)) {
      for (const material of materials) {
        const target = this.#reach(node, material);
        if (target === undefined || target.roles.has(material.role)) continue;
        target.roles.add(material.role);
        if (isModel(target)) next.push([target, material.role]);
      }
    }
    return next;
  }

  /** The node that a material is, with the edge to it; undefined where the walk ends. */
  #reach(from: Mutable<T>, material: Material): Mutable<T> | undefined {
    const id = nodeId(material.digest);
    const key = edgeKey(from.id, id, material);
    const edge = this.#edges.get(key) ?? { from: from.id, to: id, role: material.role, relation: material.relation, material };
    const known = this.#nodes.get(id);
    if (known === undefined && !this.#mayGrow(from, material)) return undefined;
    if (this.#edges.size >= MAX_EDGES && !this.#edges.has(key)) return this.#end(tooLarge(this.#root.id, `${MAX_EDGES} edges`));
    this.#edges.set(key, edge);
    if (known !== undefined) return known;
    const node: Mutable<T> = { id, digest: material.digest, depth: from.depth + 1, roles: new Set(), via: edge };
    this.#nodes.set(id, node);
    return node;
  }

  #mayGrow(from: Mutable<T>, { digest }: Material): boolean {
    const { maxDepth = MAX_DEPTH, maxNodes = MAX_NODES } = this.#options;
    if (from.depth >= maxDepth) this.#end(tooDeep(this.#root.id, maxDepth));
    else if (!('id' in digest)) return true;
    else if (this.#models >= maxNodes) this.#end(tooLarge(this.#root.id, `${maxNodes} models`));
    else return ++this.#models > 0;
    return false;
  }

  #end(finding: Finding): undefined {
    this.#findings.set(finding.code, finding);
  }
}

/** Statements may give one thing different places and digests: each of them counts. */
function edgeKey(from: string, to: string, { role, relation, uri, digests }: Material): string {
  return sha256Hex(JSON.stringify([from, to, role, relation ?? '', uri ?? '', Object.entries(digests).sort()]));
}

function isModel({ digest }: { readonly digest: MaterialDigest }): boolean {
  return 'id' in digest;
}

function targetOf<T>({ id, digest, via }: Mutable<T>): WalkTarget {
  return { id, modelId: 'id' in digest ? digest.id : '', material: via?.material };
}

/** The edges that lead from the root to a node, on the shortest way. */
export function pathTo<T>({ nodes }: LineageGraph<T>, id: string): readonly LineageEdge[] {
  const path: LineageEdge[] = [];
  for (let via = nodes.get(id)?.via; via !== undefined; via = nodes.get(via.from)?.via) path.unshift(via);
  return path;
}

function tooDeep(subject: string, maxDepth: number): Finding {
  return {
    code: 'lineage-too-deep',
    severity: 'undetermined',
    message: 'there are ancestors further up that were not looked at',
    subject,
    expected: `at most ${maxDepth} steps to the roots`,
    suggestion: 'look at the ancestors by themselves: mlsign lineage ANCESTOR',
  };
}

function tooLarge(subject: string, most: string): Finding {
  return {
    code: 'lineage-too-large',
    severity: 'undetermined',
    message: 'the lineage is larger than mlsign follows; the rest was not looked at',
    subject,
    expected: `at most ${most}`,
    suggestion: 'look at the ancestors by themselves: mlsign lineage ANCESTOR',
  };
}
