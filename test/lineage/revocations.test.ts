import assert from 'node:assert/strict';
import fc from 'fast-check';
import { MlsignError } from '../../src/core/index.ts';
import { MAX_REVOCATIONS, parseRevocations, type Revocation, revocationsPayload } from '../../src/lineage/index.ts';
import { mlsignError } from '../helpers/keys.ts';
import { daysFromNow, NOW } from '../helpers/releases.ts';
import { aList, anEntry } from '../helpers/revocations.ts';
import { assertValid } from '../helpers/schemas.ts';

type Path = readonly (string | number)[];

const HEX = 'f'.repeat(64);
const LIST = aList(7, {
  entries: [
    anEntry(),
    anEntry({ kind: 'key', value: HEX, since: daysFromNow(-3) }),
    anEntry({ kind: 'identity', value: 'ci@example.com', issuer: 'https://issuer.example', since: daysFromNow(-2) }),
  ],
});
const PAYLOAD = revocationsPayload(LIST);

/** The payload with one value replaced, or taken away. */
function changed(path: Path, value?: unknown): Buffer {
  const document = JSON.parse(Buffer.from(PAYLOAD).toString());
  const last = path.at(-1) ?? '';
  const parent = path.slice(0, -1).reduce((node, part) => node[part], document);
  if (value === undefined) delete parent[last];
  else parent[last] = value;
  return Buffer.from(JSON.stringify(document));
}

function passes(check: () => unknown): boolean {
  try {
    check();
    return true;
  } catch (error) {
    assert.ok(error instanceof MlsignError || error instanceof assert.AssertionError, String(error));
    return false;
  }
}

const isValid = (payload: Uint8Array): boolean => passes(() => assertValid('revocations', JSON.parse(Buffer.from(payload).toString())));
const at = (...path: Path): Path => ['predicate', ...path];
const entry = (index: number, field: string): Path => at('entries', index, field);

/** What is refused, by what is put where, and why. The flag says where the schema cannot know. */
const WRONG: readonly (readonly [Path, unknown, RegExp, 'beyond the schema'?])[] = [
  [['_type'], 'https://in-toto.io/Statement/v0.1', /not an in-toto statement v1/],
  [['predicateType'], 'https://mlsign/channel/v1', /not a revocation list/],
  [['subject'], [], /subject/],
  [['subject', 0, 'name'], 'other', /the name in the predicate/, 'beyond the schema'],
  [['subject', 0, 'digest', 'mlsignRevocations'], HEX, /the SHA-256 of the entries/, 'beyond the schema'],
  [['subject', 0, 'digest', 'sha256'], HEX, /mlsignRevocations alone/],
  [['subject', 0, 'annotations'], {}, /no such field/],
  [at('name'), 'a/b', /a name without/],
  [at('name'), 'a@b', /a name without/],
  [at('sequence'), 0, /an integer from 1/],
  [at('sequence'), 2 ** 53, /an integer from 1/],
  [at('issued'), '2026-02-30T12:00:00Z', /a moment that exists/, 'beyond the schema'],
  [at('expires'), NOW.toISOString(), /a moment after "issued"/, 'beyond the schema'],
  [at('entries'), {}, /an array/],
  [at('entries', 1), 'x', /an object/],
  [at('more'), 1, /no such field/],
  [entry(0, 'kind'), 'model', /"digest" or "key" or "identity"/],
  [entry(0, 'value'), HEX, /an algorithm, ":"/],
  [entry(0, 'value'), `sha256:${HEX.toUpperCase()}`, /lower-case hex/],
  [entry(0, 'since'), NOW.toISOString(), /no such field/],
  [entry(0, 'issuer'), 'https://issuer.example', /no such field/],
  [entry(1, 'value'), `sha256:${HEX}`, /64 lower-case hex digits/],
  [entry(1, 'issuer'), 'https://issuer.example', /no such field/],
  [entry(1, 'since'), 'yesterday', /a moment such as/],
  [entry(2, 'value'), '', /one line/],
  [entry(2, 'issuer'), 'a\nb', /one line/],
  [entry(0, 'reason'), 'a\u001b[2J', /one line/],
  [entry(0, 'reason'), 'a'.repeat(501), /at most 500 characters/],
  [entry(0, 'added'), '', /a moment such as/],
  [at('entries', 1), { ...anEntry(), added: NOW.toISOString() }, /each thing once/, 'beyond the schema'],
];

describe('a revocation list', () => {
  it('is valid by its published schema', () => {
    assertValid('revocations', JSON.parse(Buffer.from(PAYLOAD).toString()));
    assert.deepEqual(parseRevocations(PAYLOAD, 'x'), LIST);
  });

  for (const [path, value, message, beyond] of WRONG) {
    it(`is refused with ${path.join('.')} = ${JSON.stringify(value).slice(0, 40)}`, () => {
      const bytes = changed(path, value);
      assert.throws(
        () => parseRevocations(bytes, 'x.json'),
        (error) => {
          assert.ok(error instanceof MlsignError);
          assert.match(error.code, /^(revocations-malformed|statement-malformed|statement-type-unknown|predicate-type-unknown)$/);
          return mlsignError(error.code, message, { outcome: 'refused', subject: 'x.json' })(error);
        },
      );
      if (beyond === undefined) assert.equal(isValid(bytes), false, 'the schema should refuse it too');
    });
  }

  it('is not one with an entry changed, added or taken away: its subject is over the entries', () => {
    for (const path of [entry(0, 'reason'), entry(0, 'value')]) {
      const bytes = changed(path, path.at(-1) === 'reason' ? 'harmless' : `sha256:${HEX}`);
      assert.throws(() => parseRevocations(bytes, 'x'), mlsignError('revocations-malformed', /the SHA-256 of the entries/));
    }
    const fewer = changed(at('entries'), []);
    assert.throws(() => parseRevocations(fewer, 'x'), mlsignError('revocations-malformed', /the SHA-256 of the entries/));
  });

  it('is refused where it is cut off anywhere', () => {
    for (let length = 0; length < PAYLOAD.length; length++) {
      assert.equal(
        passes(() => parseRevocations(PAYLOAD.subarray(0, length), 'x')),
        false,
        `${length} bytes`,
      );
    }
  });

  it('comes back as it was written', () => {
    const time = fc.date({ min: new Date('2000-01-01T00:00:00Z'), max: new Date('2100-01-01T00:00:00Z'), noInvalidDate: true });
    const line = fc
      .string({ minLength: 1, maxLength: 20, unit: 'grapheme' })
      .filter((text) => /^\P{Cc}{1,500}$/u.test(text) && text.isWellFormed());
    const common = { reason: line, added: time };
    const optional = <T>(arbitrary: fc.Arbitrary<T>, name: string) =>
      fc.option(arbitrary).map((value) => (value === null ? {} : { [name]: value }));
    const any: fc.Arbitrary<Revocation> = fc.oneof(
      fc.record({ kind: fc.constant('digest' as const), value: fc.stringMatching(/^(sha256|gitCommit):[0-9a-f]{64}$/), ...common }),
      fc
        .tuple(
          fc.record({ kind: fc.constant('key' as const), value: fc.stringMatching(/^[0-9a-f]{64}$/), ...common }),
          optional(time, 'since'),
        )
        .map(([fields, since]) => ({ ...fields, ...since })),
      fc
        .tuple(
          fc.record({ kind: fc.constant('identity' as const), value: line, ...common }),
          optional(time, 'since'),
          optional(line, 'issuer'),
        )
        .map(([fields, since, issuer]) => ({ ...fields, ...since, ...issuer })),
    );
    const entries = fc.uniqueArray(any, { selector: ({ kind, value, issuer }) => `${kind} ${value} ${issuer}`, maxLength: 8 });
    fc.assert(
      fc.property(entries, fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), (some, sequence) => {
        const list = aList(sequence, { entries: some });
        const payload = revocationsPayload(list);
        assertValid('revocations', JSON.parse(Buffer.from(payload).toString()));
        assert.deepEqual(JSON.parse(JSON.stringify(parseRevocations(payload, 'x'))), JSON.parse(JSON.stringify(list)));
      }),
      { numRuns: 60 },
    );
  });

  it('holds a hundred thousand entries, and no more', function () {
    this.timeout(60_000);
    const entries = Array.from({ length: MAX_REVOCATIONS }, (_, i) => anEntry({ value: `sha256:${i.toString(16).padStart(64, '0')}` }));
    const full = revocationsPayload(aList(1, { entries }));
    assert.equal(parseRevocations(full, 'x').entries.length, MAX_REVOCATIONS);
    const more = aList(1, { entries: [...entries, anEntry({ value: `sha256:${HEX}` })] });
    assert.throws(() => revocationsPayload(more), mlsignError('revocations-full', /no more than this/, { got: '100001' }));
    const document = JSON.parse(Buffer.from(full).toString());
    document.predicate.entries.push({ ...document.predicate.entries[0], value: `sha256:${HEX}` });
    const forged = Buffer.from(JSON.stringify(document));
    assert.throws(() => parseRevocations(forged, 'x'), mlsignError('revocations-malformed', /0 to 100000 entries/));
  });
});
