import assert from 'node:assert/strict';
import { mlsign } from '../helpers/cli.ts';
import { tellingPeak } from '../helpers/peak-memory.ts';
import { Sandbox } from '../helpers/sandbox.ts';
import { runJson, s3Bed } from '../helpers/store-bed.ts';
import { RELEASER, signingAs, TRAINER, TRUST } from '../helpers/stored-models.ts';

/** A page of the list takes what it takes; kept for each key, a hundred bytes would be too much. */
const LIMIT_MIB = 170;
const EXTRA = 200_000;

describe('a prefix that lists more than anybody wants to know', () => {
  const sandbox = new Sandbox();
  after(() => sandbox.remove());

  it(`is told of within ${LIMIT_MIB} MiB: the first hundred names, and how many more`, async () => {
    const bed = await s3Bed();
    try {
      const model = sandbox.write('model', { 'config.json': '{}', 'weights.bin': 'x' });
      assert.equal((await mlsign(['sign', model, ...signingAs(TRAINER)])).code, 0);
      const push = ['push', model, bed.url('llm'), ...TRUST, ...signingAs(RELEASER)];
      const { model_id } = await runJson<{ model_id: string }>(bed, 0, push);
      const name = (i: number): string => `extra/${String(i).padStart(7, '0')}-that-nobody-has-signed.bin`;
      const names = Array.from({ length: EXTRA }, (_, i) => name(i));
      bed.bench.behind.flood(names.map((file) => `${bed.prefix}llm/${model_id}/${file}`));
      const run = await mlsign(['verify', `${bed.url('llm')}@1`, ...TRUST, '--json'], { env: { ...bed.env, ...tellingPeak() } });
      assert.equal(run.code, 1, run.stderr);
      const { findings } = JSON.parse(run.stdout) as { findings: readonly { subject: string; message: string }[] };
      assert.deepEqual(
        findings.slice(0, 100).map(({ subject }) => subject),
        names.slice(0, 100),
      );
      assert.deepEqual(
        findings.slice(100).map(({ message }) => message),
        [`${EXTRA - 100} more files in the prefix are not part of release 1`],
      );
      const peak = Number(/peak (\d+)/.exec(run.stderr)?.[1]) / 1024;
      assert.ok(peak > 10 && peak < LIMIT_MIB, `${peak} MiB`);
    } finally {
      await bed.close();
    }
  });
});
