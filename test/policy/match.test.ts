import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Principal, Rule } from '../../src/policy/index.ts';
import { evaluateSigners, type Signed } from '../../src/policy/index.ts';
import { RULE_DEFAULTS } from '../../src/policy/policy.ts';

const principal = (name: string): Principal => ({ name, trust: [] });
const a = principal('a');
const b = principal('b');
const c = principal('c');

const rule = (...requirements: readonly (readonly [threshold: number, of: readonly Principal[]])[]): Rule => ({
  ...RULE_DEFAULTS,
  name: '**',
  pattern: '**',
  channels: new Map(),
  lineage: new Map(),
  attestations: [],
  revocations: [],
  signedBy: requirements.map(([threshold, of]) => ({ text: `${threshold} of [${of.map(({ name }) => name).join(', ')}]`, threshold, of })),
});
const signed = (who: Principal, key = `key of ${who.name}`, modelId = 'm1', bundle = `${who.name}.sig`): Signed => ({
  principal: who,
  key,
  modelId,
  bundle,
});
const isMet = (wanted: Rule, entries: readonly Signed[]) => evaluateSigners(wanted, entries).findings.length === 0;

describe('signers: thresholds', () => {
  it('are met by as many principals', () => {
    const { findings, checks, satisfied } = evaluateSigners(rule([2, [a, b, c]]), [signed(a), signed(c)]);
    assert.deepEqual(findings, []);
    assert.deepEqual(checks, [{ name: 'signers', status: 'passed', detail: '2 of [a, b, c]: signed by a, c' }]);
    assert.deepEqual(satisfied, [{ modelId: 'm1', bundles: ['a.sig', 'c.sig'] }]);
  });

  it('are not met by fewer: one finding that says who signed and who is asked for', () => {
    const { findings, checks, satisfied } = evaluateSigners(rule([2, [a, b, c]]), [signed(a)]);
    assert.deepEqual(satisfied, []);
    assert.deepEqual(checks, [{ name: 'signers', status: 'failed', detail: '2 of [a, b, c]: signed by a' }]);
    assert.deepEqual(findings, [
      {
        code: 'signer-missing',
        severity: 'rejected',
        message: 'the model is not signed by 2 of [a, b, c]',
        subject: 'rule **',
        expected: '2 of [a, b, c]',
        got: 'signed by a',
        suggestion:
          'have those who are missing sign it (mlsign sign --like BUNDLE), or name their signature where it lies elsewhere (--signature)',
      },
    ]);
  });

  it('are not met by nobody, or by others', () => {
    assert.equal(evaluateSigners(rule([1, [a]]), []).findings[0]?.got, 'signed by none of them');
    assert.equal(evaluateSigners(rule([1, [a]]), [signed(b)]).findings[0]?.code, 'signer-missing');
  });

  it('count a principal once, whatever keys and bundles it has', () => {
    assert.equal(
      isMet(rule([2, [a, b]]), [signed(a, 'k1', 'm1', '1.sig'), signed(a, 'k2', 'm1', '2.sig'), signed(a, 'k1', 'm1', '3.sig')]),
      false,
    );
  });

  it('count a key once, whatever principals it could stand for', () => {
    assert.equal(isMet(rule([2, [a, b]]), [signed(a, 'k1'), signed(b, 'k1')]), false);
    assert.equal(isMet(rule([2, [a, b]]), [signed(a, 'k1', 'm1', '1.sig'), signed(b, 'k1', 'm1', '2.sig')]), false);
    assert.equal(isMet(rule([2, [a, b]]), [signed(a, 'k1'), signed(b, 'k1'), signed(b, 'k2')]), true);
    assert.equal(isMet(rule([2, [a, b]]), [signed(b, 'k1'), signed(a, 'k1'), signed(b, 'k2')]), true, 'in any order');
  });

  it('count signatures over one and the same model only', () => {
    const { findings, satisfied } = evaluateSigners(rule([2, [a, b]]), [signed(a, 'k1', 'm1'), signed(b, 'k2', 'm2')]);
    assert.deepEqual(satisfied, []);
    assert.match(findings[0]?.got ?? '', /^signed by a; the signatures are over different models/);
    assert.match(findings[0]?.suggestion ?? '', /--like/);
  });

  it('each requirement is met over the same model too', () => {
    const wanted = rule([1, [a]], [1, [b]]);
    assert.equal(isMet(wanted, [signed(a), signed(b)]), true);
    assert.equal(isMet(wanted, [signed(a, 'k1', 'm1'), signed(b, 'k2', 'm2')]), false);
    assert.equal(isMet(wanted, [signed(a)]), false);
  });

  it('one signature may meet several requirements', () => {
    assert.equal(isMet(rule([1, [a]], [1, [a, b]]), [signed(a)]), true);
  });

  it('name the model that is signed by all, and the bundles that count', () => {
    const entries = [
      signed(a, 'k1', 'old', 'old.sig'),
      signed(a, 'k1', 'm1', 'a.sig'),
      signed(c, 'k3', 'm1', 'c.sig'),
      signed(b, 'k2', 'm1', 'b.sig'),
    ];
    const { satisfied, checks } = evaluateSigners(rule([2, [a, b]]), entries);
    assert.deepEqual(satisfied, [{ modelId: 'm1', bundles: ['a.sig', 'b.sig'] }]);
    assert.equal(checks[0]?.detail, '2 of [a, b]: signed by a, b');
  });

  it('show the model that comes closest where none is signed by all', () => {
    const entries = [signed(a, 'k1', 'old', 'old.sig'), signed(a, 'k1', 'm1', 'a.sig'), signed(b, 'k2', 'm1', 'b.sig')];
    assert.equal(evaluateSigners(rule([3, [a, b, c]]), entries).checks[0]?.detail, '3 of [a, b, c]: signed by a, b');
  });

  it('are met exactly where distinct principals can be given distinct keys', () => {
    const people = [a, b, c, principal('d')];
    const edges = fc.array(fc.tuple(fc.nat(3), fc.nat(3)), { maxLength: 10 });
    fc.assert(
      fc.property(edges, fc.integer({ min: 1, max: 4 }), (pairs, threshold) => {
        const entries = pairs.map(([who, key]) => signed(people[who] ?? a, `k${key}`, 'm1', `${who}-${key}.sig`));
        assert.equal(isMet(rule([threshold, people]), entries), bruteForce(pairs) >= threshold);
      }),
      { numRuns: 500 },
    );
  });
});

/** The largest matching, by trying every choice. */
function bruteForce(pairs: readonly (readonly [number, number])[], who = 0, used: ReadonlySet<number> = new Set()): number {
  if (who > 3) return 0;
  const choices = pairs
    .filter(([person, key]) => person === who && !used.has(key))
    .map(([, key]) => 1 + bruteForce(pairs, who + 1, new Set([...used, key])));
  return Math.max(bruteForce(pairs, who + 1, used), ...choices);
}
