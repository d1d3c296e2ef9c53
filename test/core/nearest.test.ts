import assert from 'node:assert/strict';
import { nearest } from '../../src/core/index.ts';

describe('nearest', () => {
  const names = ['diff', 'hash', 'inspect', 'sign', 'verify', 'keys list'];

  it('finds the name that was meant: a letter wrong, missing, too many, or two swapped', () => {
    const meant = { verfy: 'verify', verifyy: 'verify', sing: 'sign', hush: 'hash', INSPECT: 'inspect', 'keys lits': 'keys list' };
    for (const [word, name] of Object.entries(meant)) assert.equal(nearest(word, names), name, word);
  });

  it('finds none where too much is wrong', () => {
    for (const word of ['', 'x', 'si', 'ver', 'notary']) assert.equal(nearest(word, names), undefined, word);
  });
});
