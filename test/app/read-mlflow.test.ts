import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { readMlflowRun } from '../../src/app/index.ts';
import { mlsignError } from '../helpers/keys.ts';
import { Sandbox } from '../helpers/sandbox.ts';

const COMMIT = 'a'.repeat(40);
const RUN = '0123456789abcdef0123456789abcdef';
const DATASET = 'd'.repeat(32);

const META = `artifact_uri: file:///srv/me/mlruns/0/${RUN}/artifacts
end_time: 1772370000500
entry_point_name: ''
experiment_id: '0'
lifecycle_stage: active
run_id: ${RUN}
run_name: gentle-mouse-7
source_name: ''
start_time: 1772366400000
status: 3
user_id: me
`;

/** As the file store of MLflow lays a run out. */
const FILES = {
  [`0/${RUN}/meta.yaml`]: META,
  [`0/${RUN}/params/lr`]: '0.1',
  [`0/${RUN}/params/optimizer/name`]: 'adam',
  [`0/${RUN}/params/hf_token`]: 's3cr3t',
  [`0/${RUN}/metrics/accuracy`]: '1772366400000 0.5 0\n1772366500000 0.93 1\n',
  [`0/${RUN}/metrics/loss`]: '1772366400000 nan 0\n',
  [`0/${RUN}/tags/mlflow.source.git.commit`]: COMMIT,
  [`0/${RUN}/tags/mlflow.source.git.repoURL`]: 'https://user:s3cr3t@example.com/acme/train.git',
  [`0/${RUN}/inputs/${'1'.repeat(32)}/meta.yaml`]: `destination_id: ${DATASET}\ndestination_type: RUN\nsource_id: ${DATASET}\nsource_type: DATASET\ntags:\n  mlflow.data.context: train\n`,
  [`0/datasets/${DATASET}/meta.yaml`]: `digest: ab12cd34\nname: reviews\nprofile: '{"num_rows": 3}'\nschema: '{}'\nsource: '{"uri": "/srv/me/reviews.csv"}'\nsource_type: local\n`,
};

describe('readMlflowRun', () => {
  const sandbox = new Sandbox();
  let serial = 0;
  after(() => sandbox.remove());

  function run(change: Readonly<Record<string, string>> = {}): string {
    return `${sandbox.write(`${serial++}`, { ...FILES, ...change })}/0/${RUN}`;
  }

  it('takes data, code, parameters, last metrics, times and the run itself', async () => {
    const facts = await readMlflowRun(run());
    assert.deepEqual(facts.materials, [
      {
        role: 'code',
        uri: 'git+https://example.com/acme/train.git',
        digest: { kind: 'gitCommit', value: COMMIT },
        digests: { gitCommit: COMMIT },
      },
      { role: 'dataset', name: 'reviews', digest: { kind: 'mlflowDigest', value: 'ab12cd34' }, digests: { mlflowDigest: 'ab12cd34' } },
    ]);
    assert.deepEqual(facts.parameters, { lr: '0.1', 'optimizer/name': 'adam' });
    assert.deepEqual(facts.metrics, { accuracy: 0.93 });
    assert.equal(facts.invocation, RUN);
    assert.equal(facts.started?.toISOString(), '2026-03-01T12:00:00.000Z');
    assert.equal(facts.finished?.toISOString(), '2026-03-01T13:00:00.500Z');
    assert.deepEqual(
      facts.findings.map(({ code }) => code),
      ['secret-left-out', 'secret-stripped', 'metric-left-out'],
    );
    assert.ok(!JSON.stringify(facts).includes('s3cr3t') && !JSON.stringify(facts).includes('/srv/me'));
  });

  it('takes a run that says little of itself', async () => {
    const path = run({ [`0/${RUN}/meta.yaml`]: `run_id: ${RUN}\nend_time: null\n` });
    for (const folder of ['params', 'metrics', 'tags', 'inputs']) rmSync(`${path}/${folder}`, { recursive: true });
    const { materials, parameters, metrics, started, finished, findings } = await readMlflowRun(path);
    assert.deepEqual([materials, parameters, metrics, started, finished, findings], [[], {}, {}, undefined, undefined, []]);
  });

  it('reads only the end of a metric that has a line a step', async () => {
    const path = run();
    writeFileSync(`${path}/metrics/accuracy`, `${'1772366400000 0.1 0\n'.repeat(200_000)}1772366500000 0.97 200000\n`);
    assert.equal((await readMlflowRun(path)).metrics.accuracy, 0.97);
  });

  it('refuses what is no run, and datasets that lead elsewhere', async () => {
    for (const [change, code, message] of [
      [{ [`0/${RUN}/meta.yaml`]: 'a: 1\n' }, 'mlflow-malformed', /run_id: expected the id of a run/],
      [{ [`0/${RUN}/meta.yaml`]: 'run_id: [1\n' }, 'yaml-invalid', /the run of MLflow is not plain YAML/],
      [{ [`0/${RUN}/inputs/${'1'.repeat(32)}/meta.yaml`]: 'source_type: DATASET\nsource_id: ../../x\n' }, 'mlflow-malformed', /source_id/],
      [
        { [`0/${RUN}/inputs/${'1'.repeat(32)}/meta.yaml`]: 'source_type: DATASET\nsource_id: none\n' },
        'file-not-found',
        /dataset of MLflow/,
      ],
      [{ [`0/datasets/${DATASET}/meta.yaml`]: 'name: x\n' }, 'mlflow-malformed', /digest: expected a digest/],
      [{ [`0/${RUN}/params/long`]: 'x'.repeat(70_000) }, 'file-too-large', /larger than mlsign reads/],
    ] as const) {
      await assert.rejects(readMlflowRun(run(change)), mlsignError(code, message), message.source);
    }
    await assert.rejects(readMlflowRun(sandbox.path('nowhere')), mlsignError('file-not-found', /run of MLflow/));
  });
});
