import assert from 'node:assert/strict';
import type { ChannelPointer } from '../../src/release/index.ts';
import { releaseBefore } from '../../src/release/release-before.ts';

type Step = readonly [action: ChannelPointer['action'], release: number];

/** The number of the release that is gone back to after these steps, from the first on. */
function target(...steps: readonly Step[]): number | undefined {
  const pointers = steps.map(([action, number], i) => ({ sequence: i + 1, action, release: { number, digest: `record ${number}` } }));
  return releaseBefore(pointers.toReversed())?.number;
}

describe('the release that a rollback goes back to', () => {
  it('is the one that was promoted before', () => {
    assert.equal(target(['promote', 6], ['promote', 7]), 6);
    assert.equal(target(['promote', 7], ['promote', 6]), 7);
    assert.equal(target(['promote', 5], ['promote', 6], ['promote', 7]), 6);
  });

  it('is none where there was only one', () => {
    assert.equal(target(), undefined);
    assert.equal(target(['promote', 7]), undefined);
    assert.equal(target(['promote', 7], ['renew', 7], ['promote', 7]), undefined);
  });

  it('passes over renewals', () => {
    assert.equal(target(['promote', 6], ['renew', 6], ['promote', 7], ['renew', 7], ['renew', 7]), 6);
  });

  it('is never what was rolled back', () => {
    assert.equal(target(['promote', 5], ['promote', 6], ['promote', 7], ['rollback', 6]), 5);
    assert.equal(target(['promote', 5], ['promote', 6], ['promote', 7], ['rollback', 6], ['rollback', 5]), undefined);
    assert.equal(target(['promote', 5], ['promote', 6], ['promote', 7], ['rollback', 5]), undefined);
    assert.equal(target(['promote', 6], ['promote', 7], ['rollback', 6], ['renew', 6], ['promote', 8]), 6);
  });

  it('may be what was rolled back and promoted again since', () => {
    assert.equal(target(['promote', 6], ['promote', 7], ['rollback', 6], ['promote', 7], ['promote', 8]), 7);
  });

  it('is not what was rolled back to a release that the channel had never pointed to', () => {
    assert.equal(target(['promote', 6], ['promote', 7], ['rollback', 4]), 6);
    assert.equal(target(['rollback', 4]), undefined);
  });
});
