import assert from 'node:assert/strict';
import { collectGarbage, pushModel, signModel } from '../../src/app/index.ts';
import { unavailable } from '../../src/core/index.ts';
import { layoutOf, type Store } from '../../src/store/index.ts';
import { fixtureSigner } from '../helpers/keys.ts';
import { S3Bench } from '../helpers/s3.ts';
import { RELEASER, StoredModels, TRAINER, TRUST, testPolicy } from '../helpers/stored-models.ts';

const DAY = 86_400_000;

for (const [kind, open] of [
  ['a directory', async () => undefined],
  ['a bucket', () => S3Bench.start()],
] as const) {
  describe(`a push over what an interrupted one left in ${kind}`, () => {
    let bench: S3Bench | undefined;
    let models: StoredModels;
    let store: Store;
    let path = '';
    const layout = () => layoutOf(models.location());

    before(async () => {
      bench = await open();
    });
    after(() => bench?.stop());
    beforeEach(async () => {
      models = new StoredModels(bench);
      store = await models.open();
      path = models.sandbox.write('model', { 'config.json': '{}', 'weights.bin': `weights ${kind} ${Math.random()}`, empty: '' });
      await signModel(path, { signer: await fixtureSigner(TRAINER) });
    });
    afterEach(async () => {
      for await (const { key, version } of store.history(layout().model)) await store.remove({ key, version });
      await store.close();
      models.remove();
    });

    /** The store, with something done before a call goes to it. */
    function meanwhile(method: 'write' | 'remove', act: (key: string) => Promise<void>): Store {
      return new Proxy(store, {
        get(target, name) {
          const value: unknown = Reflect.get(target, name, target);
          if (typeof value !== 'function') return value;
          return name === method
            ? async (first: string | { readonly key: string }, ...more: readonly unknown[]) => {
                await act(typeof first === 'string' ? first : first.key);
                return value.call(target, first, ...more);
              }
            : value.bind(target);
        },
      });
    }

    async function push(days: number, into = store) {
      const clock = () => new Date(Date.now() + days * DAY);
      return pushModel(path, models.location(), { store: into, policy: testPolicy(), signer: await fixtureSigner(RELEASER), clock });
    }

    /** Leaves files and signatures, and no record. */
    async function interrupt(): Promise<void> {
      const dying = meanwhile('write', async (key) => {
        if (key.startsWith(layout().releases)) throw unavailable('network', 'the connection is gone');
      });
      await assert.rejects(push(0, dying), { code: 'network' });
    }

    it('does not pin what gc is about to remove', async () => {
      await interrupt();
      let pushing: ReturnType<typeof push> | undefined;
      const slow = meanwhile('remove', async () => {
        pushing ??= push(8);
        await pushing;
      });
      const clock = () => new Date(Date.now() + 8 * DAY);
      const { deleted } = await collectGarbage(models.location(), { store: slow, delete: true, clock });
      const pushed = await pushing;
      assert.deepEqual([pushed?.outcome, pushed?.sent.files, pushed?.reused.files, deleted], ['pushed', 0, 3, 4]);
      const verified = await models.run('verify', `${models.url()}@1`, ...TRUST, '--full', '--json');
      assert.equal(verified.code, 0, verified.stdout);
      const after = await collectGarbage(models.location(), { store, minAge: 0, clock });
      assert.deepEqual([after.items, after.tooYoung], [[], 0]);
    });

    it('uses young leftovers as they are, and what a release holds, however old', async () => {
      await interrupt();
      const versions = async () => {
        const found: string[] = [];
        for await (const { key, version } of store.history(layout().model))
          if (!key.startsWith(layout().releases)) found.push(`${key} ${version}`);
        return found;
      };
      const left = await versions();
      assert.equal((await push(3)).outcome, 'pushed');
      assert.deepEqual(await versions(), left);
      assert.equal((await push(30)).outcome, 'unchanged');
      assert.deepEqual(await versions(), left);
    });
  });
}
