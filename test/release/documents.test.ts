import assert from 'node:assert/strict';
import fc from 'fast-check';
import { MlsignError } from '../../src/core/index.ts';
import {
  type ChannelPointer,
  channelPayload,
  parseChannelPointer,
  parseReleaseRecord,
  type ReleaseRecord,
  releasePayload,
} from '../../src/release/index.ts';
import { mlsignError } from '../helpers/keys.ts';
import { anObject, aPointer, aRecord, daysFromNow, NOW, versionId } from '../helpers/releases.ts';
import { assertValid } from '../helpers/schemas.ts';

type Path = readonly (string | number)[];

/** A document with one value replaced, or taken away. */
function changed(payload: Uint8Array, path: Path, value?: unknown): Uint8Array {
  const document = JSON.parse(Buffer.from(payload).toString());
  const last = path.at(-1) ?? '';
  const parent = path.slice(0, -1).reduce((node, part) => node[part], document);
  if (value === undefined) delete parent[last];
  else parent[last] = value;
  return Buffer.from(JSON.stringify(document));
}

function accepts(parse: () => unknown): boolean {
  try {
    parse();
    return true;
  } catch (error) {
    assert.ok(error instanceof MlsignError, String(error));
    return false;
  }
}

function isValid(schema: string, payload: Uint8Array): boolean {
  try {
    assertValid(schema, JSON.parse(Buffer.from(payload).toString()));
    return true;
  } catch {
    return false;
  }
}

const HEX = 'f'.repeat(64);
const RECORD = releasePayload(
  aRecord(7, {
    objects: [
      anObject('config.json'),
      anObject('empty', { size: 0 }),
      anObject('weights/0.bin', { size: 20, partSize: 8, parts: [HEX, HEX, HEX] }),
    ],
    attestations: [{ digest: HEX, version: versionId('a1'), size: 5 }],
  }),
);
const POINTER = channelPayload(aPointer(12, { action: 'rollback', reason: 'recall dropped: 0.91 → 0.84' }));

const at = (...path: Path): Path => ['predicate', ...path];
const object = (...path: Path): Path => at('objects', 2, ...path);

/** What is refused, by what is put where, and why. The flag says where the schema cannot know. */
const WRONG_RECORDS: readonly (readonly [Path, unknown, RegExp, 'beyond the schema'?])[] = [
  [['_type'], 'https://in-toto.io/Statement/v0.1', /not an in-toto statement v1/],
  [['predicateType'], 'https://mlsign/channel/v1', /not a release/],
  [['subject'], [], /subject/],
  [['subject', 0, 'name'], 'mistral', /the name in the predicate/, 'beyond the schema'],
  [['subject', 0, 'digest', 'mlsignModel'], HEX, /the model id in the predicate/, 'beyond the schema'],
  [['subject', 0, 'digest', 'sha256'], HEX, /subject\[0\]\.digest\.sha256: expected no such field/],
  [['subject', 0, 'annotations'], {}, /subject\[0\]\.annotations: expected no such field/],
  [at('name'), '', /predicate\.name/],
  [at('release'), 0, /an integer from 1 to 999999999999999/],
  [at('release'), 1e15, /an integer from 1/],
  [at('release'), '7', /an integer from 1/],
  [at('created'), '2026-03-01', /a moment such as/],
  [at('created'), '2026-02-30T12:00:00Z', /a moment that exists/],
  [at('created'), '2026-03-01T12:00:00+01:00', /a moment such as/],
  [at('model', 'id'), HEX.toUpperCase(), /64 lower-case hex digits/],
  [at('model', 'kind'), 'tarball', /"archive"/],
  [at('model', 'kind'), 'archive', /predicate\.objects: expected exactly 1 entry/, 'beyond the schema'],
  [at('model', 'kind'), 'file', /predicate\.objects: expected exactly 1 entry/, 'beyond the schema'],
  [at('model', 'more'), 1, /no such field/],
  [at('more'), 1, /predicate\.more: expected no such field/],
  [at('objects'), [], /at least 1 entries/],
  [at('objects', 2), 'x', /objects\[2\]: expected an object/],
  [object('more'), 1, /objects\[2\]\.more: expected no such field/],
  [object('name'), '../x', /holds a ".." segment/],
  [object('name'), '/x', /absolute path/],
  [object('name'), 'a\u0000', /control character/],
  [object('name'), 'empty', /each name once, in code point order/, 'beyond the schema'],
  [object('name'), 'a', /each name once, in code point order/, 'beyond the schema'],
  [object('version'), '', /the id of a version/],
  [object('version'), 'null', /the id of a version/],
  [object('version'), 'a b', /the id of a version/],
  [object('size'), -1, /a number of bytes/],
  [object('size'), 1.5, /a number of bytes/],
  [object('size'), 25, /4 entries, one a part/, 'beyond the schema'],
  [object('size'), 16, /2 entries, one a part/, 'beyond the schema'],
  [object('part_size'), 0, /1 at least/],
  [object('part_size'), 20, /1 entry, one a part/, 'beyond the schema'],
  [object('sha256'), [], /the SHA-256 of each part/],
  [object('sha256'), [HEX, HEX, 'x'], /the SHA-256 of each part/],
  [at('bundles'), [], /1 to 1000 entries/],
  [at('bundles', 0, 'sha256'), 'x', /64 lower-case hex digits/],
  [at('bundles', 0, 'size'), 33_554_433, /an integer from 1/],
  [at('bundles', 0, 'version'), 'null', /the id of a version/],
  [at('attestations'), [], /1 to 1000 entries/],
  [at('attestations', 0, 'sha256'), 'x', /predicate\.attestations\[0\]\.sha256: expected 64 lower-case hex digits/],
  [at('attestations', 0, 'more'), 1, /no such field/],
];

const WRONG_POINTERS: readonly (readonly [Path, unknown, RegExp, 'beyond the schema'?])[] = [
  [['predicateType'], 'https://mlsign/release/v1', /not a channel pointer/],
  [['subject', 0, 'name'], 'mistral', /the name in the predicate/, 'beyond the schema'],
  [['subject', 0, 'digest', 'mlsignModel'], HEX, /the model id in the predicate/, 'beyond the schema'],
  [at('channel'), '7', /a channel: a letter/],
  [at('channel'), 'a/b', /a channel: a letter/],
  [at('sequence'), 0, /an integer from 1/],
  [at('sequence'), 2 ** 53, /an integer from 1/],
  [at('action'), 'demote', /"promote" or "renew" or "rollback"/],
  [at('release', 'number'), 0, /an integer from 1/],
  [at('release', 'sha256'), '', /64 lower-case hex digits/],
  [at('release', 'more'), 1, /no such field/],
  [at('model_id'), 'x', /64 lower-case hex digits/],
  [at('issued'), 'today', /a moment such as/],
  [at('expires'), NOW.toISOString(), /a moment after "issued"/, 'beyond the schema'],
  [at('reason'), '', /one line/],
  [at('reason'), 'a\nb', /one line/],
  [at('reason'), 'a'.repeat(1001), /one line of at most 1000 characters/],
  [at('more'), 1, /no such field/],
];

for (const [what, payload, parse, schema, malformed, wrong] of [
  ['release record', RECORD, parseReleaseRecord, 'release', 'release-malformed', WRONG_RECORDS],
  ['channel pointer', POINTER, parseChannelPointer, 'channel', 'channel-malformed', WRONG_POINTERS],
] as const) {
  describe(what, () => {
    it('is valid by its published schema', () => {
      assertValid(schema, JSON.parse(payload.toString()));
      assert.ok(accepts(() => parse(payload, 'x')));
    });

    for (const [path, value, message, beyond] of wrong) {
      it(`is refused with ${path.join('.')} = ${JSON.stringify(value).slice(0, 40)}`, () => {
        const bytes = changed(payload, path, value);
        assert.throws(
          () => parse(bytes, 'x.json'),
          (error) => {
            assert.ok(error instanceof MlsignError);
            assert.match(error.code, new RegExp(`^(${malformed}|statement-malformed|statement-type-unknown|predicate-type-unknown)$`));
            assert.match(error.message, message);
            return mlsignError(error.code, message, { outcome: 'refused', subject: 'x.json' })(error);
          },
        );
        if (beyond === undefined) assert.equal(isValid(schema, bytes), false, 'the schema should refuse it too');
      });
    }

    it('needs every field but those that may be left out', () => {
      const paths: Path[] = [];
      const walk = (node: unknown, path: Path): void => {
        if (typeof node !== 'object' || node === null) return;
        for (const [key, value] of Object.entries(node)) {
          if (!Array.isArray(node)) paths.push([...path, key]);
          walk(value, [...path, Array.isArray(node) ? Number(key) : key]);
        }
      };
      walk(JSON.parse(payload.toString()), []);
      for (const path of paths) {
        if (path.at(-1) === 'reason' || path.at(-1) === 'attestations') continue;
        const bytes = changed(payload, path);
        assert.equal(
          accepts(() => parse(bytes, 'x')),
          false,
          `without ${path.join('.')}`,
        );
        assert.equal(isValid(schema, bytes), false, `schema, without ${path.join('.')}`);
      }
    });

    it('is refused where it is cut off anywhere', () => {
      for (let length = 0; length < payload.length; length++) {
        assert.equal(
          accepts(() => parse(payload.subarray(0, length), 'x')),
          false,
          `${length} bytes`,
        );
      }
    });
  });
}

const PLAIN = { noNullPrototype: true } as const;

describe('a release record', () => {
  it('comes back as it was written, its objects in code point order', () => {
    const hex = fc.stringMatching(/^[0-9a-f]{64}$/);
    const version = fc
      .stringMatching(/^[A-Za-z0-9._-]{1,40}$/)
      .filter((text) => text !== 'null')
      .map(versionId);
    const objects = fc.uniqueArray(
      fc
        .record({
          name: fc.stringMatching(/^[a-zä\u{10000}\uffee]{1,3}(\/[a-z]{1,3})?$/u),
          version,
          size: fc.nat(100),
          partSize: fc.integer({ min: 1, max: 100 }),
        })
        .chain((fields) =>
          fc.array(hex, { minLength: parts(fields), maxLength: parts(fields) }).map((digests) => ({ ...fields, parts: digests })),
        ),
      { selector: ({ name }) => name, minLength: 1, maxLength: 8 },
    );
    const record: fc.Arbitrary<ReleaseRecord> = fc.record({
      name: fc.stringMatching(/^[a-z][a-z ü]{0,9}$/),
      number: fc.integer({ min: 1, max: 999_999_999_999_999 }),
      created: fc.date({ min: new Date('2000-01-01T00:00:00Z'), max: new Date('2100-01-01T00:00:00Z'), noInvalidDate: true }),
      modelId: hex,
      kind: fc.constant('directory' as const),
      objects,
      bundles: fc.uniqueArray(fc.record({ digest: hex, version, size: fc.integer({ min: 1, max: 1000 }) }, PLAIN), {
        selector: ({ digest }) => digest,
        minLength: 1,
        maxLength: 3,
      }),
    });
    fc.assert(
      fc.property(record, (written) => {
        const payload = releasePayload(written);
        assertValid('release', JSON.parse(Buffer.from(payload).toString()));
        const read = parseReleaseRecord(payload, 'x');
        const sorted = written.objects.toSorted((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
        assert.deepEqual(read, { ...written, objects: sorted });
      }),
      { numRuns: 60 },
    );
  });

  function parts({ size, partSize }: { size: number; partSize: number }): number {
    return Math.max(1, Math.ceil(size / partSize));
  }

  it('of a model of one file has one object', () => {
    const record = aRecord(1, { kind: 'file', objects: [anObject('weights.bin')] });
    assert.deepEqual(parseReleaseRecord(releasePayload(record), 'x'), record);
  });
});

describe('a channel pointer', () => {
  it('comes back as it was written', () => {
    const pointers: readonly ChannelPointer[] = [
      aPointer(1),
      aPointer(Number.MAX_SAFE_INTEGER, { action: 'renew', channel: 'a.b-C_9', expires: daysFromNow(400) }),
      aPointer(3, { action: 'rollback', reason: 'ü' }),
    ];
    for (const pointer of pointers) assert.deepEqual(parseChannelPointer(channelPayload(pointer), 'x'), pointer);
  });
});
