import assert from 'node:assert/strict';
import { APPROVAL_TYPE, type Approval, approvalPayload, parseApproval, parseModelClaim } from '../../src/formats/index.ts';
import { mlsignError } from '../helpers/keys.ts';
import { MODEL_ID, NOW } from '../helpers/releases.ts';
import { assertValid } from '../helpers/schemas.ts';

const FULL: Approval = {
  subject: { name: 'llama', modelId: MODEL_ID, dirHash: 'b'.repeat(64) },
  role: 'security',
  reason: 'red team, 2026-02',
  issued: NOW,
  expires: new Date(NOW.getTime() + 86_400_000),
};

interface Statement {
  readonly subject: { name?: unknown; digest: Record<string, unknown> }[];
  readonly predicate: Record<string, unknown>;
  predicateType: unknown;
}

/** The statement as JSON, changed. */
function statement(change: (statement: Statement) => unknown, approval = FULL): Buffer {
  const json = JSON.parse(Buffer.from(approvalPayload(approval)).toString());
  change(json);
  return Buffer.from(JSON.stringify(json));
}

function literally(text: string): RegExp {
  return new RegExp(text.replace(/[[\]."]/g, '\\$&'));
}

describe('an approval', () => {
  it('is read as it was written, and valid by its schema', () => {
    const least: Approval = { subject: { name: 'llama', modelId: MODEL_ID }, role: 'legal', issued: NOW };
    for (const approval of [FULL, least]) {
      assert.deepEqual(parseApproval(approvalPayload(approval), 'a.att'), approval);
      assertValid('approval', JSON.parse(Buffer.from(approvalPayload(approval)).toString()));
    }
  });

  it('refuses another statement', () => {
    const payload = statement((s) => {
      s.predicateType = 'https://mlsign/approval/v2';
    });
    const fields = { expected: APPROVAL_TYPE, got: 'https://mlsign/approval/v2' };
    assert.throws(() => parseApproval(payload, 'a.att'), mlsignError('predicate-type-unknown', /not an approval/, fields));
  });

  const WRONG: readonly (readonly [string, (statement: Statement) => unknown])[] = [
    ['subject: expected exactly 1 entry', ({ subject }) => subject.push({ name: 'other', digest: { mlsignModel: MODEL_ID } })],
    ['subject[0].digest.mlsignModel: expected 64', ({ subject }) => Object.assign(subject[0] ?? {}, { digest: { sha256: MODEL_ID } })],
    ['predicate.role: expected a role', ({ predicate }) => Object.assign(predicate, { role: 'Security team' })],
    ['predicate.role: expected', ({ predicate }) => delete predicate.role],
    ['predicate.reason: expected one line', ({ predicate }) => Object.assign(predicate, { reason: 'a\nb' })],
    ['predicate.issued: expected a moment', ({ predicate }) => Object.assign(predicate, { issued: '2026-03-01' })],
    [
      'predicate.issued: expected a moment that exists',
      ({ predicate }) => Object.assign(predicate, { issued: '2026-02-31T00:00:00.000Z' }),
    ],
    ['predicate.expires: expected a moment after', ({ predicate }) => Object.assign(predicate, { expires: predicate.issued })],
    ['predicate.until', ({ predicate }) => Object.assign(predicate, { until: 'tomorrow' })],
  ];
  for (const [problem, change] of WRONG) {
    it(`refuses ${problem}`, () => {
      assert.throws(() => parseApproval(statement(change), 'a.att'), mlsignError('approval-malformed', literally(problem)));
    });
  }

  it('is refused wherever it is cut', () => {
    const whole = approvalPayload(FULL);
    for (let end = 0; end < whole.length; end++)
      assert.throws(() => parseApproval(whole.subarray(0, end), 'a.att'), mlsignError('json-invalid', /not JSON/));
  });
});

describe('a statement about a model, of any type', () => {
  const evaluation = (predicate: string) =>
    Buffer.from(
      `{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"llama","digest":{"mlsignModel":"${MODEL_ID}"}}],"predicateType":"https://mlsign/evaluation/v1","predicate":${predicate}}`,
    );

  it('says when it was issued and what was measured, whatever else it says', () => {
    const { metrics, issued, modelId } = parseModelClaim(
      evaluation('{"issued":"2026-03-01T12:00:00+01:00","metrics":{"accuracy":0.93,"loss":-0},"suite":{"name":"x"}}'),
      'e.att',
    );
    assert.deepEqual(
      [...metrics],
      [
        ['accuracy', 0.93],
        ['loss', -0],
      ],
    );
    assert.equal(issued?.toISOString(), '2026-03-01T11:00:00.000Z');
    assert.equal(modelId, MODEL_ID);
    assert.deepEqual([...parseModelClaim(evaluation('"anything"'), 'e.att').metrics], []);
  });

  const WRONG = [
    ['{"metrics":{"accuracy":"0.99"}}', /accuracy/],
    ['{"metrics":{"accuracy":null}}', /accuracy/],
    ['{"metrics":[0.9]}', /metrics/],
    ['{"issued":"yesterday"}', /issued/],
    ['{"issued":"2026-13-01T00:00:00Z"}', /moment that exists/],
  ] as const;
  for (const [predicate, problem] of WRONG) {
    it(`refuses ${predicate}`, () => {
      assert.throws(() => parseModelClaim(evaluation(predicate), 'e.att'), mlsignError('evaluation-malformed', problem));
    });
  }

  it('refuses what is said twice, and numbers that are none', () => {
    const refuses = (metrics: string, code: string, message: RegExp) =>
      assert.throws(() => parseModelClaim(evaluation(`{"metrics":${metrics}}`), 'e.att'), mlsignError(code, message));
    refuses('{"accuracy":0.1,"accuracy":0.99}', 'json-duplicate-key', /twice/);
    refuses('{"accuracy":1e999}', 'json-invalid', /not JSON/);
    refuses('{"accuracy":NaN}', 'json-invalid', /not JSON/);
  });
});
