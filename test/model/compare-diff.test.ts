import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import type { Manifest } from '../../src/formats/index.ts';
import { diffManifests } from '../../src/model/index.ts';

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** A manifest of files by content, whole or in shards of 4 bytes. */
function manifest(files: Readonly<Record<string, string>>, method: 'files' | 'shards' = 'files'): Manifest {
  if (method === 'files') {
    return {
      serialization: { method, hashType: 'sha256', allowSymlinks: false, ignorePaths: [] },
      resources: Object.entries(files).map(([name, content]) => ({ name, digest: digestOf(content) })),
    };
  }
  return {
    serialization: { method, hashType: 'sha256', shardSize: 4, allowSymlinks: false, ignorePaths: [] },
    resources: Object.entries(files).flatMap(([name, content]) =>
      Array.from({ length: Math.ceil(content.length / 4) }, (_, i) => {
        const end = Math.min(content.length, 4 * i + 4);
        return { name: `${name}:${4 * i}:${end}`, digest: digestOf(content.slice(4 * i, end)) };
      }),
    ),
  };
}

describe('diffManifests', () => {
  it('tells added, removed, changed, renamed and same files apart', () => {
    const before = manifest({ same: '1', changed: '2', removed: '3', old: '4' });
    const after = manifest({ same: '1', changed: 'x', added: '5', new: '4' });
    const { changed, ...others } = diffManifests(before, after);
    assert.deepEqual(others, {
      comparable: true,
      added: ['added'],
      removed: ['removed'],
      renamed: [{ from: 'old', to: 'new' }],
      same: ['same'],
      uncompared: [],
    });
    assert.deepEqual(changed, [{ name: 'changed', before: { digests: [digestOf('2')] }, after: { digests: [digestOf('x')] } }]);
  });

  it('says which bytes changed where both are in shards of one size', () => {
    const { changed } = diffManifests(
      manifest({ a: '0123456789ab', b: '0123' }, 'shards'),
      manifest({ a: 'x123x56789abcd', b: '01234' }, 'shards'),
    );
    assert.deepEqual(
      changed.map(({ name, before, after, ranges }) => [name, before.size, after.size, ranges]),
      [
        ['a', 12, 14, [{ start: 0, end: 8 }]],
        ['b', 4, 5, []],
      ],
    );
  });

  it('compares only names where the hashing differs', () => {
    const before = manifest({ a: '1', b: '2' });
    for (const after of [
      manifest({ a: '1', c: '2' }, 'shards'),
      { ...manifest({ a: '1', c: '2' }), serialization: { ...before.serialization, hashType: 'blake3' as const } },
    ]) {
      assert.deepEqual(diffManifests(before, after), {
        comparable: false,
        added: ['c'],
        removed: ['b'],
        changed: [],
        renamed: [],
        same: [],
        uncompared: ['a'],
      });
    }
  });

  it('knows a single file by its name and by "."', () => {
    assert.deepEqual(diffManifests(manifest({ '.': '1' }), manifest({ 'w.bin': '1' })).same, ['w.bin']);
    assert.deepEqual(
      diffManifests(manifest({ 'w.bin': '1' }), manifest({ '.': '2' })).changed.map(({ name }) => name),
      ['w.bin'],
    );
    assert.deepEqual(diffManifests(manifest({ '.': '1' }), manifest({ a: '1', b: '2' })).renamed, [{ from: '.', to: 'a' }]);
  });

  it('finds nothing between a manifest and itself, and mirrors when turned round', () => {
    const tree = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd', 'e'), fc.constantFrom('1', '2', '12345'), { minKeys: 1 });
    const method = fc.constantFrom('files' as const, 'shards' as const);
    fc.assert(
      fc.property(tree, tree, method, (one, two, how) => {
        const [a, b] = [manifest(one, how), manifest(two, how)];
        const self = diffManifests(a, a);
        assert.deepEqual([self.added, self.removed, self.changed, self.renamed, self.same], [[], [], [], [], Object.keys(one)]);
        const there = diffManifests(a, b);
        const back = diffManifests(b, a);
        assert.equal(there.added.length, back.removed.length);
        assert.equal(there.renamed.length, back.renamed.length);
        assert.deepEqual(new Set(there.changed.map(({ name }) => name)), new Set(back.changed.map(({ name }) => name)));
        const { added, changed, renamed, same } = there;
        assert.equal(added.length + changed.length + renamed.length + same.length, Object.keys(two).length);
      }),
      { numRuns: 300 },
    );
  });
});
