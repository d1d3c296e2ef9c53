import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { identityOf } from '../../src/digest/index.ts';
import { type FileUpload, type HistoryEntry, openStore, type Store } from '../../src/store/index.ts';
import { keySegments } from '../../src/store/local-key.ts';
import { type LockTimes, underLock } from '../../src/store/local-lock.ts';
import { ownedName, ownerState } from '../../src/store/local-owner.ts';
import { asUser } from '../helpers/as-user.ts';
import { mlsignError } from '../helpers/keys.ts';
import { Sandbox } from '../helpers/sandbox.ts';

const WRITER = join(import.meta.dirname, '..', 'helpers', 'store-writer.ts');
const IS_WINDOWS = process.platform === 'win32';

describe('the files of a store in a directory', () => {
  const sandbox = new Sandbox();
  let root: string;
  let store: Store;
  let count = 0;

  before(() => chmodSync(sandbox.root, 0o777));
  beforeEach(async () => {
    root = sandbox.path(`store-${++count}`);
    store = await openStore({ kind: 'local', root });
  });
  after(() => sandbox.remove());

  const put = async (key: string, text: string) => {
    const written = await store.write(key, Buffer.from(text), 'absent');
    assert.ok(written);
    return written;
  };
  const history = async (prefix = ''): Promise<readonly HistoryEntry[]> => {
    const entries: HistoryEntry[] = [];
    for await (const entry of store.history(prefix)) entries.push(entry);
    return entries;
  };
  const fileOf = (name: string, text: string): FileUpload => {
    const path = sandbox.path(`source-${count}-${name}`);
    writeFileSync(path, text);
    const digests = [createHash('sha256').update(text).digest('hex')];
    return { key: `model/id/${name}`, path, identity: identityOf(statSync(path)), signed: { algorithm: 'sha256', digests } };
  };
  const versionFiles = (key: string): readonly string[] => readdirSync(join(root, '.mlsign/versions', `${key}.v`)).sort();

  it('lie under their own names, read-only, and every version beside', async () => {
    const first = await put('model/id/weights', 'first');
    await store.write('model/id/weights', Buffer.from('second'), { tag: first.tag });
    assert.equal(readFileSync(join(root, 'model/id/weights'), 'utf8'), 'second');
    assert.deepEqual(readdirSync(root).sort(), ['.mlsign', 'model']);
    assert.deepEqual(readdirSync(join(root, 'model/id')), ['weights']);
    assert.deepEqual(versionFiles('model/id/weights'), ['1', '2']);
    if (!IS_WINDOWS) assert.equal(statSync(join(root, '.mlsign/versions/model/id/weights.v/1')).mode & 0o222, 0);
    assert.equal(readFileSync(join(root, '.mlsign/versions/model/id/weights.v/1'), 'utf8'), 'first');
  });

  it('of the versions are told of by nothing', async () => {
    await put('model/id/weights', 'x');
    await put('.mlsign/revocations.json', 'x');
    assert.deepEqual(
      (await history()).map(({ key }) => key),
      ['.mlsign/revocations.json', 'model/id/weights'],
    );
    assert.deepEqual(await history('.mlsign/versions/'), []);
    assert.deepEqual(await store.folders(''), ['.mlsign', 'model']);
    assert.deepEqual(await store.folders('.mlsign/'), []);
  });

  it('have no name that leads elsewhere', async () => {
    for (const key of [
      '',
      '/a',
      'a//b',
      'a/',
      '../a',
      'a/../b',
      './a',
      'a\0b',
      'a/\uD800',
      '.mlsign/versions/a.v/1',
      'w.v/1/a',
      'w.v/2.new/a',
      'a'.repeat(1025),
    ]) {
      const rejected = mlsignError('key-unsupported', /^a local store has no file for this key: it (has|lies|is) /, {
        outcome: 'refused',
        subject: key,
      });
      await assert.rejects(store.write(key, Buffer.from('x'), 'absent'), rejected, key);
      await assert.rejects(store.current(key), rejected, key);
    }
    await assert.rejects(history('../'), mlsignError('key-unsupported', /has an empty, "\." or "\.\." segment$/));
    assert.ok(!existsSync(root));
    for (const key of ['a:b', 'a?', 'con', 'NUL.txt', 'com1', 'a.', 'a ', 'x/aux/y', 'a\tb', 'a\\b']) {
      assert.throws(() => keySegments(key, 'win32'), mlsignError('key-unsupported', /has a name that Windows reserves$/), key);
      assert.deepEqual(keySegments(key, 'linux'), key.split('/'));
    }
    assert.deepEqual(keySegments('console/nullify.txt', 'win32'), ['console', 'nullify.txt']);
  });

  it('have no name that is longer than the file system allows', async () => {
    await assert.rejects(
      store.write('a'.repeat(254), Buffer.from('x'), 'absent'),
      mlsignError('name-too-long', /longer than the file system allows$/),
    );
    assert.deepEqual(await history(), []);
  });

  it('are no files where a folder is, and no folders where a file is', async () => {
    await put('model/id/a', 'x');
    await assert.rejects(put('model/id', 'x'), mlsignError('key-collision', /^something else lies where/, { got: 'a folder' }));
    await assert.rejects(
      put('model/id/a/b', 'x'),
      mlsignError('key-collision', /^something else lies where/, { got: 'a file where a folder must be' }),
    );
    assert.equal(await store.current('model/id'), undefined);
    assert.equal(await store.current('model/id/a/b'), undefined);
    assert.equal((await history()).length, 1);
  });

  it('of two names that a file system takes for one are refused', async () => {
    await put('model/Weights', 'x');
    const folding = `
      import fs from 'node:fs';
      import { syncBuiltinESMExports } from 'node:module';
      import { basename, dirname, join } from 'node:path';
      const { lstatSync, readdirSync } = fs;
      fs.lstatSync = (path, options) => {
        const found = lstatSync(path, { ...options, throwIfNoEntry: false });
        if (found !== undefined) return found;
        const there = lstatSync(dirname(path), { throwIfNoEntry: false })?.isDirectory() ? readdirSync(dirname(path)) : [];
        const alias = there.find((name) => name.normalize('NFC').toLowerCase() === basename(path).normalize('NFC').toLowerCase());
        return alias === undefined ? undefined : lstatSync(join(dirname(path), alias), options);
      };
      syncBuiltinESMExports();`;
    const script = `
      const { openStore } = await import(${JSON.stringify(new URL('../../src/store/index.ts', import.meta.url).href)});
      const store = await openStore({ kind: 'local', root: ${JSON.stringify(root)} });
      for (const key of ['model/weights', 'MODEL/x', 'model/Weights'])
        await store.write(key, Buffer.from('y'), 'absent').then((done) => console.log(String(done)), (error) => console.log(error.code, error.got));`;
    const preload = `data:text/javascript,${encodeURIComponent(folding)}`;
    const { stdout, stderr } = spawnSync(process.execPath, ['--import', preload, '--input-type=module', '-e', script], {
      encoding: 'utf8',
    });
    const why = 'which this file system takes for the same name';
    assert.equal(stdout, `key-collision Weights.v, ${why}\nkey-collision model, ${why}\nundefined\n`, stderr);
  });

  it('that are links, pipes or folders are not followed, opened or hidden', async function () {
    if (IS_WINDOWS) this.skip();
    const outside = sandbox.write(`outside-${count}`, { secret: 'secret', 'folder/x': 'x' });
    const written = await put('model/id/a', 'ours');
    rmSync(join(root, 'model/id/a'));
    symlinkSync(join(outside, 'secret'), join(root, 'model/id/a'));
    execFileSync('mkfifo', [join(root, 'model/id/pipe')]);
    symlinkSync(join(outside, 'folder'), join(root, 'model/id/linked'));
    const entries = (await history()).filter(({ isCurrent }) => isCurrent);
    assert.deepEqual(
      entries.map(({ key }) => key),
      ['model/id/a', 'model/id/linked', 'model/id/pipe'],
    );
    for (const entry of entries) {
      const rejected = mlsignError('not-a-file', 'this is not a regular file, and a store holds nothing else', {
        subject: join(root, entry.key),
      });
      await assert.rejects(store.current(entry.key), rejected);
      await assert.rejects(
        store.read(entry, 100),
        (error: Error) => 'code' in error && ['not-a-file', 'object-missing'].includes(String(error.code)),
      );
      await assert.rejects(store.write(entry.key, Buffer.from('x'), { tag: entry.version }), rejected);
      await assert.rejects(store.upload([{ ...fileOf('x', 'x'), key: entry.key }], {}), rejected);
    }
    const linked = mlsignError('link-in-store', 'a symbolic link in a store is not followed', {
      outcome: 'refused',
      subject: join(root, 'model/id/linked'),
    });
    await assert.rejects(store.current('model/id/linked/x'), linked);
    await assert.rejects(put('model/id/linked/new', 'x'), linked);
    assert.deepEqual(readdirSync(join(outside, 'folder')), ['x']);
    // What was written is there all the same, and taking the link away brings it back.
    assert.equal(Buffer.from(await store.read(written, 100)).toString(), 'ours');
    const [link] = entries;
    assert.ok(link);
    await store.remove(link);
    assert.deepEqual(await store.current('model/id/a'), written);
    assert.equal(readFileSync(join(outside, 'secret'), 'utf8'), 'secret');
  });

  it('neither reads nor removes what lies behind a link in the place of its versions', async () => {
    const outside = sandbox.write('behind the versions', { 'film.part': 'mine', 1: 'mine' });
    await put('model/id/x', 'x');
    const versions = join(root, '.mlsign/versions/model/id/x.v');
    rmSync(versions, { recursive: true });
    symlinkSync(outside, versions);
    const linked = mlsignError('link-in-store', 'a symbolic link in a store is not followed', { outcome: 'refused', subject: versions });
    await assert.rejects(store.current('model/id/x'), linked);
    await assert.rejects(store.abandonedUploads('model/'), linked);
    await assert.rejects(store.abandon({ key: 'model/id/x', id: 'film.part', started: new Date(0) }), linked);
    assert.deepEqual(readdirSync(outside), ['1', 'film.part']);
  });

  it('with names that are not UTF-8 are not passed over', async function () {
    if (process.platform !== 'linux') this.skip();
    await put('model/id/a', 'x');
    writeFileSync(Buffer.concat([Buffer.from(join(root, 'model/id/')), Buffer.from([0x61, 0xff])]), 'x');
    await assert.rejects(history(), mlsignError('name-invalid', 'a name in the store is not valid UTF-8', { got: 'bytes 61ff' }));
  });

  it('that were put there by hand become versions when something is written over them', async () => {
    const first = await put('a', 'first');
    rmSync(join(root, 'a'));
    writeFileSync(join(root, 'a'), 'by hand');
    const byHand = await store.current('a');
    assert.match(byHand?.version ?? '', /^unversioned-\d+-\d+$/);
    assert.ok(byHand);
    await store.write('a', Buffer.from('third'), { tag: byHand.tag });
    const contents = await Promise.all((await history('a')).map(async (entry) => Buffer.from(await store.read(entry, 100)).toString()));
    assert.deepEqual(contents, ['third', 'by hand', 'first']);
    assert.equal((await history('a')).at(-1)?.version, first.version);
  });

  it('that are not what their version was are found by their digests, even where size and time are the same', async () => {
    const one = fileOf('a', 'right');
    const [object] = await store.upload([one], {});
    assert.ok(object);
    const path = join(root, one.key);
    const { mtime } = statSync(path);
    // Another file of the same size and time: nothing but its bytes tells.
    rmSync(path);
    writeFileSync(path, 'wrong');
    utimesSync(path, mtime, mtime);
    assert.equal((await store.current(one.key))?.version, object.version);
    const [shown] = await store.fetch([{ object, algorithm: 'sha256' }], {});
    assert.notDeepEqual(shown, { size: 5, digests: one.signed.digests });
    const pulled = sandbox.path(`pulled-${count}`);
    assert.deepEqual(await store.fetch([{ object, algorithm: 'sha256', path: pulled }], {}), [{ size: 5, digests: one.signed.digests }]);
    assert.equal(readFileSync(pulled, 'utf8'), 'right');
    await assert.rejects(
      store.upload([one], {}),
      mlsignError('object-exists', 'other bytes lie under this key', { expected: one.signed.digests[0] }),
    );
    await store.restore(object);
    assert.equal(readFileSync(path, 'utf8'), 'right');
  });

  it('whose version was edited in place are not restored from it', async () => {
    const [object] = await store.upload([fileOf('a', 'right')], {});
    assert.ok(object);
    const kept = join(root, '.mlsign/versions/model/id/a.v/1');
    chmodSync(kept, 0o644);
    writeFileSync(kept, 'wrong');
    assert.notDeepEqual(await store.fetch([{ object, algorithm: 'sha256' }], {}), [{ size: 5, digests: object.parts }]);
    const before = await history();
    await assert.rejects(
      store.restore(object),
      mlsignError('object-damaged', 'the bytes of this version are not those that were pinned', { expected: object.parts[0] }),
    );
    assert.deepEqual(await history(), before);
    writeFileSync(kept, '');
    await assert.rejects(store.restore(object), mlsignError('object-damaged', /^the bytes/));
    renameSync(kept, `${kept}0`);
    await assert.rejects(store.restore(object), mlsignError('object-missing', 'there is no such version of the object'));
  });

  it('are not what a plain store knows of buckets', async () => {
    for (const attributes of [
      { sseKmsKey: 'x' },
      { storageClass: 'x' },
      { tags: {} },
      { legalHold: false },
      { retention: { mode: 'GOVERNANCE', until: new Date() } },
    ] as const) {
      const rejected = mlsignError('attribute-unsupported', /^a local store has no encryption/, {
        outcome: 'refused',
        subject: Object.keys(attributes)[0],
      });
      await assert.rejects(store.write('a', Buffer.from('x'), 'absent', attributes), rejected);
      await assert.rejects(store.upload([fileOf('a', 'x')], { attributes }), rejected);
    }
    await store.upload([fileOf('a', 'x')], { attributes: { sseKmsKey: undefined } });
    const [object] = await store.upload([fileOf('a', 'x')], {});
    assert.ok(object);
    assert.deepEqual(await store.attestationTrust(), { kind: 'none', reason: 'a local directory computes no checksums' });
    assert.deepEqual(await store.attest(object), { kind: 'unproven', reason: 'a local directory computes no checksums' });
  });

  it('are read and not written where the directory is read-only', async function () {
    if (IS_WINDOWS) this.skip();
    const [same, another] = [fileOf('a', 'x'), fileOf('b', 'x')];
    const [object] = await store.upload([same], {});
    assert.ok(object);
    await asUser(async () => {
      assert.equal((await store.current('model/id/a'))?.version, '1');
      assert.equal((await history()).length, 1);
      assert.deepEqual(await store.fetch([{ object, algorithm: 'sha256' }], {}), [{ size: 1, digests: object.parts }]);
      assert.equal((await store.upload([same], {}))[0]?.isReused, true);
      const denied = mlsignError('permission-denied', /^cannot (write|store|remove|restore) the (object|file): permission denied$/, {
        outcome: 'unavailable',
      });
      await assert.rejects(store.write('model/id/a', Buffer.from('y'), { tag: '1' }), denied);
      await assert.rejects(store.upload([another], {}), denied);
      await assert.rejects(store.restore(object), denied);
      await assert.rejects(store.remove(object), denied);
    });
    assert.deepEqual(versionFiles('model/id/a'), ['1']);
  });

  it('that may not be read say so, each for itself', async function () {
    if (IS_WINDOWS) this.skip();
    const [closed, open] = await store.upload([fileOf('a', 'x'), fileOf('b', 'y')], {});
    assert.ok(closed && open);
    chmodSync(join(root, 'model/id/a'), 0);
    await asUser(async () => {
      for (const path of [undefined, sandbox.path(`pulled-${count}`)]) {
        const [first, second] = await store.fetch(
          [
            { object: closed, algorithm: 'sha256', path: path && `${path}-a` },
            { object: open, algorithm: 'sha256', path: path && `${path}-b` },
          ],
          {},
        );
        assert.ok(first && 'error' in first);
        assert.equal(first.error.code, 'permission-denied');
        assert.deepEqual(second, { size: 1, digests: open.parts });
      }
    });
  });

  it('are whole or not there where the disk is full', async function () {
    const disk = sandbox.path(`disk-${count}`);
    mkdirSync(disk);
    if (process.platform !== 'linux' || spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'none', disk]).status !== 0) this.skip();
    try {
      const full = await openStore({ kind: 'local', root: disk });
      const large = fileOf('large', 'x'.repeat(300_000));
      const rejected = mlsignError('disk-full', /^cannot (store the file|write the object): no space left on the device$/, {
        outcome: 'unavailable',
      });
      await assert.rejects(full.upload([large], {}), rejected);
      await assert.rejects(full.write(large.key, readFileSync(large.path), 'absent'), rejected);
      assert.equal(await full.current(large.key), undefined);
      assert.deepEqual(await full.abandonedUploads(''), []);
      assert.equal((await full.upload([fileOf('small', 'x')], {}))[0]?.isReused, false, 'nothing of it is left');
    } finally {
      spawnSync('umount', [disk]);
    }
  });

  it('are none where the root is a file, or not there', async () => {
    assert.deepEqual(await history(), []);
    assert.deepEqual(await store.folders(''), []);
    assert.equal(await store.current('a'), undefined);
    assert.ok(!existsSync(root), 'nothing is made by looking');
    writeFileSync(root, 'a file');
    await assert.rejects(
      store.write('a', Buffer.from('x'), 'absent'),
      mlsignError('not-a-directory', /^cannot write the object: a part of the path is not a directory$/),
    );
  });

  describe('for several processes', () => {
    const run = async (action: string, processes: number): Promise<readonly number[]> => {
      const children = Array.from({ length: processes }, (_, index) =>
        spawn(process.execPath, [WRITER, root, action, String(index)], { stdio: ['ignore', 'pipe', 'inherit'] }),
      );
      return await Promise.all(
        children.map(async (child) => {
          let text = '';
          child.stdout.on('data', (data) => (text += data));
          const [code] = await once(child, 'close');
          assert.equal(code, 0);
          return Number(text);
        }),
      );
    };

    it('are made by one of all who make them when there are none', async function () {
      this.timeout(60_000);
      const won = await run('absent', 4);
      assert.equal(
        won.reduce((sum, wins) => sum + wins, 0),
        10,
        `won ${won}`,
      );
      assert.equal((await history()).length, 10);
    });

    it('are replaced by one of all who saw the same', async function () {
      this.timeout(60_000);
      await put('counter', '0');
      assert.deepEqual(await run('count', 3), [10, 10, 10]);
      const current = await store.current('counter');
      assert.ok(current);
      assert.equal(Number(Buffer.from(await store.read(current, 100))), 30, 'no write was lost');
      assert.equal((await history()).length, 31);
      assert.ok(versionFiles('counter').every((name) => /^\d+$/.test(name)));
    });
  });

  describe('that a dead process left', () => {
    const dead = (ending: string): string => {
      const script = `import { ownedName } from ${JSON.stringify(new URL('../../src/store/local-owner.ts', import.meta.url).href)}; process.stdout.write(ownedName(${JSON.stringify(ending)}))`;
      return execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
    };

    it('are reported, removed when asked for, and stand in nobody’s way', async () => {
      await put('model/id/a', 'x');
      const folder = join(root, '.mlsign/versions/model/id/a.v');
      const [left, lock, living] = [dead('part'), dead('lock'), ownedName('part')];
      for (const name of [left, lock, living]) writeFileSync(join(folder, name), 'half');
      const [upload, ...rest] = await store.abandonedUploads('model/');
      assert.ok(upload);
      assert.deepEqual([upload.key, upload.id, rest], ['model/id/a', left, []]);
      assert.deepEqual(await store.abandonedUploads('other/'), []);
      assert.equal((await history()).length, 1);
      await store.abandon({ ...upload, id: '1' });
      await store.abandon({ ...upload, id: '../a.v/1' });
      assert.deepEqual(versionFiles('model/id/a').includes('1'), true);
      await store.abandon(upload);
      assert.deepEqual(await store.abandonedUploads(''), []);
      await store.write('model/id/a', Buffer.from('y'), { tag: '1' });
      assert.deepEqual(versionFiles('model/id/a'), ['1', '2', living].sort());
    });

    it('are told from those of the living, and of processes elsewhere', () => {
      const own = ownedName('lock');
      assert.equal(ownerState(own), 'alive');
      assert.equal(ownerState(dead('lock')), 'dead');
      // The same number, started at another time, is another process.
      if (process.platform === 'linux') assert.equal(ownerState(own.replace(/-\w+-/, '-1-')), 'dead');
      assert.equal(ownerState(own.replace(/-[0-9a-f]{12}-/, '-000000000000-')), 'unknown');
      assert.equal(ownerState('anything.lock'), 'unknown');
    });
  });

  describe('under a lock', () => {
    const times: LockTimes = { wait: 400, silent: 150, beat: 40 };
    const locked = (work: () => Promise<string>, signal?: AbortSignal) => underLock(root, signal, work, times);
    const elsewhere = (): string => join(root, ownedName('lock').replace(/-[0-9a-f]{12}-/, '-000000000000-'));
    beforeEach(() => mkdirSync(root, { recursive: true }));

    it('are waited for, and not for ever', async () => {
      const holder = ownedName('lock');
      writeFileSync(join(root, holder), '');
      const started = performance.now();
      await assert.rejects(
        locked(async () => 'done'),
        mlsignError('store-locked', 'another process has been working on this object for too long', {
          outcome: 'unavailable',
          subject: root,
          got: holder,
        }),
      );
      assert.ok(performance.now() - started > 300);
      assert.deepEqual(readdirSync(root), [holder]);
      await assert.rejects(
        locked(async () => 'done', AbortSignal.timeout(50)),
        mlsignError('interrupted', 'interrupted'),
      );
      rmSync(join(root, holder));
      assert.equal(await locked(async () => 'done'), 'done');
      assert.deepEqual(readdirSync(root), []);
    });

    it('of a process elsewhere are its own while it gives signs of life', async () => {
      const path = elsewhere();
      writeFileSync(path, '');
      let beat = 1;
      const living = setInterval(() => utimesSync(path, beat, beat++), 30);
      // A loaded machine may hold this thread back for a while, too.
      const patient: LockTimes = { ...times, wait: 2500, silent: 1500 };
      await assert.rejects(
        underLock(root, undefined, async () => 'done', patient),
        mlsignError('store-locked', /^another process/),
      );
      clearInterval(living);
      assert.equal(await locked(async () => 'done'), 'done', 'it gives none any more');
      assert.deepEqual(readdirSync(root), []);
    });

    it('let one in at a time, and give signs of life themselves', async () => {
      let inside = 0;
      const turns = Array.from({ length: 6 }, () =>
        underLock(
          root,
          undefined,
          async () => {
            inside++;
            assert.equal(inside, 1);
            const [name = ''] = readdirSync(root);
            const beat = () => statSync(join(root, name)).mtimeMs;
            const first = beat();
            for (let i = 0; i < 200 && beat() === first; i++) await new Promise((resolve) => setTimeout(resolve, 20));
            assert.notEqual(beat(), first);
            inside--;
          },
          { ...times, wait: 10_000 },
        ),
      );
      await Promise.all(turns);
      assert.deepEqual(readdirSync(root), []);
    });
  });
});
