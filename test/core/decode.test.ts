import assert from 'node:assert/strict';
import { Decoder, type JsonValue, parseJson } from '../../src/core/index.ts';

function json(text: string): JsonValue {
  return parseJson(text, 'test');
}

describe('Decoder', () => {
  it('reads fields of the right type and finds no problem', () => {
    const decoder = new Decoder();
    const fields = decoder.object(json('{"s":"x","n":3.0,"b":false,"a":[1],"o":{"k":"v"},"e":"one"}'), '');
    assert.equal(fields.string('s'), 'x');
    assert.equal(fields.integer('n', 1), 3);
    assert.equal(fields.boolean('b'), false);
    assert.deepEqual(fields.array('a', 1, 1), [1]);
    assert.equal(fields.object('o').string('k'), 'v');
    assert.equal(fields.oneOf('e', ['one', 'two']), 'one');
    assert.deepEqual(fields.keys(), ['s', 'n', 'b', 'a', 'o', 'e']);
    fields.done();
    decoder.finish('x-malformed', 'x', 'x.json');
    assert.deepEqual(decoder.problems, []);
  });

  it('names every wrong field with its path, what was expected and what was there', () => {
    const decoder = new Decoder();
    const fields = decoder.object(json('{"s":"","n":1.5,"b":"true","a":{},"o":[],"e":"three","list":[1,2],"extra":null}'), 'doc');
    fields.string('s');
    fields.string('missing', /^x$/u, 'an x');
    fields.integer('n', 1);
    fields.boolean('b');
    fields.array('a');
    fields.object('o').string('below');
    fields.oneOf('e', ['one', 'two']);
    fields.array('list', 1, 1);
    fields.array('list', 3);
    fields.array('list', 3, 4);
    fields.done();
    assert.deepEqual(
      decoder.problems.map(({ path, expected, got }) => `${path} | ${expected} | ${got}`),
      [
        'doc.s | a non-empty string | ""',
        'doc.missing | an x | nothing',
        'doc.n | an integer from 1 to 9007199254740991 | 1.5',
        'doc.b | true or false | "true"',
        'doc.a | an array | an object',
        'doc.o | an object | an array of 0',
        'doc.e | "one" or "two" | "three"',
        'doc.list | exactly 1 entry | an array of 2',
        'doc.list | at least 3 entries | an array of 2',
        'doc.list | 3 to 4 entries | an array of 2',
        'doc.extra | no such field | null',
      ],
    );
    assert.throws(() => decoder.finish('x-malformed', 'x', 'x.json'), {
      name: 'MlsignError',
      outcome: 'refused',
      code: 'x-malformed',
      message: /^the x is malformed: doc\.s: expected a non-empty string, got ""; doc\.missing: /,
      subject: 'x.json',
      expected: 'a non-empty string',
      got: '""',
    });
  });

  it('names the document itself, cuts long values, and counts what it leaves out', () => {
    const decoder = new Decoder();
    decoder.object('x'.repeat(1000), '');
    for (let i = 0; i < 24; i++) decoder.boolean(undefined, `f${i}`);
    const { message } = decoder.error('x-malformed', 'x', 'x.json');
    assert.match(message, /^the x is malformed: the document: expected an object, got "x{78}…; f0: expected/);
    assert.match(message, /; f18: expected true or false, got nothing; and 5 more$/);
  });

  it('refuses integers that are not safe, and those out of range', () => {
    for (const value of [2 ** 53, -1, 1e300, Number.NaN]) {
      const decoder = new Decoder();
      decoder.integer(value, 'n', 0);
      assert.equal(decoder.problems.length, 1, `${value}`);
    }
  });

  it('does not take inherited properties for fields', () => {
    const decoder = new Decoder();
    const fields = decoder.object({}, '');
    assert.equal(fields.has('toString'), false);
    assert.equal(fields.raw('constructor'), undefined);
  });

  it('reports an absent object once, not each of its fields', () => {
    const decoder = new Decoder();
    const inner = decoder.object(json('{}'), '').object('inner');
    assert.equal(inner.string('a'), '');
    assert.equal(inner.integer('b', 7), 7);
    assert.equal(inner.object('c').present, false);
    assert.deepEqual(inner.array('d', 1), []);
    assert.equal(inner.boolean('e'), false);
    assert.equal(inner.oneOf('f', ['x']), 'x');
    inner.done();
    assert.deepEqual(decoder.problems, [{ path: 'inner', expected: 'an object', got: 'nothing' }]);
  });

  it('keeps the first thousand problems, counts the others, and cuts long names', () => {
    const decoder = new Decoder();
    const names = Array.from({ length: 3000 }, (_, i) => [`${i}${'x'.repeat(1000)}`, 0]);
    decoder.object(Object.fromEntries(names), '').done();
    assert.equal(decoder.problems.length, 1000);
    assert.equal(decoder.problems[0]?.path.length, 200);
    assert.throws(() => decoder.finish('x-malformed', 'x', 'x.json'), /; and 2980 more$/);
  });
});
