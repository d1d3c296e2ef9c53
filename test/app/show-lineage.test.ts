import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import type { ShownLineage } from '../../src/app/index.ts';
import type { Finding } from '../../src/core/index.ts';
import { BUILDER, from, LineageFolder, material, type TestModel } from '../helpers/lineage.ts';
import { codes } from '../helpers/releases.ts';

const SIGNED = `lineage:
  model: { builders: ["${BUILDER}"] }
  base-model: { signed-by: meta }
  dataset: { signed-by: data }
`;

/** The one finding with a code. */
function finding({ findings }: Pick<ShownLineage, 'findings'>, code: string): Finding {
  const found = findings.filter((each) => each.code === code);
  assert.equal(found.length, 1, JSON.stringify(findings));
  assert.ok(found[0]);
  return found[0];
}

function verdicts({ lineage }: ShownLineage): Readonly<Record<string, string>> {
  return Object.fromEntries(lineage?.nodes.map(({ name, id, verdict }) => [name ?? id, verdict]) ?? []);
}

describe('the lineage of a model on disk', () => {
  const folder = new LineageFolder();
  let base: TestModel;
  let data: TestModel;
  let tuned: TestModel;
  let adapter: TestModel;

  before(async () => {
    base = await folder.model('base', 'meta');
    data = await folder.model('corpus', 'data');
    tuned = await folder.model('tuned');
    adapter = await folder.model('adapter');
    await folder.attest(base, [from(data, 'dataset')], {}, 'meta');
    await folder.attest(
      tuned,
      [from(base), from(data, 'dataset'), material({ gitCommit: 'a'.repeat(40) }, 'code', { uri: 'git+https://example.com/train' })],
      { relation: 'finetune' },
    );
    await folder.attest(adapter, [from(tuned, 'base-model')], { relation: 'adapter' });
  });
  after(() => folder.remove());

  it('is shown without trust, and says that nothing was verified', async () => {
    const shown = await folder.show(adapter);
    assert.equal(shown.isVerified, false);
    assert.deepEqual(verdicts(shown), {
      adapter: 'not-checked',
      tuned: 'not-checked',
      base: 'not-checked',
      corpus: 'not-checked',
      [`gitCommit:${'a'.repeat(40)}`]: 'not-checked',
    });
    assert.deepEqual(
      shown.checks.map(({ name, status }) => [name, status]),
      [['lineage', 'skipped']],
    );
  });

  it('is verified to the roots, each ancestor under the trust of its role', async () => {
    const shown = await folder.show(tuned, SIGNED);
    assert.deepEqual(codes(shown.findings), []);
    assert.equal(shown.verdict, 'verified');
    assert.deepEqual(verdicts(shown), {
      tuned: 'verified',
      base: 'verified',
      corpus: 'verified',
      [`gitCommit:${'a'.repeat(40)}`]: 'not-checked',
    });
  });

  it('rejects a parent that is signed by those of another role', async () => {
    const shown = await folder.show(adapter, SIGNED);
    assert.equal(shown.verdict, 'rejected');
    const { subject, expected, message } = finding(shown, 'lineage-signer-missing');
    assert.match(subject, /^tuned \([0-9a-f]{12}…\)$/);
    assert.equal(message, 'this base model is not signed by those who may sign one');
    assert.equal(expected, 'meta');
  });
  void rmSync;
});
