import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { layoutOf } from '../../src/store/index.ts';
import { assertValid } from '../helpers/schemas.ts';
import { StoredModels, TRUST } from '../helpers/stored-models.ts';

describe('mlsign gc', () => {
  let models: StoredModels;
  let modelId: string;
  const lost = 'e'.repeat(64);

  beforeEach(async () => {
    models = new StoredModels();
    ({ modelId } = await models.push());
    await models.promote(1);
  });
  afterEach(() => models.remove());

  async function gc(code: number, ...flags: readonly string[]) {
    const run = await models.run('gc', models.url(), '--json', ...flags);
    assert.equal(run.code, code, run.stderr);
    const document = JSON.parse(run.stdout);
    assertValid('gc', document);
    return document;
  }

  const layout = () => layoutOf(models.location());
  const kinds = ({ items }: { items: readonly { kind: string; key: string }[] }) =>
    items.map(({ kind, key }) => `${kind} ${key.split('/').at(-1)}`);

  /** Something of every kind that nothing refers to. */
  async function litter(): Promise<void> {
    models.overwrite(layout().file(lost, 'a.bin'), 'never released');
    models.overwrite(layout().bundle(lost, 'f'.repeat(64)), 'its signature');
    models.overwrite(layout().file(modelId, 'extra.bin'), 'not of the release');
    await models.put(layout().file(modelId, 'weights.bin'), 'written over');
    await models.put(layout().file(modelId, 'weights.bin'), 'written over again');
  }

  it('has nothing to say of a model that was only pushed and promoted', async () => {
    const { items, verdict, deleted } = await gc(0, '--min-age', '0s');
    assert.deepEqual([items, verdict, deleted], [[], 'verified', 0]);
    assert.match((await models.run('gc', models.url(), '--min-age', '0s')).stdout, /nothing to delete/);
  });

  it('tells what nothing refers to, and deletes nothing', async () => {
    await litter();
    const document = await gc(0, '--min-age', '0s');
    assert.deepEqual(kinds(document), [`extra extra.bin`, 'version weights.bin', `bundle ${'f'.repeat(64)}.sig`, 'model a.bin']);
    assert.equal(document.deleting, false);
    const text = await models.run('gc', models.url(), '--min-age', '0s');
    assert.match(text.stdout, /nothing was deleted: --yes deletes this for good\n$/);
    assert.ok(existsSync(`${models.root}/${layout().file(lost, 'a.bin')}`));
  });

  it('leaves alone what is younger than a week', async () => {
    await litter();
    const { items, too_young } = await gc(0, '--yes');
    assert.deepEqual(items, []);
    assert.ok(too_young >= 3);
    assert.ok(existsSync(`${models.root}/${layout().file(lost, 'a.bin')}`));
  });

  it('deletes with --yes, what was asked for and no more', async () => {
    await litter();
    const { deleted, items } = await gc(0, '--min-age', '0s', '--kind', 'model', '--yes');
    assert.deepEqual([deleted, items.length], [1, 1]);
    assert.equal(existsSync(`${models.root}/${layout().file(lost, 'a.bin')}`), false);
    assert.ok(existsSync(`${models.root}/${layout().file(modelId, 'extra.bin')}`));
    const rest = await gc(0, '--min-age', '0s', '--yes');
    assert.equal(rest.deleted, rest.items.length);
    assert.deepEqual((await gc(0, '--min-age', '0s')).items, []);
  });

  it('keeps every version that a release pins, whatever is current, and every pointer', async () => {
    await litter();
    const pointers = await models.versions(models.pointerKey());
    await gc(0, '--min-age', '0s', '--yes');
    assert.deepEqual(await models.versions(models.pointerKey()), pointers);
    const versions = await models.versions(layout().file(modelId, 'weights.bin'));
    assert.deepEqual(versions.map(String).at(-1), 'weights 1', 'the pinned one');
    assert.equal(String(versions[0]), 'written over again', 'what readers get is for mlsign restore');
    const located = await models.run('locate', `${models.url()}@production`, ...TRUST);
    assert.equal(located.code, 0, located.stderr);
  });

  it('keeps a signature that was added after the release, also where it was written over', async () => {
    const key = layout().bundle(modelId, 'f'.repeat(64));
    models.overwrite(key, 'a signature');
    await models.put(key, 'junk');
    assert.deepEqual((await gc(0, '--min-age', '0s', '--yes')).items, []);
    assert.deepEqual((await models.versions(key)).map(String), ['junk', 'a signature']);
  });

  it('keeps what only an overwritten or deleted record pins', async () => {
    const second = await models.push();
    await models.put(layout().release(1), (await models.versions(layout().release(2)))[0] ?? '');
    models.delete(layout().release(2));
    assert.deepEqual((await gc(0, '--min-age', '0s', '--yes')).items, []);
    assert.equal((await models.versions(layout().file(second.modelId, 'weights.bin'))).length, 1);
  });

  it('deletes nothing where a record cannot be read', async () => {
    await litter();
    models.overwrite(layout().release(7), 'junk');
    const { verdict, deleted, findings } = await gc(3, '--min-age', '0s', '--yes');
    assert.deepEqual([verdict, deleted], ['undetermined', 0]);
    assert.equal(findings[0].code, 'record-unreadable');
    assert.match(findings[0].message, /^what this record refers to is not known, so nothing may be deleted: /);
    assert.ok(existsSync(`${models.root}/${layout().file(lost, 'a.bin')}`));
  });

  it('uses exit code 2 for wrong flags', async () => {
    for (const [args, code] of [
      [['gc', `${models.url()}@1`], 'reference-unexpected'],
      [['gc', models.url(), '--min-age', 'soon'], 'duration-invalid'],
      [['gc', models.url(), '--kind', 'all'], 'usage'],
    ] as const) {
      const run = await models.run(...args);
      assert.equal(run.code, 2, run.stderr);
      assert.ok(run.stderr.includes(`[${code}]`), run.stderr);
    }
  });
});
