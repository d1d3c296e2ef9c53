import assert from 'node:assert/strict';
import fc from 'fast-check';
import { DEFAULT_JSON_LIMITS, isJsonObject, MlsignError, parseJson } from '../../src/core/index.ts';

function refusal(source: Uint8Array | string, limits = DEFAULT_JSON_LIMITS): MlsignError {
  try {
    parseJson(source, 'a.json', limits);
  } catch (error) {
    assert.ok(error instanceof MlsignError, `not a refusal: ${error}`);
    assert.equal(error.outcome, 'refused');
    assert.equal(error.subject, 'a.json');
    return error;
  }
  assert.fail('was parsed');
}

/** Whether JavaScript's own parser reads a text. */
function nativeParse(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

describe('parseJson', () => {
  it('reads every kind of value', () => {
    const text = ' {"a":[1,-0.5e+2,true,false,null,""],"b":{"\\u00fc\\n":"\\ud83d\\ude00"}} \r\n\t';
    assert.equal(JSON.stringify(parseJson(text, 'a.json')), '{"a":[1,-50,true,false,null,""],"b":{"ü\\n":"😀"}}');
    assert.equal(parseJson(Buffer.from('"ü"'), 'a.json'), 'ü');
  });

  it('gives what JSON.parse gives, for any value', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 5 }), (text) => {
        fc.pre(!text.includes('"__proto__"') && JSON.stringify(JSON.parse(text)).isWellFormed());
        assert.equal(JSON.stringify(parseJson(text, 'a.json')), JSON.stringify(JSON.parse(text)));
      }),
      { numRuns: 500 },
    );
  });

  it('reads no text that JSON.parse does not read, and gives the same for those it reads', () => {
    const token = fc.constantFrom(
      ...'{}[],:"\\ \n0123456789.eE+-',
      'true',
      'null',
      'fals',
      '"a"',
      '"a":',
      '1',
      '[]',
      '\\u',
      '\\ud800',
      '\u0000',
      '\u2028',
      'NaN',
    );
    fc.assert(
      fc.property(fc.array(token, { maxLength: 12 }), (tokens) => {
        const text = tokens.join('');
        let ours: unknown;
        try {
          ours = parseJson(text, 'a.json');
        } catch (error) {
          assert.ok(error instanceof MlsignError);
          return;
        }
        const native = nativeParse(text);
        assert.ok(native, `read ${JSON.stringify(text)}`);
        assert.equal(JSON.stringify(ours), JSON.stringify(native.value));
      }),
      { numRuns: 3000 },
    );
  });

  it('refuses every truncation of a document', () => {
    const text = '{"a":[1,{"b":"\\u00fc"},true],"c":null}';
    for (let length = 0; length < text.length; length++) {
      const error = refusal(text.slice(0, length));
      assert.equal(error.code, 'json-invalid', text.slice(0, length));
      assert.match(error.message, /^not JSON: wrong at byte \d+$/);
    }
  });

  it('says where a text is not JSON, what it wants and what is there', () => {
    const cases: readonly [text: string, at: number, expected: string, got: string][] = [
      ['', 0, 'a value', 'the end of the document'],
      ['{"a" 1}', 5, '":"', '"1}"'],
      ['{a:1}', 1, 'a key in double quotes', '"a:1}"'],
      ['[1,]', 3, 'a value', '"]"'],
      ['[1 2]', 3, '"," or "]"', '"2]"'],
      ['{"a":1 "b":2}', 7, '"," or "}"', '"\\"b\\":2}"'],
      ['01', 1, 'the end of the document', '"1"'],
      ['+1', 0, 'a value', '"+1"'],
      ['.5', 0, 'a value', '".5"'],
      ['1.', 1, 'the end of the document', '"."'],
      ['1e999', 0, 'a number within range', '"1e999"'],
      ['NaN', 0, 'a value', '"NaN"'],
      ["'a'", 0, 'a value', '"\'a\'"'],
      ['"a\nb"', 2, 'the rest of a string', '"\\nb\\""'],
      ['"abc', 4, 'the rest of a string', 'the end of the document'],
      ['"\\x41"', 0, 'a string with valid escapes', '"\\"\\\\x41\\""'],
      ['"\\ud800"', 0, 'a string without unpaired surrogates', '"\\"\\\\ud800\\""'],
      ['1 // one', 2, 'the end of the document', '"// one"'],
      ['\ufeff{}', 0, 'a value', '"\ufeff{}"'],
      ['\u00a0{}', 0, 'a value', '"\u00a0{}"'],
    ];
    for (const [text, at, expected, got] of cases) {
      const error = refusal(text);
      assert.equal(error.code, 'json-invalid', text);
      assert.equal(error.message, `not JSON: wrong at byte ${at}`, text);
      assert.equal(error.expected, expected, text);
      assert.equal(error.got, got, text);
    }
  });

  it('refuses bytes that are not UTF-8, and a byte order mark', () => {
    for (const bytes of [
      [0x22, 0xff, 0x22],
      [0x22, 0xc0, 0xaf, 0x22],
      [0x22, 0xed, 0xa0, 0x80, 0x22],
      [0x22, 0xe2, 0x82],
    ]) {
      const error = refusal(Uint8Array.from(bytes));
      assert.equal(error.code, 'json-invalid');
      assert.equal(error.message, 'not JSON: the bytes are not valid UTF-8');
    }
    assert.equal(refusal(Uint8Array.from([0xef, 0xbb, 0xbf, 0x31])).message, 'not JSON: wrong at byte 0');
  });

  it('refuses a key that stands twice, however it is written', () => {
    for (const text of ['{"a":1,"a":1}', '{"a":1,"\\u0061":2}', '[{"b":{"a":1,"c":2,"a":3}}]']) {
      const error = refusal(text);
      assert.equal(error.code, 'json-duplicate-key');
      assert.equal(error.message, 'the same key stands twice in one object');
      assert.equal(error.got, '"a"');
    }
  });

  it('refuses __proto__, however it is written', () => {
    for (const text of ['{"__proto__":{"a":1}}', '{"\\u005f_proto__":1}']) {
      const error = refusal(text);
      assert.equal(error.code, 'json-invalid');
      assert.equal(error.message, 'the key __proto__ is not allowed');
    }
  });

  it('gives objects that inherit nothing, so that every key is an ordinary one', () => {
    const object = parseJson('{"constructor":1,"toString":2,"hasOwnProperty":3}', 'a.json');
    assert.deepEqual(Object.entries(object ?? {}), [
      ['constructor', 1],
      ['toString', 2],
      ['hasOwnProperty', 3],
    ]);
    const empty = parseJson('{}', 'a.json');
    assert.ok(isJsonObject(empty));
    for (const key of ['constructor', 'toString', '__proto__', 'valueOf']) assert.equal(key in empty, false, key);
    assert.equal(empty.constructor, undefined);
  });

  it('refuses what is beyond its limits', () => {
    const limits = { maxBytes: 64, maxDepth: 3, maxValues: 5, maxStringBytes: 8 };
    const cases: readonly [text: string, expected: string][] = [
      [' '.repeat(65), 'at most 64 bytes'],
      ['[[[[]]]]', 'at most 3 levels of nesting'],
      ['{"a":{"b":{"c":{}}}}', 'at most 3 levels of nesting'],
      ['[1,2,3,4,5]', 'at most 5 values'],
      ['"ääää1"', 'strings of at most 8 bytes'],
      ['{"a\\n3456789":1}', 'strings of at most 8 bytes'],
    ];
    for (const [text, expected] of cases) {
      const error = refusal(text, limits);
      assert.equal(error.code, 'json-too-large', text);
      assert.equal(error.message, 'the JSON document is larger than mlsign reads');
      assert.equal(error.expected, expected);
    }
    assert.ok(parseJson('[[[]],1,2]', 'a.json', limits));
    assert.equal(parseJson('"ääää"', 'a.json', limits), 'ääää');
  });

  it('refuses a hundred thousand brackets without exhausting the stack', () => {
    assert.equal(refusal('['.repeat(100_000)).expected, 'at most 64 levels of nesting');
    assert.equal(refusal('{"a":'.repeat(100_000)).expected, 'at most 64 levels of nesting');
  });
});
