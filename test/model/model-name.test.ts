import assert from 'node:assert/strict';
import { parseModelName } from '../../src/model/index.ts';

describe('the name of a model', () => {
  it('is taken as it is', () => {
    for (const name of ['bert', 'root', '.hidden', '…', 'a b ünï', 'x:1:2', 'back\\slash']) assert.equal(parseModelName(name, 'm'), name);
  });

  it('holds nothing that a terminal or another system would take for something else', () => {
    const reasons: Readonly<Record<string, string>> = {
      '': 'is empty',
      'a\nverified': 'holds a control character',
      'a\x1b[2J': 'holds a control character',
      'a\u0085': 'holds a control character',
      '\ud800': 'holds an unpaired surrogate',
      '..': 'holds a ".." segment',
      '../a': 'holds a ".." segment',
      '/a': 'is an absolute path',
    };
    for (const [name, reason] of Object.entries(reasons)) {
      assert.throws(() => parseModelName(name, 'm.json'), {
        outcome: 'refused',
        code: 'name-invalid',
        message: `a model may not be named so: the name ${reason}`,
        subject: 'm.json',
        got: name,
      });
    }
  });
});
