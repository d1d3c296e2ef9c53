import assert from 'node:assert/strict';
import fc from 'fast-check';
import { escapeText, excerpt, jsonPieces, jsonText } from '../../src/report/escape.ts';

describe('escapeText', () => {
  it('leaves ordinary text of every script alone', () => {
    for (const text of ['model.safetensors', 'modèle — été', '模型/权重.bin', 'مدل\u200cها', '👩\u200d🔬', 'a b\\c']) {
      assert.equal(escapeText(text), text);
    }
  });

  it('shows control characters, escape sequences and line ends', () => {
    assert.equal(escapeText('a\nb\r\tc\0'), 'a\\nb\\r\\tc\\x00');
    assert.equal(escapeText('\x1b[2J\x1b]0;title\x07\x7f'), '\\x1b[2J\\x1b]0;title\\x07\\x7f');
    assert.equal(escapeText('\x9b31m\x85'), '\\x9b31m\\x85');
    assert.equal(escapeText('\u2028\u2029'), '\\u2028\\u2029');
  });

  it('shows what reorders or hides characters', () => {
    assert.equal(escapeText('gpj.\u202eexe\u202c\u2066x\u2069\u200f\u061c'), 'gpj.\\u202eexe\\u202c\\u2066x\\u2069\\u200f\\u061c');
    assert.equal(escapeText('a\u200bb\ufeff\u00ad\u{e0041}'), 'a\\u200bb\\ufeff\\xad\\u{e0041}');
  });

  it('shows unpaired surrogates', () => {
    assert.equal(escapeText('\ud800x\udc00 \u{1f600}'), '\\ud800x\\udc00 \u{1f600}');
  });

  it('never lets an unsafe character through, and changes nothing twice', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const escaped = escapeText(text);
        assert.doesNotMatch(escaped, /[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u);
        assert.equal(escapeText(escaped), escaped);
      }),
    );
  });
});

describe('jsonText', () => {
  it('keeps every value and lets no unsafe character through', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const json = jsonText({ [text]: [text] });
        assert.deepEqual(JSON.parse(json), { [text]: [text] });
        assert.doesNotMatch(json.replaceAll('\n', ''), /[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u);
      }),
    );
  });

  it('escapes what a terminal would act on, beyond the first 32 characters too', () => {
    assert.equal(
      jsonText({ a: '\u001b[\u009b2J\u007f\u202e\u{e0041}é' }),
      '{\n  "a": "\\u001b[\\u009b2J\\u007f\\u202e\\udb40\\udc41é"\n}\n',
    );
  });
});

describe('jsonPieces', () => {
  it('gives the indented form of JSON, whatever the document', () => {
    const values = [
      fc.stringMatching(/^[a-z"]*$/),
      fc.integer(),
      fc.boolean(),
      fc.double(),
      fc.constant(null),
      fc.constant(undefined),
      fc.date(),
    ];
    fc.assert(
      fc.property(fc.object({ key: fc.stringMatching(/^[a-z"]*$/), values }), (document) => {
        assert.equal(jsonText(document), `${JSON.stringify(document, null, 2)}\n`);
      }),
    );
  });

  it('gives a long list in many pieces, none of them much larger than 64 KiB', () => {
    const pieces = [
      ...jsonPieces({ findings: Array.from({ length: 10_000 }, (_, i) => ({ subject: `file-${i}`, code: 'file-changed' })) }),
    ];
    assert.ok(pieces.length > 5);
    assert.ok(pieces.every((piece) => piece.length < 70_000));
  });
});

describe('excerpt', () => {
  it('cuts what nobody reads, and escapes what is left', () => {
    assert.equal(excerpt('a\nb'), 'a\\nb');
    assert.equal(excerpt('x'.repeat(1e6)), `${'x'.repeat(2000)}…`);
  });
});
