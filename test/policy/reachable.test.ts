import assert from 'node:assert/strict';
import fc from 'fast-check';
import { covers } from '../../src/policy/pattern.ts';
import { unreachable } from '../../src/policy/reachable.ts';
import { PolicyFolder, PRINCIPALS } from '../helpers/policies.ts';

describe('rules that are chosen for no model', () => {
  const cases: readonly (readonly [pattern: string, others: readonly string[], shadows: readonly string[] | undefined])[] = [
    ['/m/**', ['/m', '/m/*/**'], ['/m/*/**', '/m']],
    ['/m/**', ['/m', '/m/**/*'], ['/m/**/*', '/m']],
    ['/m/**', ['/m', '/m/*'], undefined],
    ['/x/**/*', ['/x/*/**'], ['/x/*/**']],
    ['/m/*', ['/m/a', '/m/b*'], undefined],
    ['/m/*/c', ['/m/a/*'], undefined],
    ['**', ['/**', 's3://**'], undefined],
    ['s3://bucket', [], []],
    ['s3://bucket/*', ['s3://bucket/a'], undefined],
    ['s3://**', ['s3://*/*', 's3://*/*/*/**'], ['s3://*/*/*/**', 's3://*/*']],
  ];
  for (const [pattern, others, shadows] of cases) {
    it(`${pattern} beside ${others.join(', ') || 'nothing'}: ${shadows === undefined ? 'is chosen' : 'never is'}`, () =>
      assert.deepEqual(unreachable([pattern, ...others]).get(pattern), shadows));
  }

  it('is never said of a rule that some model is judged by', () => {
    const segment = fc.constantFrom('a', 'b', '*', '**', 'a*');
    const pattern = fc
      .array(segment, { minLength: 1, maxLength: 4 })
      .map((segments) => `/${segments.filter((text, i) => text !== '**' || segments[i - 1] !== '**').join('/')}`);
    const location = fc.array(fc.constantFrom('a', 'b', 'aa', 'c'), { minLength: 1, maxLength: 6 }).map((names) => `/${names.join('/')}`);
    fc.assert(
      fc.property(fc.uniqueArray(pattern, { minLength: 1, maxLength: 5 }), location, (patterns, place) => {
        const matching = patterns.filter((one) => covers(one, place));
        const chosen = matching.filter((one) => matching.every((other) => one === other || (covers(other, one) && !covers(one, other))));
        const shadowed = unreachable(patterns);
        for (const one of chosen) assert.ok(!shadowed.has(one), `${one} of ${patterns.join(' ')} at ${place}`);
      }),
      { numRuns: 500 },
    );
  });

  it('takes no time for a policy of a thousand rules', () => {
    const many = Array.from({ length: 1000 }, (_, i) => `/srv/models/team-${i}/**`);
    const begun = process.cpuUsage().user;
    assert.equal(unreachable(['**', ...many]).size, 0);
    assert.ok(process.cpuUsage().user - begun < 5_000_000);
  });

  describe('in a policy', () => {
    let folder: PolicyFolder;
    before(() => {
      folder = new PolicyFolder();
    });
    after(() => folder.remove());
    const rules = (...patterns: readonly string[]) =>
      `${PRINCIPALS}rules:\n${patterns.map((pattern) => `  - { model: "${pattern}", signed-by: security }\n`).join('')}`;

    it('are refused, with the rules that take its place', () =>
      folder.refuses(
        rules('/m/**', '/m', '/m/*/**'),
        /line 9, column \d+: rules\[0\]\.model: expected a pattern that some model is judged by, got \/m\/\*\*, whose every match is left to \/m\/\*\/\*\*, \/m/,
      ));

    it('and so is one for a place where no model can lie', () =>
      folder.refuses(rules('s3://bucket'), /got s3:\/\/bucket, where no model can lie/));

    it('and two patterns for the same locations', () => folder.refuses(rules('/x/**/*', '/x/*/**'), /whose every match is left to/));
  });
});
