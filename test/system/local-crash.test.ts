import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type HistoryEntry, openStore, type Store } from '../../src/store/index.ts';
import { Sandbox } from '../helpers/sandbox.ts';
import { ACTIONS, KEY } from '../helpers/store-actions.ts';

const CRASHING = join(import.meta.dirname, '..', 'helpers', 'crashing-store.ts');

describe('a store in a directory whose writer is killed', () => {
  const sandbox = new Sandbox();
  after(() => sandbox.remove());

  /** Contents that a version may have. */
  const KNOWN = ['first', 'second', 'by hand', 'new'];

  async function prepare(name: string, contents: readonly string[], byHand?: 'overwritten' | 'deleted'): Promise<Store> {
    const root = sandbox.path(name);
    const store = await openStore({ kind: 'local', root });
    let tag = '';
    for (const content of contents) {
      const written = await store.write(KEY, Buffer.from(content), tag === '' ? 'absent' : { tag });
      tag = written?.tag ?? '';
    }
    const visible = join(root, ...KEY.split('/'));
    if (byHand !== undefined) rmSync(visible);
    if (byHand === 'overwritten') writeFileSync(visible, 'by hand');
    return store;
  }

  async function historyOf(store: Store): Promise<readonly HistoryEntry[]> {
    const entries: HistoryEntry[] = [];
    for await (const entry of store.history('')) entries.push(entry);
    return entries;
  }

  async function crash(root: string, step: number, action: string): Promise<boolean> {
    const child = spawn(process.execPath, [CRASHING, root, String(step), action, sandbox.path('source')], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let errors = '';
    child.stderr.on('data', (data) => (errors += data));
    const [code, signal] = await once(child, 'close');
    assert.ok(signal === 'SIGKILL' || code === 0, errors);
    return signal === 'SIGKILL';
  }

  const cases = [
    ['write', ['first'], 'overwritten'],
    ['upload', ['first'], 'deleted'],
    ['remove', ['first', 'second'], undefined],
  ] as const;

  for (const [action, contents, byHand] of cases) {
    const title = `during ${action} of ${contents.length} versions${byHand === undefined ? '' : `, ${byHand} by hand`}`;
    it(`${title}: shows the old or the new, and goes on`, async function () {
      this.timeout(180_000);
      writeFileSync(sandbox.path('source'), 'new');
      let isKilled = true;
      let steps = 0;
      for (let step = 1; isKilled; step++) {
        const name = `${title}-${step}`.replaceAll(' ', '-');
        const store = await prepare(name, contents, byHand);
        const before = await historyOf(store);
        isKilled = await crash(sandbox.path(name), step, action);
        if (isKilled) steps++;
        const entries = await historyOf(store);
        await checkEntries(store, entries);
        if (action !== 'remove') {
          for (const entry of before.filter(({ version }) => /^\d+$/.test(version)))
            assert.ok(
              entries.some(({ version }) => version === entry.version),
              'nothing is lost',
            );
        }
        const act = ACTIONS[action];
        assert.ok(act);
        if (isKilled) await act(store, sandbox.path('source'), statSync(sandbox.path('source')));
        await checkEntries(store, await historyOf(store));
        const current = await store.current(KEY);
        const shown = current && Buffer.from(await store.read(current, 100)).toString();
        const wanted = { write: ['new'], upload: ['new'], remove: ['first', undefined] }[action];
        assert.ok(
          wanted.some((content) => content === shown),
          `${shown} at step ${step}`,
        );
        assert.deepEqual(await store.abandonedUploads(''), [], `step ${step}`);
        for (const file of readdirSync(sandbox.path(name, '.mlsign/versions/model/folder/file.v')))
          assert.match(file, /^\d+(\.deleted|\.removed|\.new)?$|\.lock$/, `step ${step}`);
        assert.ok(
          readdirSync(sandbox.path(name, 'model', 'folder')).every((file) => file === 'file'),
          'nothing lies beside it',
        );
        rmSync(sandbox.path(name), { recursive: true });
      }
      assert.ok(steps > 8, `only ${steps} steps`);
    });
  }

  async function checkEntries(store: Store, entries: readonly HistoryEntry[]): Promise<void> {
    assert.ok(entries.length === 0 || entries.filter(({ isCurrent }) => isCurrent).length === 1, 'one is current');
    for (const entry of entries.filter(({ isDeleted }) => !isDeleted)) {
      assert.ok(KNOWN.includes(Buffer.from(await store.read(entry, 100)).toString()), 'whole');
    }
  }
});
