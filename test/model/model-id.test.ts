import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import type { HashType } from '../../src/core/index.ts';
import type { Manifest } from '../../src/formats/index.ts';
import { modelId } from '../../src/model/index.ts';

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function manifest(hashType: HashType, names: readonly string[], shardSize?: number): Manifest {
  const digest = (name: string) => digestOf(name).repeat(hashType === 'blake2b' ? 2 : 1);
  return {
    serialization: {
      method: shardSize === undefined ? 'files' : 'shards',
      hashType,
      ...(shardSize === undefined ? {} : { shardSize }),
      allowSymlinks: false,
      ignorePaths: [],
    },
    resources: names.map((name) => ({ name, digest: digest(name) })),
  };
}

/** RFC 8785, written from the RFC: keys by UTF-16 units; strings with the shortest escapes. Integers only. */
function canonicalJson(value: unknown): string {
  if (typeof value === 'number') return value.toFixed(0);
  if (typeof value === 'string') {
    const escapes = new Map([
      ['"', '\\"'],
      ['\\', '\\\\'],
      ['\b', '\\b'],
      ['\f', '\\f'],
      ['\n', '\\n'],
      ['\r', '\\r'],
      ['\t', '\\t'],
    ]);
    const units = [...value].map(
      (unit) => escapes.get(unit) ?? (unit < ' ' ? `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}` : unit),
    );
    return `"${units.join('')}"`;
  }
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  assert.ok(typeof value === 'object' && value !== null);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, field]) => `${canonicalJson(key)}:${canonicalJson(field)}`).join(',')}}`;
}

describe('modelId', () => {
  it('has these values', () => {
    // python3: sha256 of json.dumps({...}, sort_keys=True, separators=(',', ':'), ensure_ascii=False), digests sha256(name)
    assert.equal(
      modelId(manifest('sha256', ['config.json', 'weights.bin'])),
      'e206296e908debd33d88c015f15e781a9b6382a05a81b8b038f88f3b7f095738',
    );
    const names = ['a "quoted" name', 'a|b', 'col:on:0:10', 'ünï/模型', '\uffff', '😀'];
    assert.equal(modelId(manifest('blake3', names)), '71e91f45cd91e17d96f444d0e372ec921e24781cea2b59d393698111f5e586ef');
    const shards = ['v:0:5', 'w:0:1000000000', 'w:1000000000:1000000001'];
    assert.equal(modelId(manifest('blake2b', shards, 1_000_000_000)), 'ee8a15f1ff41e9585e7b181a32e811d632b58bdd8149c64e78686d39078cf0e1');
  });

  it('is SHA-256 over canonical JSON, for any names', () => {
    const name = fc.string({
      unit: fc.oneof(fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }), fc.constantFrom('"', '\\', ':', '/', '\u007f', '\u2028')),
      minLength: 1,
      maxLength: 12,
    });
    fc.assert(
      fc.property(
        fc.uniqueArray(name, { minLength: 1, maxLength: 6 }),
        fc.option(fc.integer({ min: 1 }), { nil: undefined }),
        (names, shardSize) => {
          const made = manifest('sha256', names, shardSize);
          const resources = made.resources.toSorted((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
          const document = {
            v: 1,
            method: made.serialization.method,
            hash_type: 'sha256',
            ...(shardSize === undefined ? {} : { shard_size: shardSize }),
            resources,
          };
          assert.equal(modelId(made), digestOf(canonicalJson(document)));
        },
      ),
      { numRuns: 100 },
    );
  });

  it('does not depend on the order of resources, on ignored paths or on the link rule', () => {
    const one = manifest('sha256', ['b', 'a', 'c']);
    const other: Manifest = {
      serialization: { ...one.serialization, allowSymlinks: true, ignorePaths: ['x'] },
      resources: one.resources.toReversed(),
    };
    assert.equal(modelId(one), modelId(other));
  });

  it('binds names, digests, method, hash and shard size', () => {
    const one = manifest('sha256', ['a', 'b']);
    const [a, b] = one.resources;
    assert.ok(a && b);
    const ids = [
      one,
      { ...one, resources: [{ ...a, name: 'a2' }, b] },
      {
        ...one,
        resources: [
          { ...a, digest: b.digest },
          { ...b, digest: a.digest },
        ],
      },
      { ...one, resources: [a] },
      { ...one, serialization: { ...one.serialization, hashType: 'blake3' as const } },
      { ...one, serialization: { ...one.serialization, method: 'shards' as const, shardSize: 10 } },
      { ...one, serialization: { ...one.serialization, method: 'shards' as const, shardSize: 11 } },
    ].map(modelId);
    assert.equal(new Set(ids).size, ids.length);
  });

  it('tells a whole file named like a shard from the shard', () => {
    assert.notEqual(modelId(manifest('sha256', ['w:0:10'])), modelId(manifest('sha256', ['w:0:10'], 10)));
  });

  it('handles more resources than fit in one step', () => {
    const names = Array.from({ length: 2050 }, (_, i) => `f${String(i).padStart(5, '0')}`);
    const made = manifest('sha256', names);
    assert.equal(modelId(made), digestOf(canonicalJson({ v: 1, method: 'files', hash_type: 'sha256', resources: made.resources })));
  });
});
