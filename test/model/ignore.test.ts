import assert from 'node:assert/strict';
import { isIgnored, parseIgnorePath } from '../../src/model/index.ts';

describe('parseIgnorePath', () => {
  it('gives the exact path that manifests hold', () => {
    const cases: Readonly<Record<string, string>> = {
      a: 'a',
      './a': 'a',
      '././a/b': 'a/b',
      'a/': 'a',
      './.cache/huggingface/': '.cache/huggingface',
      'a b': 'a b',
      '...': '...',
    };
    for (const [text, path] of Object.entries(cases)) assert.equal(parseIgnorePath(text), path);
  });

  it('refuses patterns, absolute paths and those that lead out of the model', () => {
    const reasons: Readonly<Record<string, RegExp>> = {
      '*.tmp': /holds a glob character/,
      'a?': /holds a glob character/,
      '[ab]': /holds a glob character/,
      '/tmp/x': /is an absolute path/,
      'D:/x': /is an absolute path/,
      '../x': /holds a "\.\." segment/,
      'a/../b': /holds a "\.\." segment/,
      'a/./b': /holds a "\." segment/,
      '.': /holds a "\." segment/,
      './': /is empty/,
      '': /is empty/,
      '/': /is an absolute path/,
      'a//': /ends in "\/"/,
      'a//b': /holds "\/\/"/,
      'a\\b': /holds a backslash/,
      'a\nb': /holds a control character/,
    };
    for (const [text, message] of Object.entries(reasons)) {
      assert.throws(
        () => parseIgnorePath(text),
        { outcome: 'usage', code: 'ignore-path-invalid', message, subject: text },
        JSON.stringify(text),
      );
    }
  });
});

describe('isIgnored', () => {
  it('is a path itself and what is inside it, exactly', () => {
    const paths = ['cache', 'logs/run'];
    for (const name of ['cache', 'cache/a', 'cache/a/b', 'logs/run', 'logs/run/1']) assert.ok(isIgnored(name, paths), name);
    for (const name of ['cache2', 'sub/cache', 'Cache', 'logs', 'logs/running', 'a']) assert.equal(isIgnored(name, paths), false, name);
  });

  it("is git's own files, only at the root", () => {
    for (const name of ['.git', '.git/config', '.gitignore', '.gitattributes', '.github/x']) assert.ok(isIgnored(name, []), name);
    for (const name of ['sub/.git', 'sub/.gitignore', '.gitmodules', '.gitx', 'git']) assert.equal(isIgnored(name, []), false, name);
  });
});
