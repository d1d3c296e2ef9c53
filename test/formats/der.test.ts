import assert from 'node:assert/strict';
import { DerError, readDer, TAG, timeOf } from '../../src/formats/index.ts';
import { ascii, integer, sequence } from '../helpers/der.ts';

const generalized = (text: string): Buffer => ascii(TAG.generalizedTime, text);

describe('readDer', () => {
  it('reads one value and those within', () => {
    const value = readDer(sequence(integer(1), sequence(integer(2))));
    assert.equal(value.tag, TAG.sequence);
    assert.deepEqual(
      value.items.map(({ tag, items }) => [tag, items.length]),
      [
        [TAG.integer, 0],
        [TAG.sequence, 1],
      ],
    );
  });

  it('refuses a value that is cut off anywhere, or followed by more', () => {
    const whole = sequence(integer(1), generalized('20260131120000Z'));
    for (let length = 0; length < whole.length; length++) assert.throws(() => readDer(whole.subarray(0, length)), DerError, `${length}`);
    assert.throws(() => readDer(Buffer.concat([whole, Buffer.of(0)])), new DerError('there are bytes after the end'));
  });

  it('takes fractions of a second only where they are allowed', () => {
    const time = generalized('20260131120000.25Z');
    assert.throws(() => readDer(time), new DerError('a time is not one'));
    assert.equal(timeOf(readDer(time, { fractions: true })).toISOString(), '2026-01-31T12:00:00.250Z');
    assert.throws(() => readDer(ascii(TAG.utcTime, '260131120000.25Z'), { fractions: true }), new DerError('a time is not one'));
  });

  it('refuses what is not a time', () => {
    for (const text of [
      '20260230120000Z',
      '2026013112Z',
      '20260131120000',
      '20260131120000.Z',
      '20260131120000.250Z',
      '20260131120000+0100',
    ]) {
      assert.throws(() => readDer(generalized(text), { fractions: true }), new DerError('a time is not one'), text);
    }
  });
});

describe('timeOf', () => {
  it('gives the moment, to the millisecond', () => {
    assert.equal(timeOf(readDer(generalized('20260131120000.1239Z'), { fractions: true })).toISOString(), '2026-01-31T12:00:00.123Z');
    assert.equal(timeOf(readDer(ascii(TAG.utcTime, '491231235959Z'))).toISOString(), '2049-12-31T23:59:59.000Z');
    assert.equal(timeOf(readDer(ascii(TAG.utcTime, '500101000000Z'))).toISOString(), '1950-01-01T00:00:00.000Z');
  });

  it('refuses a value of another kind', () => {
    assert.throws(() => timeOf(readDer(integer(1))), new DerError('a time was expected'));
  });
});
