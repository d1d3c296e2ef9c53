import assert from 'node:assert/strict';
import { expiryOf } from '../../src/app/lifetime.ts';
import { mlsignError } from '../helpers/keys.ts';

const NOW = new Date('2026-11-21T12:00:00Z');
const DAY = 86_400_000;

describe('the life of a pointer', () => {
  it('is counted from now, or ends at a moment', () => {
    assert.deepEqual(expiryOf({ kind: 'for', milliseconds: 30 * DAY }, NOW), new Date('2026-12-21T12:00:00Z'));
    const date = new Date('2026-12-01T00:00:00Z');
    assert.deepEqual(expiryOf({ kind: 'until', date }, NOW), date);
  });

  it('is a minute at least and 400 days at most', () => {
    const range = { expected: '2026-11-21T12:01:00.000Z to 2027-12-26T12:00:00.000Z', outcome: 'usage', subject: '--expires' } as const;
    const message = 'what expires lives for at least a minute and at most 400 days';
    for (const milliseconds of [60_000, 400 * DAY]) {
      assert.equal(expiryOf({ kind: 'for', milliseconds }, NOW).getTime() - NOW.getTime(), milliseconds);
    }
    for (const [milliseconds, got] of [
      [0, '0 s'],
      [59_000, '59 s'],
      [401 * DAY, '401 days'],
    ] as const) {
      assert.throws(() => expiryOf({ kind: 'for', milliseconds }, NOW), mlsignError('expires-out-of-range', message, { ...range, got }));
    }
    const past = new Date('2026-11-20T00:00:00Z');
    assert.throws(
      () => expiryOf({ kind: 'until', date: past }, NOW),
      mlsignError('expires-out-of-range', message, { ...range, got: past.toISOString() }),
    );
  });
});
