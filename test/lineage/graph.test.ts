import assert from 'node:assert/strict';
import type { Material } from '../../src/formats/index.ts';
import { type LineageGraph, nodeId, pathTo, type WalkRole, walkLineage } from '../../src/lineage/index.ts';
import { from, material } from '../helpers/lineage.ts';
import { codes } from '../helpers/releases.ts';

function id(n: number): string {
  return n.toString(16).padStart(64, '0');
}

function node(n: number): string {
  return nodeId({ kind: 'model', id: id(n) });
}

function parent(n: number, role: 'base-model' | 'adapter' | 'dataset' = 'base-model'): Material {
  return from({ name: `m${n}`, id: id(n) }, role);
}

/** Walks from model 0 through what each model says of its materials; counts how often each is opened. */
async function walk(
  parents: (n: number, role: WalkRole) => readonly Material[],
  options: Parameters<typeof walkLineage>[2] = {},
): Promise<LineageGraph<number> & { readonly opened: ReadonlyMap<number, number>; readonly most: number }> {
  const opened = new Map<number, number>();
  let running = 0;
  let most = 0;
  const graph = await walkLineage<number>(
    id(0),
    {
      open: async ({ modelId }) => {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setImmediate(resolve));
        running--;
        const n = Number.parseInt(modelId, 16);
        opened.set(n, (opened.get(n) ?? 0) + 1);
        return n;
      },
      materialsOf: (n, role) => [parents(n, role)],
    },
    options,
  );
  return { ...graph, opened, most };
}

describe('the walk of a lineage', () => {
  it('opens each model once, however many ways lead to it, and at most eight at once', async () => {
    // Ten models in each of six levels, each made from all of the next.
    const { opened, most, nodes, findings } = await walk((n) =>
      n >= 51 ? [] : Array.from({ length: 10 }, (_, i) => parent(n === 0 ? 1 + i : 1 + Math.floor((n - 1) / 10) * 10 + 10 + i)),
    );
    assert.deepEqual(findings, []);
    assert.equal(nodes.size, 61);
    assert.equal(opened.size, 61);
    assert.deepEqual([...new Set(opened.values())], [1]);
    assert.ok(most > 1 && most <= 8, `${most} at once`);
  });

  it('goes breadth first, and knows the shortest way to each', async () => {
    const graph = await walk((n) =>
      n === 0 ? [parent(1), parent(2)] : n === 1 ? [parent(2), parent(3)] : n === 2 ? [parent(4)] : n === 3 ? [parent(4)] : [],
    );
    assert.deepEqual(
      [...graph.nodes.values()].map(({ id, depth }) => [id, depth]),
      [
        [node(0), 0],
        [node(1), 1],
        [node(2), 1],
        [node(3), 2],
        [node(4), 2],
      ],
    );
    assert.deepEqual(
      pathTo(graph, node(4)).map(({ from, to }) => [from, to]),
      [
        [node(0), node(2)],
        [node(2), node(4)],
      ],
    );
    assert.deepEqual(pathTo(graph, node(0)), []);
  });

  it('asks again what a model was made from where it is met in another role, and does not open it again', async () => {
    const asked: string[] = [];
    const { opened, nodes } = await walk((n, role) => {
      asked.push(`${n} ${role}`);
      return n === 0 ? [parent(1), parent(2)] : n === 2 ? [parent(1, 'dataset')] : n === 1 && role === 'dataset' ? [parent(3)] : [];
    });
    assert.deepEqual(asked, ['0 model', '1 base-model', '2 base-model', '1 dataset', '3 base-model']);
    assert.deepEqual(
      [...opened],
      [
        [0, 1],
        [1, 1],
        [2, 1],
        [3, 1],
      ],
    );
    assert.deepEqual([...(nodes.get(node(1))?.roles ?? [])], ['base-model', 'dataset']);
  });

  it('rejects a circle, with the way around it, and ends', async () => {
    const { findings, opened } = await walk((n) => (n === 0 ? [parent(1)] : n === 1 ? [parent(2)] : [parent(1)]));
    assert.deepEqual(codes(findings), ['rejected lineage-cycle']);
    assert.equal(findings[0]?.message, 'the provenance leads in a circle: nothing is made from what was made from it');
    assert.equal(findings[0]?.got, 'm1 ← m2 ← m1');
    assert.deepEqual([...opened.values()], [1, 1, 1]);
  });

  it('rejects a model that was made from itself', async () => {
    const { findings } = await walk(() => [parent(0)]);
    assert.deepEqual(codes(findings), ['rejected lineage-cycle']);
  });

  it('tells of the first circles where there are thousands', async () => {
    const { findings } = await walk((n) => (n === 0 ? Array.from({ length: 2000 }, (_, i) => parent(i + 1)) : [parent(0)]));
    assert.equal(findings.length, 10);
  });

  it('ends at a depth, and says that more was there', async () => {
    const chain = (n: number) => [parent(n + 1)];
    const { findings, nodes } = await walk(chain);
    assert.equal(nodes.size, 65);
    assert.deepEqual(codes(findings), ['undetermined lineage-too-deep']);
    assert.equal(findings[0]?.expected, 'at most 64 steps to the roots');
    assert.deepEqual(codes((await walk((n) => (n < 64 ? chain(n) : []))).findings), []);
  });

  it('ends at a number of models: a hundred thousand parents cost no more than ten thousand', async () => {
    const many = Array.from({ length: 100_000 }, (_, i) => parent(i + 1));
    const { findings, opened } = await walk((n) => (n === 0 ? many : []));
    assert.equal(opened.size, 10_000);
    assert.deepEqual(codes(findings), ['undetermined lineage-too-large']);
    assert.equal(findings[0]?.expected, 'at most 10000 models');
  });

  it('ends at a number of edges, where nothing has to be opened', async () => {
    const leaves = (n: number) => Array.from({ length: 100_000 }, (_, i) => material({ sha256: id(n * 1_000_000 + i) }));
    const { findings, edges } = await walk((n) => (n === 0 ? [parent(1), parent(2), ...leaves(3)] : leaves(n)));
    assert.equal(edges.length, 200_000);
    assert.deepEqual(codes(findings), ['undetermined lineage-too-large']);
  });

  it('takes one thing for one, by whichever name it is called, and loses neither its places nor its digests', async () => {
    const said = [
      material({ sha256: id(7) }, 'dataset', { name: 'a', uri: 's3://a/b' }),
      material({ sha256: id(7) }, 'dataset', { name: 'b', uri: 's3://a/b' }),
      material({ sha256: id(7) }, 'dataset', { name: 'a', uri: 's3://evil/b' }),
      material({ sha256: id(7), md5: 'f'.repeat(32) }, 'dataset', { name: 'a', uri: 's3://a/b' }),
    ];
    const { nodes, edges } = await walk((n) => (n === 0 ? said : []));
    assert.equal(nodes.size, 2);
    assert.deepEqual(
      edges.map(({ material: { uri, digests } }) => [uri, Object.keys(digests).join()]),
      [
        ['s3://a/b', 'sha256'],
        ['s3://evil/b', 'sha256'],
        ['s3://a/b', 'sha256,md5'],
      ],
    );
  });

  it('ends when it is interrupted', async () => {
    const controller = new AbortController();
    const walking = walkLineage<number>(
      id(0),
      {
        open: async (_, signal) => {
          controller.abort(new Error('stop'));
          signal.throwIfAborted();
          return 0;
        },
        materialsOf: () => [],
      },
      { signal: controller.signal },
    );
    await assert.rejects(walking, /stop/);
  });
});
