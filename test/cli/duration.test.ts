import assert from 'node:assert/strict';
import { parseDuration, parseLifetime } from '../../src/cli/duration.ts';
import { mlsignError } from '../helpers/keys.ts';

describe('durations', () => {
  it('are a number with a unit', () => {
    assert.equal(parseDuration('90s'), 90_000);
    assert.equal(parseDuration('5m'), 300_000);
    assert.equal(parseDuration('12h'), 43_200_000);
    assert.equal(parseDuration('30d'), 2_592_000_000);
    assert.equal(parseDuration('2w'), 1_209_600_000);
  });

  for (const text of ['', '30', 'd', '-1d', '1.5d', '30 d', '30days', '1e3d', '9999999999d', ' 1d', '1d\n']) {
    it(`${JSON.stringify(text)} is none`, () => {
      assert.throws(() => parseDuration(text), mlsignError('duration-invalid', 'not a duration', { outcome: 'usage', got: text }));
    });
  }
});

describe('when a pointer ends', () => {
  it('is a duration or a moment in UTC', () => {
    assert.deepEqual(parseLifetime('30d'), { kind: 'for', milliseconds: 2_592_000_000 });
    assert.deepEqual(parseLifetime('2027-01-31'), { kind: 'until', date: new Date('2027-01-31T00:00:00Z') });
    assert.deepEqual(parseLifetime('2027-01-31T12:00Z'), { kind: 'until', date: new Date('2027-01-31T12:00:00Z') });
    assert.deepEqual(parseLifetime('2027-01-31T12:00:00+02:00'), { kind: 'until', date: new Date('2027-01-31T10:00:00Z') });
  });

  for (const text of ['', 'never', '2027-02-31', '2027-13-01', '2027-1-1', '2027-01-31T12:00:00', '31/01/2027', '2027-01-31T25:00Z']) {
    it(`${JSON.stringify(text)} is neither`, () => {
      assert.throws(
        () => parseLifetime(text),
        mlsignError('expires-invalid', 'neither a duration nor a date', { outcome: 'usage', got: text }),
      );
    });
  }
});
