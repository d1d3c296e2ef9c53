import assert from 'node:assert/strict';
import { isModelPath, parseModelPath } from '../../src/model/index.ts';

describe('parseModelPath', () => {
  it('takes relative paths as they are', () => {
    for (const text of ['a', 'a/b.c', '.hidden/…', 'a b/ünï', '...', 'x:y', 'C:']) {
      assert.equal(parseModelPath(text), text);
      assert.ok(isModelPath(text));
    }
  });

  it('refuses every other, saying why', () => {
    const reasons: Readonly<Record<string, string>> = {
      '': 'is empty',
      '/a': 'is an absolute path',
      'c:/a': 'is an absolute path',
      'a/': 'ends in "/"',
      'a//b': 'holds "//"',
      '../a': 'holds a ".." segment',
      'a/..': 'holds a ".." segment',
      'a/./b': 'holds a "." segment',
      '.': 'holds a "." segment',
      'a\\b': 'holds a backslash',
      'a\0': 'holds a control character',
      'a\u0085': 'holds a control character',
      '\ud800': 'holds an unpaired surrogate',
    };
    for (const [text, reason] of Object.entries(reasons)) {
      assert.equal(isModelPath(text), false);
      assert.throws(() => parseModelPath(text), {
        outcome: 'refused',
        code: 'name-invalid',
        message: `a file of the model may not be named so: the name ${reason}`,
        subject: text,
      });
    }
  });
});
