import assert from 'node:assert/strict';
import { claimsPredicateType, parseStatement } from '../../src/formats/index.ts';
import { bytesOf, type Loose, statement } from './oms-vectors.ts';

function malformed(change: (document: Loose) => void, message: RegExp): void {
  assert.throws(() => parseStatement(bytesOf(statement(change)), 'a.sig'), {
    outcome: 'refused',
    code: 'statement-malformed',
    subject: 'a.sig',
    message,
  });
}

describe('parseStatement', () => {
  it('reads any in-toto statement v1', () => {
    const parsed = parseStatement(
      bytesOf({
        _type: 'https://in-toto.io/Statement/v1',
        predicateType: 'https://slsa.dev/provenance/v1',
        subject: [
          { name: 'a', digest: { sha256: 'aa', gitCommit: 'bb' }, uri: 'x' },
          { name: 'b', digest: { sha1: 'c' }, annotations: { x: 1 } },
        ],
        predicate: { any: 1 },
      }),
      'a.sig',
    );
    assert.equal(parsed.predicateType, 'https://slsa.dev/provenance/v1');
    assert.deepEqual(
      parsed.subject.map(({ name, digests }) => [name, Object.entries(digests)]),
      [
        [
          'a',
          [
            ['sha256', 'aa'],
            ['gitCommit', 'bb'],
          ],
        ],
        ['b', [['sha1', 'c']]],
      ],
    );
    assert.equal(JSON.stringify(parsed.subject[1]?.annotations), '{"x":1}');
    assert.equal(JSON.stringify(parsed.predicate), '{"any":1}');
  });

  it('refuses another type of statement with a code of its own', () => {
    for (const type of ['https://in-toto.io/Statement/v0.1', 'https://in-toto.io/Statement/v1 ', 'https://model_signing/signature/v1.0']) {
      assert.throws(() => parseStatement(bytesOf(statement((d) => (d._type = type))), 'a.sig'), {
        outcome: 'refused',
        code: 'statement-type-unknown',
        message: 'the signed payload is not an in-toto statement v1',
        expected: 'https://in-toto.io/Statement/v1',
        got: type,
      });
    }
  });

  it('refuses wrong and unknown fields, naming each', () => {
    malformed((d) => delete d._type, /_type: expected a non-empty string, got nothing/);
    malformed((d) => (d.predicateType = 1), /predicateType: expected a non-empty string, got 1/);
    malformed((d) => delete d.predicate, /predicate: expected an object, got nothing/);
    malformed((d) => (d.extra = {}), /extra: expected no such field, got an object/);
    malformed((d) => (d.subject = []), /subject: expected at least 1 entries, got an array of 0/);
    malformed((d) => (d.subject = {}), /subject: expected an array, got an object/);
    malformed((d) => (d.subject = ['model']), /subject\[0\]: expected an object, got "model"/);
    malformed((d) => (d.subject[0].name = ''), /subject\[0\]\.name: expected a non-empty string, got ""/);
    malformed((d) => (d.subject[0].digest = {}), /subject\[0\]\.digest: expected at least one digest/);
    malformed((d) => (d.subject[0].digest = { sha256: 1 }), /subject\[0\]\.digest\.sha256: expected a non-empty string, got 1/);
    assert.throws(() => parseStatement(Buffer.from('[]'), 'a.sig'), {
      code: 'statement-malformed',
      message: /the document: expected an object/,
    });
  });

  it('stops at a hundred wrong subjects, however many there are', () => {
    const subjects: readonly (readonly [what: string, subject: unknown])[] = [
      ['no objects', 0],
      ['no names', { digest: { sha256: 'aa' } }],
      ['no digests', { name: 'a', digest: 1 }],
      ['digests that are none', { name: 'a', digest: Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`d${i}`, 0])) }],
    ];
    for (const [what, subject] of subjects) {
      const bytes = bytesOf(statement((d) => (d.subject = Array.from({ length: 10_000 }, () => subject))));
      assert.throws(() => parseStatement(bytes, 'a.sig'), { code: 'statement-malformed', message: /and 80 more$/ }, what);
    }
  });

  it('refuses names longer than any path', () => {
    const bytes = bytesOf(statement((d) => (d.subject[0].name = 'a'.repeat(65_537))));
    assert.throws(() => parseStatement(bytes, 'a.sig'), { code: 'json-too-large', expected: 'strings of at most 65536 bytes' });
  });

  it('refuses a statement that is cut off at any byte', () => {
    const bytes = bytesOf(statement());
    for (let length = 0; length < bytes.length; length++) {
      assert.throws(() => parseStatement(bytes.subarray(0, length), 'a.sig'), { outcome: 'refused', code: 'json-invalid' });
    }
  });
});

describe('claimsPredicateType', () => {
  const claims = (text: string) => claimsPredicateType(Buffer.from(text), 'a/b');

  it('sees a type that stands literally, at the top, once', () => {
    for (const text of ['{"predicateType":"a/b"}', '{ "x" : [{"y":"}"}], "predicateType" : "a/b" , "z":1 }'])
      assert.equal(claims(text), true, text);
  });

  it('does not see one anywhere else, or in what is no object', () => {
    for (const text of [
      '',
      '"a/b"',
      '[{"predicateType":"a/b"}]',
      '{"x":{"predicateType":"a/b"}}',
      '{"subject":"a/b","predicateType":"c"}',
      '{"predicateType":"a\\/b"}',
      '{"predicateType":"a/b"x}',
      '{"predicateType":"a/b","predicateType":"a/b"}',
      '{"predicateType":"a/b"',
      '{"predicateType":"a/b"} 1',
    ])
      assert.equal(claims(text), false, text);
  });
});
