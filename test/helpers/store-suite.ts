import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { HashType } from '../../src/core/index.ts';
import { createHasher, identityOf } from '../../src/digest/index.ts';
import type { CurrentObject, FileUpload, HistoryEntry, SignedContent, Store, UploadedObject } from '../../src/store/index.ts';
import { mlsignError } from './keys.ts';
import { Sandbox } from './sandbox.ts';

/** A store that the suite runs against. */
export interface StoreTarget {
  /** A client of it; each has its own connections. The suite closes it. */
  open(): Store | Promise<Store>;
  /** Every key of the suite begins with it: empty, or ending with `/`. */
  readonly prefix: string;
  /** Bytes that go up as one part; without it, only small files are tried. */
  readonly partSize?: number;
  /** Writes a key as a client does that knows nothing of mlsign: whatever was there is no longer current. */
  overwrite(key: string, data: Uint8Array): Promise<void>;
  /** Deletes a key as such a client does: its versions stay. */
  delete(key: string): Promise<void>;
  close?(): Promise<void>;
}

/** What a store does not do as all others do. */
export interface StoreSuiteOptions {
  /** Why conditional writes are not tested: the server takes no conditions. */
  readonly noConditions?: string;
  /** Why nothing is written under a condition where a key was deleted: the server takes a delete marker for an object. */
  readonly noWriteOverMarker?: string;
}

/** What must hold of every store, whatever keeps it. */
export function describeStore(name: string, setup: () => StoreTarget | Promise<StoreTarget>, options: StoreSuiteOptions = {}): void {
  describe(name, () => {
    const sandbox = new Sandbox();
    let target: StoreTarget;
    let store: Store;
    let other: Store;
    let folders = 0;
    /** A folder of keys that no other test uses. */
    let folder: string;

    before(async () => {
      target = await setup();
      store = await target.open();
      other = await target.open();
    });
    beforeEach(() => {
      folder = `${target.prefix}suite-${++folders}/`;
    });
    after(async () => {
      await store?.close();
      await other?.close();
      await target?.close?.();
      sandbox.remove();
    });

    const put = async (key: string, text: string): Promise<CurrentObject> => {
      const written = await store.write(key, Buffer.from(text), 'absent');
      assert.ok(written, `${key} is written`);
      return written;
    };
    const history = async (prefix: string): Promise<readonly HistoryEntry[]> => {
      const entries: HistoryEntry[] = [];
      for await (const entry of store.history(prefix)) entries.push(entry);
      return entries;
    };
    const text = async (object: Pick<CurrentObject, 'key' | 'version'>): Promise<string> =>
      Buffer.from(await store.read(object, 1000)).toString();
    const currentText = async (key: string): Promise<string | undefined> => {
      const current = await store.current(key);
      return current === undefined ? undefined : await text(current);
    };

    /** A file to upload, and what is signed of it. */
    const file = async (fileName: string, data: Uint8Array, how: Omit<SignedContent, 'digests'> = { algorithm: 'sha256' }) => {
      const path = sandbox.path(folder, fileName);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, data);
      const signed = { ...how, digests: await digestsOf(data, how) };
      return { key: `${folder}${fileName}`, path, identity: identityOf(statSync(path)), signed } satisfies FileUpload;
    };
    const upload = async (...files: readonly FileUpload[]): Promise<readonly UploadedObject[]> => store.upload(files, {});
    const uploadOne = async (one: FileUpload): Promise<UploadedObject> => {
      const [uploaded] = await upload(one);
      assert.ok(uploaded);
      return uploaded;
    };
    const fetched = async (object: UploadedObject, path?: string, how: Omit<SignedContent, 'digests'> = { algorithm: 'sha256' }) => {
      const [result] = await store.fetch([{ object, path, ...how }], {});
      assert.ok(result);
      return result;
    };

    describe('small objects', () => {
      it('are read as they were written, by version', async () => {
        const key = `${folder}a.json`;
        assert.equal(await store.current(key), undefined);
        const written = await put(key, 'first');
        assert.equal(written.key, key);
        assert.equal(written.size, 5);
        assert.notEqual(written.version, '');
        assert.deepEqual(await store.current(key), written);
        assert.equal(await text(written), 'first');
        assert.deepEqual(await other.current(key), written, 'another client sees it');
      });

      it('of no bytes are objects too', async () => {
        const written = await put(`${folder}empty`, '');
        assert.equal(written.size, 0);
        assert.equal(await text(written), '');
      });

      it('keep their versions when they are replaced', async () => {
        const key = `${folder}a`;
        const first = await put(key, 'first');
        const second = await store.write(key, Buffer.from('second'), { tag: first.tag });
        assert.ok(second);
        assert.notEqual(second.version, first.version);
        assert.equal(await text(first), 'first');
        assert.equal(await text(second), 'second');
        assert.equal(await currentText(key), 'second');
      });

      it('are read in ranges, of the version that is asked for', async () => {
        const key = `${folder}a`;
        const first = await put(key, '0123456789');
        await store.write(key, Buffer.from('abcdefghij'), { tag: first.tag });
        const into = Buffer.alloc(4);
        await store.readRange(first, 3, into);
        assert.equal(into.toString(), '3456');
        await failing(store.readRange({ ...first, size: 20 }, 3, into), 'object-truncated', {
          outcome: 'refused',
          subject: `${store.url}/${key}`,
          expected: '20 bytes',
          got: '10 bytes',
        });
      });

      it('are refused where they are larger than the caller reads', async () => {
        const written = await put(`${folder}a`, '12345');
        assert.equal(Buffer.from(await store.read(written, 5)).toString(), '12345');
        await failing(store.read(written, 4), 'object-too-large', {
          outcome: 'refused',
          subject: `${store.url}/${folder}a`,
          expected: 'at most 4 bytes',
        });
      });

      it('that are not there say so', async () => {
        const written = await put(`${folder}a`, 'here');
        for (const object of [{ ...written, key: `${folder}b` }, await removed(`${folder}c`)]) {
          await failing(store.read(object, 100), 'object-missing', { outcome: 'unavailable', subject: `${store.url}/${object.key}` });
        }
      });

      async function removed(key: string): Promise<CurrentObject> {
        const written = await put(key, 'gone soon');
        await store.remove(written);
        return written;
      }

      it('that were deleted or overwritten by others are still there by version', async () => {
        const key = `${folder}a`;
        const written = await put(key, 'ours');
        await target.overwrite(key, Buffer.from('theirs'));
        const theirs = await store.current(key);
        assert.ok(theirs);
        assert.notEqual(theirs.version, written.version);
        assert.equal(await text(theirs), 'theirs');
        assert.equal(await text(written), 'ours');
        await target.delete(key);
        assert.equal(await store.current(key), undefined);
        assert.equal(await text(written), 'ours');
      });

      it('have any name that a model may have', async () => {
        for (const name of NAMES) {
          const written = await put(`${folder}${name}`, name);
          assert.equal(await text(written), name);
        }
        assert.deepEqual(
          (await history(folder)).map(({ key }) => key),
          [...NAMES].sort(byCodePoint).map((name) => folder + name),
        );
      });
    });

    describe('conditional writes', () => {
      before(function () {
        if (options.noConditions !== undefined) this.skip();
      });

      it('write nothing where something is there already', async () => {
        const key = `${folder}a`;
        const first = await put(key, 'first');
        assert.equal(await store.write(key, Buffer.from('other'), 'absent'), undefined);
        assert.deepEqual(await store.current(key), first);
        assert.equal((await history(key)).length, 1);
      });

      it('find their own write, where its answer was lost', async () => {
        const key = `${folder}a`;
        const first = await put(key, 'same');
        assert.deepEqual(await store.write(key, Buffer.from('same'), 'absent'), first);
        assert.equal((await history(key)).length, 1);
      });

      it('pass over a delete marker', async function () {
        if (options.noWriteOverMarker !== undefined) this.skip();
        const key = `${folder}a`;
        const first = await put(key, 'first');
        await target.delete(key);
        const second = await put(key, 'second');
        assert.equal(await currentText(key), 'second');
        const entries = await history(key);
        assert.deepEqual(
          entries.map(({ version, isCurrent, isDeleted }) => ({ version: isDeleted ? '-' : version, isCurrent, isDeleted })),
          [
            { version: second.version, isCurrent: true, isDeleted: false },
            { version: '-', isCurrent: false, isDeleted: true },
            { version: first.version, isCurrent: false, isDeleted: false },
          ],
        );
      });

      it('replace only what had the tag', async () => {
        const key = `${folder}a`;
        const first = await put(key, 'first');
        const second = await store.write(key, Buffer.from('second'), { tag: first.tag });
        assert.ok(second);
        assert.equal(await other.write(key, Buffer.from('third'), { tag: first.tag }), undefined);
        assert.equal(await currentText(key), 'second');
        await target.overwrite(key, Buffer.from('by hand'));
        assert.equal(await store.write(key, Buffer.from('fourth'), { tag: second.tag }), undefined);
        assert.equal(await currentText(key), 'by hand');
        const byHand = await store.current(key);
        assert.ok(byHand);
        assert.ok(await store.write(key, Buffer.from('fifth'), { tag: byHand.tag }));
        assert.equal(await currentText(key), 'fifth');
        assert.equal((await history(key)).length, 4, 'what was put there by hand is kept');
      });

      it('replace nothing where the key was deleted', async function () {
        if (options.noWriteOverMarker !== undefined) this.skip();
        const key = `${folder}a`;
        const first = await put(key, 'first');
        await target.delete(key);
        assert.equal(await store.write(key, Buffer.from('second'), { tag: first.tag }), undefined);
        assert.equal(await store.write(`${folder}never`, Buffer.from('x'), { tag: first.tag }), undefined);
        assert.equal(await store.current(key), undefined);
      });

      it('of many at once let exactly one through', async () => {
        const key = `${folder}a`;
        const race = async (condition: 'absent' | { readonly tag: string }, word: string) => {
          const all = Array.from({ length: 8 }, (_, index) =>
            (index % 2 === 0 ? store : other).write(key, Buffer.from(`${word} ${index}`), condition),
          );
          const winners = (await Promise.all(all)).filter((written) => written !== undefined);
          assert.equal(winners.length, 1, `${winners.length} writers won`);
          const [winner] = winners;
          assert.ok(winner);
          assert.deepEqual(await store.current(key), winner);
          return winner;
        };
        const first = await race('absent', 'first');
        await race({ tag: first.tag }, 'second');
        assert.equal((await history(key)).length, 2);
      });
    });

    describe('history', () => {
      it('goes by key in code point order, and by age within', async () => {
        const keys = ['b', 'a/x', 'a-b', 'a.b', 'aa', 'a/b/c', 'é', '\u{1F600}', '\uFF5E'].map((key) => folder + key);
        for (const key of keys) await put(key, 'first');
        await target.overwrite(`${folder}aa`, Buffer.from('second'));
        await put(`${folder}z`, 'third');
        await target.delete(`${folder}z`);
        const entries = await history(folder);
        const expected = [...keys, `${folder}aa`, `${folder}z`, `${folder}z`].sort(byCodePoint);
        assert.deepEqual(
          entries.map(({ key }) => key),
          expected,
        );
        const [newest, oldest] = entries.filter(({ key }) => key === `${folder}aa`);
        assert.deepEqual([newest?.isCurrent, newest?.size, newest?.isDeleted], [true, 6, false]);
        assert.deepEqual([oldest?.isCurrent, oldest?.size, oldest?.isDeleted], [false, 5, false]);
        const [marker, before] = entries.filter(({ key }) => key === `${folder}z`);
        assert.deepEqual([marker?.isCurrent, marker?.size, marker?.isDeleted], [true, 0, true]);
        assert.deepEqual([before?.isCurrent, before?.size, before?.isDeleted], [false, 5, false]);
        for (const { modified } of entries) assert.ok(Math.abs(modified.getTime() - Date.now()) < 3_600_000, 'told by a clock');
      });

      it('is of the keys that begin with the prefix, and of no others', async () => {
        for (const key of ['ab/1', 'abc/1', 'ab.x', 'a/1', 'b/1']) await put(folder + key, 'x');
        const names = async (prefix: string) => (await history(folder + prefix)).map(({ key }) => key.slice(folder.length));
        assert.deepEqual(await names('ab'), ['ab.x', 'ab/1', 'abc/1']);
        assert.deepEqual(await names('ab/'), ['ab/1']);
        assert.deepEqual(await names('ab/1'), ['ab/1']);
        assert.deepEqual(await names('nothing/'), []);
        assert.deepEqual(await names(''), ['a/1', 'ab.x', 'ab/1', 'abc/1', 'b/1']);
      });

      it('tells of what was put there by others', async () => {
        await target.overwrite(`${folder}by-hand`, Buffer.from('12'));
        const [entry, ...rest] = await history(folder);
        assert.ok(entry);
        assert.deepEqual([entry.key, entry.size, entry.isCurrent, entry.isDeleted], [`${folder}by-hand`, 2, true, false]);
        assert.deepEqual(rest, []);
        assert.equal(await text(entry), '12');
      });

      it('ends when it is no longer read', async () => {
        for (const name of ['a', 'b', 'c']) await put(folder + name, 'x');
        for await (const { key } of store.history(folder)) {
          assert.equal(key, `${folder}a`);
          break;
        }
      });
    });

    it('names the folders that have something beneath them', async () => {
      for (const key of ['m/a', 'm/b/c', 'm-1/a', 'm-1/b', 'file', 'gone/a', 'removed/a', '\uFF5E/a', '\u{1F600}/a'])
        await put(folder + key, 'x');
      await target.delete(`${folder}gone/a`);
      const removed = await store.current(`${folder}removed/a`);
      assert.ok(removed);
      await store.remove(removed);
      assert.deepEqual(await store.folders(folder), ['gone', 'm', 'm-1', '\uFF5E', '\u{1F600}']);
      assert.deepEqual(await store.folders(`${folder}m/`), ['b']);
      assert.deepEqual(await store.folders(`${folder}m`), ['m', 'm-1']);
      assert.deepEqual(await store.folders(`${folder}none/`), []);
    });

    describe('upload', () => {
      it('stores files of every size in parts with their digests, hashed in every signed way', async function () {
        this.timeout(120_000);
        const ways: readonly Omit<SignedContent, 'digests'>[] = [
          { algorithm: 'sha256' },
          { algorithm: 'blake2b' },
          { algorithm: 'blake3' },
          { algorithm: 'sha256', shardSize: 1000 },
          { algorithm: 'blake3', shardSize: 100_000 },
          { algorithm: 'sha256', shardSize: target.partSize ?? 1000 },
        ];
        for (const [index, how] of ways.entries()) {
          const contents = [0, 1, 1000, 100_001].map((size) => randomBytes(size));
          const files = await Promise.all(contents.map((data, at) => file(`${index}/${at}`, data, how)));
          const uploaded = await upload(...files);
          for (const [at, data] of contents.entries()) await checkUploaded(uploaded[at], files[at], data, 1);
        }
      });

      it('stores exactly one part, and several', async function () {
        const { partSize } = target;
        if (partSize === undefined) return this.skip();
        this.timeout(120_000);
        const one = randomBytes(partSize);
        const several = Buffer.concat([one, one, Buffer.from('the rest')]);
        const files = [await file('one', one), await file('several', several, { algorithm: 'sha256', shardSize: 3_000_001 })];
        const [first, second] = await upload(...files);
        await checkUploaded(first, files[0], one, 1);
        await checkUploaded(second, files[1], several, undefined);
        assert.ok((second?.parts.length ?? 0) > 1, 'in several parts');
      });

      async function checkUploaded(
        object: UploadedObject | undefined,
        of: FileUpload | undefined,
        data: Uint8Array,
        parts: number | undefined,
      ) {
        assert.ok(object && of);
        assert.equal(object.key, of.key);
        assert.equal(object.size, data.length);
        assert.equal(object.isReused, false);
        if (parts !== undefined) assert.equal(object.parts.length, parts);
        const expected =
          data.length === 0
            ? await digestsOf(data, { algorithm: 'sha256' })
            : await digestsOf(data, { algorithm: 'sha256', shardSize: object.partSize });
        assert.deepEqual(object.parts, expected);
        const current = await store.current(object.key);
        assert.deepEqual([current?.version, current?.size], [object.version, data.length]);
        assert.deepEqual(await fetched(object, undefined, of.signed), { size: data.length, digests: of.signed.digests });
      }

      it('stores many small files under any name', async () => {
        const files = await Promise.all([
          ...NAMES.map((name) => file(name, Buffer.from(name))),
          ...Array.from({ length: 60 }, (_, index) => file(`many/${index}.json`, Buffer.from(`{"n": ${index}}`))),
        ]);
        const uploaded = await upload(...files);
        assert.deepEqual(
          uploaded.map(({ key }) => key),
          files.map(({ key }) => key),
        );
        const results = await store.fetch(
          uploaded.map((object) => ({ object, algorithm: 'sha256' as const })),
          {},
        );
        assert.deepEqual(
          results,
          files.map(({ identity, signed }) => ({ size: identity.size, digests: signed.digests })),
        );
      });

      it('sends nothing where the same bytes lie already', async () => {
        const files = [await file('a', randomBytes(5000)), await file('b', randomBytes(0))];
        const first = await upload(...files);
        const again = await other.upload(files, {});
        assert.deepEqual(
          again,
          first.map((object) => ({ ...object, isReused: true })),
        );
        assert.equal((await history(folder)).length, 2);
      });

      it('refuses a key that holds other bytes', async () => {
        for (const [name, there] of [
          ['same-size', 'ABC'],
          ['other-size', 'ABCD'],
        ] as const) {
          const one = await file(name, Buffer.from('abc'));
          await target.overwrite(one.key, Buffer.from(there));
          await failing(upload(one), 'object-exists', { outcome: 'refused', subject: `${store.url}/${one.key}` });
          assert.equal(await currentText(one.key), there);
        }
      });

      it('stores anew what was deleted', async function () {
        if (options.noWriteOverMarker !== undefined) this.skip();
        const one = await file('a', Buffer.from('abc'));
        const first = await uploadOne(one);
        await target.delete(one.key);
        const second = await uploadOne(one);
        assert.equal(second.isReused, false);
        assert.notEqual(second.version, first.version);
        assert.equal(await currentText(one.key), 'abc');
      });

      it('refuses a file that is not what was signed, and shows nothing of it', async () => {
        const [a, b] = [await file('a', Buffer.from('abc')), await file('b', Buffer.from('abc'), { algorithm: 'blake3', shardSize: 2 })];
        for (const one of [a, b]) {
          const wrong = { ...one, signed: { ...one.signed, digests: one.signed.digests.map((digest) => digest.replace(/^./, flip)) } };
          await failing(upload(wrong), 'file-changed', { outcome: 'refused', subject: one.path });
          assert.equal(await store.current(one.key), undefined);
        }
        assert.deepEqual(await history(folder), []);
        await upload(a, b);
      });

      it('refuses a file that is no longer the one that was listed', async () => {
        const one = await file('a', Buffer.from('abc'));
        writeFileSync(one.path, 'abcd');
        await failing(upload(one), 'file-changed');
        const two = await file('b', Buffer.from('abc'));
        await failing(upload({ ...two, identity: { ...two.identity, mtimeMs: two.identity.mtimeMs - 1 } }), 'file-changed', {
          subject: two.path,
        });
        assert.deepEqual(await history(folder), []);
      });

      it('says which file is not there', async () => {
        const one = await file('a', Buffer.from('abc'));
        await failing(upload({ ...one, path: `${one.path}-not` }), 'file-not-found', { outcome: 'unavailable' });
      });

      it('tells how far it is', async () => {
        const files = [await file('a', randomBytes(1000)), await file('b', randomBytes(500))];
        let last = {};
        await store.upload(files, { onProgress: (progress) => (last = { ...progress }) });
        assert.deepEqual(last, { bytesDone: 1500, bytesTotal: 1500, filesDone: 2, filesTotal: 2 });
      });

      it('stops when it is interrupted, and shows nothing', async () => {
        const one = await file('a', randomBytes(100));
        await failing(store.upload([one], { signal: AbortSignal.abort() }), 'interrupted');
        assert.deepEqual(await history(folder), []);
      });

      it('from two clients at once ends with one object', async () => {
        const one = await file('a', randomBytes(3000));
        const both = await Promise.all([store.upload([one], {}), other.upload([one], {})]);
        const versions = new Set(both.map(([object]) => object?.version));
        assert.equal(versions.size, 1);
        assert.equal((await history(folder)).length, 1);
      });
    });

    describe('fetch', () => {
      it('brings to disk what was stored, hashed as asked for', async () => {
        for (const [index, size] of [0, 1, 100_000].entries()) {
          const data = randomBytes(size);
          const object = await uploadOne(await file(`f${index}`, data));
          const path = sandbox.path(`fetched-${folders}-${index}`);
          const how = { algorithm: 'blake2b', shardSize: 30_000 } as const;
          assert.deepEqual(await fetched(object, path, how), { size, digests: await digestsOf(data, how) });
          assert.deepEqual(readFileSync(path), data);
          assert.ok((statSync(path).mode & 0o200) !== 0 || process.platform === 'win32', 'its owner may write it');
        }
      });

      it('brings the version that is asked for, whatever is current', async () => {
        const data = randomBytes(4000);
        const object = await uploadOne(await file('a', data));
        const digests = await digestsOf(data, { algorithm: 'sha256' });
        await target.overwrite(object.key, randomBytes(4000));
        assert.deepEqual(await fetched(object), { size: 4000, digests });
        await target.delete(object.key);
        const path = sandbox.path(`fetched-${folders}`);
        assert.deepEqual(await fetched(object, path), { size: 4000, digests });
        assert.deepEqual(readFileSync(path), data);
      });

      it('goes on with a file that an interrupted run left, of which only right bytes are kept', async function () {
        this.timeout(120_000);
        const { partSize = 100_000 } = target;
        const data = Buffer.concat([randomBytes(partSize), randomBytes(77)]);
        const object = await uploadOne(await file('a', data));
        const digests = await digestsOf(data, { algorithm: 'sha256' });
        const path = sandbox.path(`fetched-${folders}`);
        const left: readonly ((path: string) => void)[] = [
          () => undefined,
          (at) => truncateSync(at, partSize - 5),
          (at) => truncateSync(at, 0),
          (at) => writeFileSync(at, Buffer.concat([data.subarray(0, 100), Buffer.from('XX'), data.subarray(102)])),
          (at) => writeFileSync(at, Buffer.concat([data, Buffer.from('too long')])),
        ];
        for (const spoil of left) {
          if (existsSync(path)) spoil(path);
          else writeFileSync(path, data.subarray(0, 10));
          assert.deepEqual(await fetched(object, path), { size: data.length, digests });
          assert.equal(Buffer.compare(readFileSync(path), data), 0);
        }
      });

      it('says for each object what is wrong, and brings the others', async () => {
        const [here, gone] = await upload(await file('here', Buffer.from('here')), await file('gone', Buffer.from('gone')));
        assert.ok(here && gone);
        await store.remove(gone);
        for (const path of [undefined, sandbox.path(`fetched-${folders}`)]) {
          const [missing, found] = await store.fetch(
            [
              { object: gone, algorithm: 'sha256', path: path && `${path}-gone` },
              { object: here, algorithm: 'sha256', path: path && `${path}-here` },
            ],
            {},
          );
          assert.ok(missing && 'error' in missing);
          assert.equal(missing.error.code, 'object-missing');
          assert.equal(missing.error.subject, `${store.url}/${gone.key}`);
          assert.deepEqual(found, { size: 4, digests: await digestsOf(Buffer.from('here'), { algorithm: 'sha256' }) });
        }
      });

      it('tells how far it is, and stops when it is interrupted', async () => {
        const objects = await upload(await file('a', randomBytes(1000)), await file('b', randomBytes(10)));
        let last = {};
        await store.fetch(
          objects.map((object, index) => ({ object, algorithm: 'sha256' as const, path: sandbox.path(`fetched-${folders}-${index}`) })),
          { onProgress: (progress) => (last = { ...progress }) },
        );
        assert.deepEqual(last, { bytesDone: 1010, bytesTotal: 1010, filesDone: 2, filesTotal: 2 });
        const stopped = store.fetch(
          objects.map((object) => ({ object, algorithm: 'sha256' as const })),
          { signal: AbortSignal.abort() },
        );
        await failing(stopped, 'interrupted');
      });
    });

    describe('restore', () => {
      for (const [event, happen] of [
        ['overwritten', (key: string) => target.overwrite(key, Buffer.from('bad'))],
        ['deleted', (key: string) => target.delete(key)],
      ] as const) {
        it(`makes the pinned bytes current again after they were ${event}, and removes nothing`, async () => {
          const data = randomBytes(3000);
          const object = await uploadOne(await file('a', data));
          await happen(object.key);
          const before = await history(object.key);
          const restored = await store.restore(object);
          assert.notEqual(restored.version, object.version);
          assert.deepEqual(await store.current(object.key), restored);
          const digests = await digestsOf(data, { algorithm: 'sha256' });
          assert.deepEqual(await fetched({ ...object, ...restored }), { size: 3000, digests });
          assert.deepEqual(await fetched(object), { size: 3000, digests });
          assert.equal((await history(object.key)).length, before.length + 1);
        });
      }

      it('makes a new version of one that is current, too', async () => {
        const data = randomBytes(3000);
        const object = await uploadOne(await file('a', data));
        const restored = await store.restore(object);
        assert.notEqual(restored.version, object.version);
        assert.deepEqual(await store.current(object.key), restored);
        await store.remove(object);
        assert.deepEqual(await fetched({ ...object, ...restored }), {
          size: 3000,
          digests: await digestsOf(data, { algorithm: 'sha256' }),
        });
      });

      it('keeps parts and empty objects', async function () {
        this.timeout(120_000);
        const data = Buffer.concat([randomBytes(target.partSize ?? 100_000), randomBytes(20)]);
        const objects = await upload(await file('a', data), await file('b', Buffer.alloc(0)));
        for (const object of objects) {
          await target.delete(object.key);
          const restored = await store.restore(object);
          assert.equal(restored.size, object.size);
          const again = await store.attest({ ...object, ...restored });
          assert.notEqual(again.kind, 'differs');
        }
      });

      it('says where the version is gone', async () => {
        const object = await uploadOne(await file('a', Buffer.from('x')));
        await store.remove(object);
        await failing(store.restore(object), 'object-missing');
        assert.equal(await store.current(object.key), undefined);
      });
    });

    describe('hide', () => {
      it('gives plain readers nothing, and every version stays', async () => {
        const key = `${folder}a`;
        const first = await put(key, 'first');
        await target.overwrite(key, Buffer.from('theirs'));
        const theirs = await store.current(key);
        assert.ok(theirs);
        const marker = await store.hide(key);
        assert.equal(await store.current(key), undefined);
        const entries = (await history(key)).map(({ version, isDeleted, isCurrent }) => [version, isDeleted, isCurrent]);
        const [, second] = entries;
        assert.deepEqual(entries, [[marker, true, true], second, [first.version, false, false]]);
        assert.deepEqual(
          [await text({ key, version: (await history(key))[1]?.version ?? marker }), await text(first)],
          ['theirs', 'first'],
        );
        await store.remove({ key, version: marker });
        assert.equal(await currentText(key), 'theirs');
      });
    });

    describe('remove', () => {
      it('takes one version, and the one before it is current again', async () => {
        const key = `${folder}a`;
        const first = await put(key, 'first');
        const second = await store.write(key, Buffer.from('second'), { tag: first.tag });
        assert.ok(second);
        await store.remove(second);
        assert.deepEqual(await store.current(key), first);
        assert.equal(await currentText(key), 'first');
        await store.remove(first);
        assert.equal(await store.current(key), undefined);
        assert.deepEqual(await history(key), []);
        const third = await put(key, 'third');
        assert.ok(![first.version, second.version].includes(third.version), 'a version is never given again');
      });

      it('of an older version leaves the current one', async () => {
        const key = `${folder}a`;
        const first = await put(key, 'first');
        const second = await store.write(key, Buffer.from('second'), { tag: first.tag });
        await store.remove(first);
        assert.deepEqual(await store.current(key), second);
        assert.equal((await history(key)).length, 1);
      });

      it('of a delete marker brings back what was deleted', async () => {
        const key = `${folder}a`;
        const first = await put(key, 'first');
        await target.delete(key);
        const [marker] = await history(key);
        assert.ok(marker?.isDeleted);
        await store.remove(marker);
        assert.deepEqual(await store.current(key), first);
      });

      it('of what is not there does nothing', async () => {
        const written = await put(`${folder}a`, 'x');
        await store.remove(written);
        await store.remove(written);
      });
    });

    it('believes no checksums that it cannot prove', async () => {
      const object = await uploadOne(await file('a', Buffer.from('abc')));
      const trust = await store.attestationTrust();
      const attestation = await store.attest(object);
      if (trust.kind === 'none') assert.equal(attestation.kind, 'unproven');
      else assert.notEqual(attestation.kind, 'differs');
      const wrong = await store.attest({ ...object, parts: object.parts.map((digest) => digest.replace(/^./, flip)) });
      assert.notEqual(wrong.kind, 'attested');
    });

    it('has no uploads that were never ended, once they have', async () => {
      await upload(await file('a', randomBytes(100)));
      assert.deepEqual(await store.abandonedUploads(folder), []);
    });
  });
}

const NAMES = [
  'plain.json',
  'with space.bin',
  'plus+and%25percent%.bin',
  'ünïcödé/模型.safetensors',
  '\u{1F600}.txt',
  "quo'te&amp;=#!.txt",
  '.hidden',
  'a/b/c/d/e/deep.txt',
];

function byCodePoint(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function flip(digit: string): string {
  return digit === '0' ? '1' : '0';
}

/** That a promise fails as told; the message is a lower-case sentence without its period. */
async function failing(promise: Promise<unknown>, code: string, fields: Parameters<typeof mlsignError>[2] = {}): Promise<void> {
  await assert.rejects(promise, mlsignError(code, /^[a-z].*[^.]$/, fields));
}

/** The digests of bytes, as a signature has them. */
async function digestsOf(data: Uint8Array, { algorithm, shardSize }: Omit<SignedContent, 'digests'>): Promise<readonly string[]> {
  const one = await hasher(algorithm);
  if (shardSize === undefined) return [one(data)];
  const shards = Array.from({ length: Math.ceil(data.length / shardSize) }, (_, index) =>
    data.subarray(index * shardSize, (index + 1) * shardSize),
  );
  return shards.map(one);
}

async function hasher(algorithm: HashType): Promise<(data: Uint8Array) => string> {
  if (algorithm === 'sha256') return (data) => createHash('sha256').update(data).digest('hex');
  const made = await createHasher('wasm', algorithm);
  return (data) => made.digest(data);
}
