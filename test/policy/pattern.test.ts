import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import fc from 'fast-check';
import { covers, modelLocation, resolvePattern } from '../../src/policy/pattern.ts';

describe('pattern: what it matches', () => {
  const cases: readonly (readonly [pattern: string, matches: readonly string[], others: readonly string[]])[] = [
    ['**', ['/', '/a', '/a/b/c', 'C:/models/x', '//server/share/x', 's3://bucket/prefix/llama'], []],
    [
      '/srv/models/llama',
      ['/srv/models/llama'],
      ['/srv/models/llama2', '/srv/models', '/srv/models/llama/x', '/SRV/models/llama', 'x/srv/models/llama'],
    ],
    ['/srv/*/llama', ['/srv/a/llama', '/srv/*/llama'], ['/srv/llama', '/srv/a/b/llama', '/srv//llama/x']],
    ['/srv/*', ['/srv/a', '/srv/.a'], ['/srv', '/srv/a/b']],
    ['/srv/**', ['/srv', '/srv/a', '/srv/a/b'], ['/srv2', '/', '/a/srv']],
    ['/srv/**/llama', ['/srv/llama', '/srv/a/llama', '/srv/a/b/llama'], ['/srv/llama/a', '/srv/xllama']],
    ['**/llama', ['/llama', '/a/llama', 'C:/llama'], ['/llama/a', '/allama']],
    ['**/llama-*', ['/a/llama-', '/a/llama-3-8b'], ['/a/llama', '/a/xllama-3', '/a/llama-3/b']],
    ['/m/*-v*-*', ['/m/a-v1-x', '/m/-v-', '/m/a-v-v1-x'], ['/m/a-v1', '/m/v1-x', '/m/a-1-x']],
    ['/m/ab*ba', ['/m/abba', '/m/abxba'], ['/m/aba', '/m/ab', '/m/ba']],
    ['/m/*a*a', ['/m/aa', '/m/xaxa'], ['/m/a', '/m/aab']],
    ['/a.b/c+d', ['/a.b/c+d'], ['/axb/c+d', '/a.b/ccd']],
    ['s3://bucket/**', ['s3://bucket/llama', 's3://bucket/a/b/llama'], ['s3://bucket2/llama', '/bucket/llama', '/s3:/bucket/llama']],
    ['s3://bucket/*', ['s3://bucket/llama'], ['s3://bucket/a/llama']],
    ['**/llama', ['s3://bucket/llama', 's3://bucket/a/llama'], ['s3://bucket/llama2']],
    ['/**', ['/srv/llama'], ['s3://bucket/llama']],
  ];
  for (const [pattern, matches, others] of cases) {
    it(pattern, () => {
      for (const location of matches) assert.equal(covers(pattern, location), true, location);
      for (const location of others) assert.equal(covers(pattern, location), false, location);
    });
  }

  it('takes no time for a pattern of many "**"', () => {
    const pattern = `${'**/a/'.repeat(40)}b`;
    assert.equal(covers(pattern, `${'/a'.repeat(80)}`), false);
    assert.equal(covers(pattern, `${'/a'.repeat(80)}/b`), true);
  });

  it('a location that is named like a pattern is matched by "**" alone', () => {
    assert.equal(covers('/srv/*', '/srv/**'), false);
    assert.equal(covers('/srv/**', '/srv/**'), true);
  });
});

describe('pattern: which one is the more specific', () => {
  const chain = ['**', '/srv/**', '/srv/**/llama*', '/srv/*/llama*', '/srv/a/llama*', '/srv/a/llama-3'];
  it('the wider covers the narrower, never the other way round', () => {
    for (const [i, wide] of chain.entries()) {
      for (const [j, narrow] of chain.entries()) assert.equal(covers(wide, narrow), i <= j, `${wide} covers ${narrow}`);
    }
  });

  it('neither of two that overlap covers the other', () => {
    for (const [a, b] of [
      ['/srv/*/llama', '/srv/a/*'],
      ['**/llama', '/srv/**'],
      ['/m/a*', '/m/*b'],
    ] as const) {
      assert.equal(covers(a, b), false, `${a} ${b}`);
      assert.equal(covers(b, a), false, `${b} ${a}`);
    }
  });

  it('whatever a covered pattern matches, the covering one matches too', () => {
    const segment = fc.constantFrom('a', 'b', 'ab', '*', 'a*', '*b', '**');
    const pattern = fc.array(segment, { minLength: 1, maxLength: 4 }).map((segments) => `/${segments.join('/')}`);
    const location = fc.array(fc.constantFrom('a', 'b', 'ab', 'aab', ''), { maxLength: 4 }).map((segments) => `/${segments.join('/')}`);
    fc.assert(
      fc.property(pattern, pattern, location, (wide, narrow, at) => !(covers(wide, narrow) && covers(narrow, at)) || covers(wide, at)),
      { numRuns: 2000 },
    );
  });
});

describe('pattern: how it is written', () => {
  it('is relative to the directory of the policy, absolute, or begins with "**"', () => {
    for (const [text, pattern] of [
      ['models/**', '/srv/app/models/**'],
      ['llama', '/srv/app/llama'],
      ['*', '/srv/app/*'],
      ['**', '**'],
      ['**/llama', '**/llama'],
      ['/opt/**', '/opt/**'],
      ['//server/share/*', '//server/share/*'],
      ['C:/models/*', 'C:/models/*'],
      ['s3://bucket/**', 's3://bucket/**'],
      ['s3://*/prefix/llama', 's3://*/prefix/llama'],
    ] as const) {
      assert.deepEqual(resolvePattern(text, '/srv/app'), { pattern });
    }
    assert.deepEqual(resolvePattern('models/*', '/'), { pattern: '/models/*' });
  });

  const refused: readonly (readonly [text: string, reason: RegExp])[] = [
    ['a//b', /no empty/],
    ['a/', /no empty/],
    ['/', /no empty/],
    ['///a', /no empty/],
    ['./a', /no empty, "\."/],
    ['../a', /"\.\." segment/],
    ['a/../b', /"\.\." segment/],
    ['a**', /"\*\*" as a whole segment/],
    ['a/***', /"\*\*" as a whole segment/],
    ['a/**/**', /one "\*\*"/],
    ['a?', /with "\/", "\*" and "\*\*" only/],
    ['[ab]', /only/],
    ['{a,b}', /only/],
    ['!a', /only/],
    ['a\\b', /only/],
    ['C:\\models', /only/],
    ['a\nb', /only/],
    ['s3://', /no empty/],
    ['s3://bucket/', /no empty/],
    ['s3://bucket//x', /no empty/],
    ['s3:bucket/x', /a place in a store/],
    ['S3://bucket/x', /a place in a store/],
    ['https://host/x', /a place in a store/],
    ['file:models', /a path, or a place in a store: s3:\/\/bucket\/prefix\/name/],
  ];
  for (const [text, reason] of refused) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      const resolved = resolvePattern(text, '/srv/app');
      assert.match('reason' in resolved ? resolved.reason : `accepted as ${resolved.pattern}`, reason);
    });
  }

  it('refuses a relative pattern where the directory itself would be a wildcard', () => {
    assert.deepEqual(resolvePattern('models', '/srv/*'), {
      reason: 'an absolute pattern, because the directory of the policy has "*" in its name',
    });
    assert.deepEqual(resolvePattern('**', '/srv/*'), { pattern: '**' });
  });

  it('a location is the absolute path with "/"', () => {
    assert.equal(modelLocation('models/a'), resolve('models/a').replaceAll('\\', '/'));
    assert.equal(modelLocation('models/../a/'), resolve('a').replaceAll('\\', '/'));
  });
});
