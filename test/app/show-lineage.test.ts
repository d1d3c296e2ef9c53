import assert from 'node:assert/strict';
import { basename } from 'node:path';
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

let sequence = 0;

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

  it('leaves it open where a parent that must be signed is missing, and does not where it may be', async () => {
    const child = await folder.model('orphan');
    await folder.attest(child, [from({ name: 'gone', id: 'f'.repeat(64) })]);
    const shown = await folder.show(child, SIGNED);
    assert.equal(shown.verdict, 'undetermined');
    const missing = finding(shown, 'lineage-parent-missing');
    assert.equal(missing.severity, 'undetermined');
    assert.equal(missing.expected, `mlsignModel:${'f'.repeat(64)}`);
    assert.match(missing.suggestion ?? '', /--search DIR/);
    const lenient = await folder.show(child, 'lineage:\n  base-model: { signed-by: meta, required: false }\n');
    assert.equal(lenient.verdict, 'verified');
    assert.equal(finding(lenient, 'lineage-parent-missing').severity, 'note');
  });

  it('finds a parent that lies elsewhere only by its model id, where it is told to look', async () => {
    const far = await folder.model('far', 'meta', 'elsewhere');
    const child = await folder.model('child-of-far');
    await folder.attest(child, [from({ name: 'base', id: far.id })]);
    assert.equal((await folder.show(child, SIGNED)).verdict, 'undetermined');
    const shown = await folder.show(child, SIGNED, { search: [folder.path('elsewhere')] });
    assert.equal(shown.verdict, 'verified');
    assert.equal(shown.lineage?.nodes[1]?.where, far.path);
  });

  it('binds a parent by its id: another model under its name and place is not it', async () => {
    const evil = await folder.model('evil', 'stranger');
    const child = await folder.model('relabelled');
    await folder.attest(child, [from({ name: 'base', id: evil.id }, 'base-model', { uri: `file:${base.path}` })], { relation: 'finetune' });
    const shown = await folder.show(child, SIGNED);
    assert.equal(shown.verdict, 'rejected');
    assert.equal(finding(shown, 'lineage-signer-missing').got, 'no trusted signature');
  });

  it('rejects a fine-tune whose base is left out, or put under another role', async () => {
    for (const [name, materials] of [
      ['left-out', [from(data, 'dataset')]],
      ['other-role', [from(base, 'config'), from(data, 'dataset')]],
    ] as const) {
      const child = await folder.model(name);
      await folder.attest(child, materials, { relation: 'finetune' });
      const shown = await folder.show(child, SIGNED);
      assert.equal(shown.verdict, 'rejected', name);
      const missing = finding(shown, 'lineage-base-missing');
      assert.equal(missing.message, 'its provenance says that it is a fine-tuned model, and does not name what it was made from');
      assert.equal(missing.expected, '1 or more of base-model');
    }
  });

  it('rejects a merge of one model', async () => {
    const merged = await folder.model('merged');
    await folder.attest(merged, [from(base), from(base, 'adapter')], { relation: 'merge' });
    const shown = await folder.show(merged, SIGNED);
    assert.equal(finding(shown, 'lineage-base-missing').expected, '2 or more of base-model, adapter');
  });

  it('rejects a base that is left out together with the word that it was fine-tuned, where the policy asks for one', async () => {
    const child = await folder.model('silent');
    await folder.attest(child, [from(data, 'dataset')]);
    const shown = await folder.show(child, `${SIGNED.replace('signed-by: meta', 'signed-by: meta, minimum: 1')}`);
    assert.equal(shown.verdict, 'rejected');
    const missing = finding(shown, 'lineage-material-missing');
    assert.deepEqual([missing.expected, missing.got], ['1 or more in the role base-model', '0']);
  });

  it('warns of a model in a role that the policy says nothing of', async () => {
    const child = await folder.model('unlisted');
    await folder.attest(child, [from(base), from(data, 'tokenizer')]);
    const shown = await folder.show(child, SIGNED);
    assert.deepEqual(codes(shown.findings), ['warning lineage-role-unlisted']);
    assert.equal(verdicts(shown).corpus, 'not-checked');
  });

  it('rejects a builder that the signer may not speak for', async () => {
    const child = await folder.model('by-laptop');
    await folder.attest(child, [from(base)], { builder: 'https://laptop.example.com' });
    const shown = await folder.show(child, SIGNED);
    assert.equal(shown.verdict, 'rejected');
    const { expected, got, message } = finding(shown, 'builder-not-allowed');
    assert.equal(message, 'whoever signed this provenance may not speak for the builder that it names');
    assert.equal(expected, BUILDER);
    assert.match(got ?? '', /^https:\/\/laptop\.example\.com, signed by trainer /);
  });

  it('counts no attestation about another model', async () => {
    const child = await folder.model('borrower');
    await folder.attest(tuned, [from(base)], { relation: 'finetune', invocation: 'https://ci.example.com/1' }, 'trainer', child);
    const shown = await folder.show(child, SIGNED);
    assert.equal(shown.verdict, 'undetermined');
    assert.deepEqual(codes(shown.findings).toSorted(), ['undetermined provenance-missing', 'warning attestation-other-model']);
    assert.deepEqual(
      [finding(shown, 'attestation-other-model').expected, finding(shown, 'attestation-other-model').got],
      [child.id, tuned.id],
    );
    const { subject, message } = finding(shown, 'attestation-other-model');
    assert.equal(finding(shown, 'provenance-missing').got, `${basename(subject)}: ${message}`);
    assert.equal(shown.lineage?.nodes.length, 1);
  });

  it('says why the provenance that is there does not count', async () => {
    const child = await folder.model('damaged');
    folder.write('models/damaged.mlsign', { '0.att': '0', '1.att': '1', '2.att': '2', '3.att': '3' });
    const { got } = finding(await folder.show(child, SIGNED), 'provenance-missing');
    assert.match(got ?? '', /^0\.att: .*; 1\.att: .*; 2\.att: .*; and 1 more$/);
  });

  it('believes no provenance by one who may not say it: neither by a stranger, nor by the signer of another role', async () => {
    for (const who of ['stranger', 'data'] as const) {
      const child = await folder.model(`said-by-${who}`);
      await folder.attest(child, [from(base)], {}, who);
      const shown = await folder.show(child, SIGNED);
      assert.equal(shown.verdict, 'undetermined', who);
      assert.equal(finding(shown, 'provenance-missing').expected, 'provenance signed by trainer');
      assert.equal(shown.lineage?.edges.length, 0);
    }
  });

  it('is not spoilt by what strangers put beside it', async () => {
    const child = await folder.model('besieged');
    await folder.attest(child, [from(base)]);
    await folder.attest(child, [from({ name: 'evil', id: 'e'.repeat(64) })], {}, 'stranger');
    folder.write('models/besieged.mlsign', { 'ffffffffffffffff.att': 'no bundle' });
    const shown = await folder.show(child, SIGNED);
    assert.equal(shown.verdict, 'verified');
    assert.deepEqual(new Set(codes(shown.findings).map((code) => code.split(' ')[0])), new Set(['warning']));
  });

  it('rejects a dataset that must be signed, and is bound by a digest alone', async () => {
    const child = await folder.model('unsigned-data');
    await folder.attest(child, [material({ sha256: '1'.repeat(64) })]);
    const shown = await folder.show(child, SIGNED);
    assert.equal(finding(shown, 'lineage-parent-unsigned').got, `sha256:${'1'.repeat(64)}`);
    assert.equal(shown.verdict, 'rejected');
  });

  it('rejects what comes from where the policy wants none from', async () => {
    const lines = 'lineage:\n  code: { from: ["git+https://example.com/**"] }\n';
    for (const [uri, isFine] of [
      ['git+https://example.com/train', true],
      ['git+https://evil.example/train', false],
      ['git+https://example.com/a/../../b', false],
      ['git+https://example.com/%2e%2e/b', false],
      ['git+https://example.com.evil.example/x', false],
      [undefined, false],
    ] as const) {
      const child = await folder.model(`from-${sequence++}`);
      await folder.attest(child, [material({ gitCommit: 'b'.repeat(40) }, 'code', uri === undefined ? {} : { uri })]);
      const shown = await folder.show(child, lines);
      assert.equal(shown.verdict, isFine ? 'verified' : 'rejected', uri);
      if (!isFine) assert.equal(finding(shown, 'lineage-place-not-allowed').got, uri ?? 'no place');
    }
  });

  it('rejects a circle of statements', async () => {
    const one = await folder.model('one');
    const two = await folder.model('two');
    await folder.attest(one, [from(two)]);
    await folder.attest(two, [from(one)]);
    const shown = await folder.show(one, 'lineage:\n  base-model: { signed-by: trainer }\n');
    assert.equal(shown.verdict, 'rejected');
    assert.equal(finding(shown, 'lineage-cycle').severity, 'rejected');
  });

  it('judges a model that has two roles under both', async () => {
    const child = await folder.model('two-roles');
    await folder.attest(child, [from(data), from(data, 'dataset')]);
    const shown = await folder.show(child, SIGNED);
    assert.equal(finding(shown, 'lineage-signer-missing').message, 'this base model is not signed by those who may sign one');
    assert.equal(verdicts(shown).corpus, 'rejected');
  });

  it('warns where a material is bound by a digest that others can match', async () => {
    const child = await folder.model('weak');
    await folder.attest(child, [material({ md5: '0'.repeat(32) })]);
    assert.equal(finding(await folder.show(child, 'lineage:\n  model: { required: true }\n'), 'lineage-digest-weak').severity, 'warning');
  });

  it('asks every ancestor to be signed where the policy says nothing of lineage', async () => {
    const shown = await folder.show(tuned, '');
    assert.equal(shown.verdict, 'rejected');
    assert.equal(shown.findings.filter(({ code }) => code === 'lineage-signer-missing').length, 2);
  });

  it('looks for nothing where the model itself is not signed by those who may', async () => {
    const foreign = await folder.model('foreign', 'stranger');
    await folder.attest(foreign, [from(base)]);
    const shown = await folder.show(foreign, SIGNED);
    assert.equal(shown.verdict, 'rejected');
    assert.equal(shown.lineage, undefined);
    assert.equal(shown.checks.find(({ name }) => name === 'lineage')?.status, 'skipped');
  });
});
