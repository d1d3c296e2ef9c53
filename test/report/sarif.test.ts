import assert from 'node:assert/strict';
import type { Finding, Verdict } from '../../src/core/index.ts';
import { type SarifContext, type SarifSubject, sarifLog } from '../../src/report/index.ts';
import { MANIFEST } from '../helpers/bundles.ts';
import { sarifRun } from '../helpers/sarif.ts';

const CONTEXT: SarifContext = {
  version: '1.2.3',
  exitCode: 1,
  ended: new Date('2026-03-01T12:00:00Z'),
  root: 'file:///srv/my%20model/',
  explain: (code) => (code === 'file-changed' ? { short: 'A file changed.', full: 'A file changed. Put it back.' } : undefined),
};

function aFinding(fields: Partial<Finding> = {}): Finding {
  return { code: 'file-changed', severity: 'rejected', message: 'the content changed', subject: 'weights.bin', ...fields };
}

function subject(findings: readonly Finding[], verdict: Verdict = 'rejected', fields: Partial<SarifSubject> = {}): SarifSubject {
  return { verdict, findings, checks: [], source: { kind: 'directory', path: '/srv/my model', name: 'my model' }, ...fields };
}

function report(...findings: readonly Finding[]) {
  return sarifRun(sarifLog(subject(findings), CONTEXT));
}

function uris(...findings: readonly Finding[]): readonly string[] {
  return report(...findings).results.map(({ locations }) => locations[0]?.physicalLocation.artifactLocation.uri ?? '');
}

describe('the SARIF report', () => {
  it('is valid without findings', () => {
    const { results, tool, invocations } = sarifRun(sarifLog(subject([], 'verified'), { ...CONTEXT, exitCode: 0 }));
    assert.deepEqual([results, tool.driver.rules, tool.driver.semanticVersion], [[], [], '1.2.3']);
    assert.deepEqual(
      invocations.map(({ executionSuccessful, exitCode, exitCodeDescription }) => [executionSuccessful, exitCode, exitCodeDescription]),
      [[true, 0, 'verified']],
    );
  });

  it('has a level by severity, the worst first, and a rule a code', () => {
    const { results, tool } = report(
      aFinding({ code: 'a-note', severity: 'note' }),
      aFinding({ code: 'a-warning', severity: 'warning' }),
      aFinding({ severity: 'undetermined' }),
      aFinding({ subject: 'config.json' }),
    );
    assert.deepEqual(
      results.map(({ ruleId, level }) => [ruleId, level]),
      [
        ['file-changed', 'error'],
        ['file-changed', 'error'],
        ['a-warning', 'warning'],
        ['a-note', 'note'],
      ],
    );
    assert.deepEqual(
      tool.driver.rules.map(({ id, help, shortDescription, fullDescription }) => [
        id,
        help.text,
        shortDescription.text,
        fullDescription.text,
      ]),
      [
        ['file-changed', 'mlsign explain file-changed', 'A file changed.', 'A file changed. Put it back.'],
        ['a-warning', 'mlsign explain a-warning', 'the content changed', 'the content changed'],
        ['a-note', 'mlsign explain a-note', 'the content changed', 'the content changed'],
      ],
    );
  });

  it('names files relative to the model, whatever characters they have', () => {
    const names = ['a b/ü#?%.bin', 'c:d.bin', 'e\\f', 'g\u202eh', '\ud800', '..x'];
    assert.deepEqual(uris(...names.map((name) => aFinding({ subject: name }))), [
      'a%20b/%C3%BC%23%3F%25.bin',
      'model.sig',
      'e%5Cf',
      'g%E2%80%AEh',
      '%EF%BF%BD',
      '..x',
    ]);
  });

  it('finds files by the manifest, by their path and by the name of the model', () => {
    const signed = { name: 'my model', manifest: MANIFEST, modelId: 'a'.repeat(64), modelDigest: 'b'.repeat(64) };
    const findings = ['weights.bin', 'my model/weights.bin', '/srv/my model/weights.bin', 'rule **', '/etc/policy.yaml'].map((subject) =>
      aFinding({ code: 'revoked-file', subject }),
    );
    const { results } = sarifRun(sarifLog(subject(findings, 'rejected', { signed }), CONTEXT));
    assert.deepEqual(
      results.map(({ locations }) => locations[0]?.physicalLocation.artifactLocation.uri),
      ['weights.bin', 'weights.bin', 'weights.bin', 'model.sig', 'model.sig'],
    );
  });

  it('is about the file itself where the model is one', () => {
    const source = { kind: 'file', path: '/srv/a b.gguf', name: 'a b.gguf' } as const;
    const { results } = sarifRun(sarifLog(subject([aFinding()], 'rejected', { source }), CONTEXT));
    assert.equal(results[0]?.locations[0]?.physicalLocation.artifactLocation.uri, 'a%20b.gguf');
  });

  it('gives no result a way out of the model', () => {
    assert.deepEqual(uris(aFinding({ subject: '../../etc/passwd' }), aFinding({ subject: 'https://example.com/x' })), [
      'model.sig',
      'model.sig',
    ]);
  });

  it('calls a finding the same in every run', () => {
    const [first, again] = [report(aFinding({ got: '1' })), report(aFinding({ code: 'other' }), aFinding({ got: '2' }))];
    const print = (results: typeof first.results) => results.find(({ ruleId }) => ruleId === 'file-changed')?.partialFingerprints;
    assert.deepEqual(print(first.results), print(again.results));
    assert.notDeepEqual(print(report(aFinding({ subject: 'x' })).results), print(first.results));
  });

  it('writes control characters of names so that nobody is misled', () => {
    const { results } = report(aFinding({ message: 'a\u001b[31mb', subject: 'c\nd' }));
    assert.doesNotMatch(results[0]?.message.text ?? '', /\p{Cc}/u);
  });

  it('says so where there are more findings than code scanning shows', () => {
    const many = Array.from({ length: 5001 }, (_, i) => aFinding({ subject: `${i}` }));
    const { results, invocations } = report(...many);
    assert.equal(results.length, 5000);
    assert.match(JSON.stringify(invocations[0]?.toolExecutionNotifications), /1 more findings/);
  });
});
