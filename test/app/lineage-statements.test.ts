import assert from 'node:assert/strict';
import { copyFileSync, cpSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ShownLineage } from '../../src/app/index.ts';
import { type Finding, sha256Hex } from '../../src/core/index.ts';
import { layoutOf } from '../../src/store/index.ts';
import { from, LineageFolder, material, type TestModel } from '../helpers/lineage.ts';
import { codes } from '../helpers/releases.ts';

/** The one finding with a code. */
function finding({ findings }: Pick<ShownLineage, 'findings'>, code: string): Finding {
  const [found, ...others] = findings.filter((each) => each.code === code);
  assert.ok(found !== undefined && others.length === 0, JSON.stringify(findings));
  return found;
}

const edges = ({ lineage }: ShownLineage) => lineage?.edges.map(({ material: { name, uri } }) => name ?? uri);

describe('several statements about where a model comes from', () => {
  const folder = new LineageFolder();
  let base: TestModel;
  let other: TestModel;

  before(async () => {
    base = await folder.model('base', 'meta');
    other = await folder.model('other', 'meta');
  });
  after(() => folder.remove());

  describe('where a role has a threshold', () => {
    const TWO = 'lineage:\n  model: { signed-by: "2 of [trainer, meta, data]" }\n';

    it('are not believed of one signer, nor of two who say different things', async () => {
      const child = await folder.model('alone');
      await folder.attest(child, [from(base)]);
      const alone = await folder.show(child, TWO);
      assert.equal(alone.verdict, 'undetermined');
      const missing = finding(alone, 'provenance-missing');
      assert.equal(missing.expected, 'provenance signed by 2 of [trainer, meta, data]');
      assert.match(missing.got ?? '', /^provenance signed by trainer /);
      assert.deepEqual(edges(alone), []);
      await folder.attest(child, [from(other)], {}, 'meta');
      assert.equal(finding(await folder.show(child, TWO), 'provenance-missing').severity, 'undetermined');
    });

    it('are not believed of one signer who says it twice', async () => {
      const child = await folder.model('twice');
      await folder.attest(child, [from(base)]);
      await folder.attest(child, [from(base)], { invocation: 'https://ci.example.com/2' });
      assert.equal(finding(await folder.show(child, TWO), 'provenance-missing').severity, 'undetermined');
    });

    it('are believed of as many as must say the same, in whatever order and by whatever name, and of nobody else', async () => {
      const child = await folder.model('together');
      await folder.attest(child, [from(base), material({ sha256: 'a'.repeat(64) })]);
      await folder.attest(child, [material({ sha256: 'a'.repeat(64) }, 'dataset', { name: 'data' }), from(base)], {}, 'data');
      await folder.attest(child, [from(other)], {}, 'meta');
      const shown = await folder.show(child, TWO);
      assert.deepEqual(codes(shown.findings), ['warning lineage-role-unlisted']);
      assert.equal(shown.verdict, 'verified');
      assert.deepEqual(new Set(shown.lineage?.edges.map(({ to }) => to)), new Set([`mlsignModel:${base.id}`, `sha256:${'a'.repeat(64)}`]));
    });
  });

  describe('that name different bases', () => {
    const SIGNED = 'lineage:\n  base-model: { signed-by: meta }\n';
    let child: TestModel;
    before(async () => {
      child = await folder.model('torn');
      await folder.attest(child, [from(base)]);
      await folder.attest(child, [from(other)]);
    });

    it('are rejected where the policy asks for lineage', async () => {
      const shown = await folder.show(child, SIGNED);
      assert.equal(shown.verdict, 'rejected');
      const { message, severity, expected, got, subject } = finding(shown, 'provenance-contradicts');
      assert.deepEqual(
        [severity, message],
        ['rejected', 'two statements about where it comes from name different bases: one of them is false'],
      );
      assert.match(subject, /^torn /);
      assert.match(`${expected} ${got}`, new RegExp(base.id));
      assert.match(`${expected} ${got}`, new RegExp(other.id));
    });

    it('are a warning where nothing is verified', async () => {
      const shown = await folder.show(child);
      assert.equal(finding(shown, 'provenance-contradicts').severity, 'warning');
      assert.equal(shown.verdict, 'verified');
    });

    it('are none where one says more than the other, or something else', async () => {
      const merged = await folder.model('more');
      await folder.attest(merged, [from(base)]);
      await folder.attest(merged, [from(base), from(other)]);
      await folder.attest(merged, [material({ sha256: 'b'.repeat(64) })]);
      assert.deepEqual(codes((await folder.show(merged, SIGNED)).findings), []);
    });
  });

  it('are sought in every place: a copy without them hides those of another', async () => {
    const middle = await folder.model('middle', 'meta');
    const attestation = await folder.attest(middle, [from(base)], {}, 'meta');
    const child = await folder.model('leaf');
    await folder.attest(child, [from(middle)]);
    const store = folder.path('store');
    const bundles = layoutOf({ prefix: '', name: 'middle' }).bundles(middle.id);
    mkdirSync(join(store, bundles), { recursive: true });
    for (const [path, ending] of [
      [join(middle.path, 'model.sig'), 'sig'],
      [attestation, 'att'],
    ] as const) {
      copyFileSync(path, join(store, bundles, `${sha256Hex(readFileSync(path))}.${ending}`));
    }
    rmSync(attestation);
    const searchStores = [{ store: { kind: 'local' as const, root: store }, prefix: '' }];
    const near = await folder.show(child, 'lineage:\n  base-model: { signed-by: meta }\n', { searchStores });
    assert.deepEqual(edges(near), ['middle', 'base']);
    // Nothing lies beside the model: the store alone has it.
    const far = folder.path('far');
    cpSync(child.path, `${far}/leaf`, { recursive: true });
    renameSync(`${child.path}.mlsign`, `${far}/leaf.mlsign`);
    assert.deepEqual(edges(await folder.show({ ...child, path: `${far}/leaf` }, undefined, { searchStores })), ['middle', 'base']);
  });
});
