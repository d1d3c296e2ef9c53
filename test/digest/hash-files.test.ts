import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash, hash, randomBytes } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import fc from 'fast-check';
import { blake3 } from 'hash-wasm';
import { HASH_TYPES, type HashType, type Progress } from '../../src/core/index.ts';
import { ENGINE_ALGORITHMS, type EngineName } from '../../src/digest/engine.ts';
import { type FileToHash, type HashedFile, type HashOptions, hashFiles, identityOf } from '../../src/digest/index.ts';
import type { FileFormat } from '../../src/filetypes/index.ts';
import { Sandbox } from '../helpers/sandbox.ts';

const MEBIBYTE = 1024 * 1024;
const sandbox = new Sandbox();

function listed(path: string): FileToHash {
  return { path, identity: identityOf(lstatSync(path)) };
}

/** A file of any size that takes no room: zeros, with a few bytes written into it. */
function sparse(name: string, size: number, marks: Readonly<Record<number, string>> = {}): FileToHash {
  const path = sandbox.path(name);
  writeFileSync(path, '');
  truncateSync(path, size);
  for (const [offset, text] of Object.entries(marks)) writeAt(path, Number(offset), text);
  return listed(path);
}

function writeAt(path: string, offset: number, text: string): void {
  const content = readFileSync(path);
  content.write(text, offset);
  writeFileSync(path, content);
}

async function hashAll(files: Iterable<FileToHash>, options: HashOptions): Promise<readonly HashedFile[]> {
  return (await hashFiles(files, options)).files;
}

async function reference(algorithm: HashType, data: Uint8Array): Promise<string> {
  switch (algorithm) {
    case 'sha256':
      return hash('sha256', data);
    case 'blake2b':
      return createHash('blake2b512').update(data).digest('hex');
    case 'blake3':
      return await blake3(data);
  }
}

async function expected(path: string, algorithm: HashType, shardSize?: number): Promise<HashedFile> {
  const content = readFileSync(path);
  const digests: string[] = [];
  if (shardSize === undefined) digests.push(await reference(algorithm, content));
  else
    for (let at = 0; at < content.length; at += shardSize) digests.push(await reference(algorithm, content.subarray(at, at + shardSize)));
  return { size: content.length, digests };
}

function failure(result: HashedFile | undefined) {
  assert.ok(result !== undefined && 'error' in result, 'has an error');
  const { outcome, code, message, subject } = result.error;
  return { outcome, code, message, subject };
}

before(() => {
  const sizes = [0, 1, 1000, 1001, MEBIBYTE - 1, MEBIBYTE, MEBIBYTE + 1, 3 * MEBIBYTE + 7];
  sandbox.write('mixed', Object.fromEntries(sizes.map((size) => [`${size} ü`, randomBytes(size)])));
  // Together more than workers are worth starting for.
  sandbox.write('large', Object.fromEntries(Array.from({ length: 5 }, (_, i) => [`${i}`, randomBytes(16 * MEBIBYTE - 3 * i)])));
});

after(() => sandbox.remove());

const mixed = () =>
  [1000, 0, 1, 3 * MEBIBYTE + 7, MEBIBYTE, 1001, MEBIBYTE - 1, MEBIBYTE + 1].map((size) => listed(sandbox.path('mixed', `${size} ü`)));
const large = () => [0, 1, 2, 3, 4].map((i) => listed(sandbox.path('large', `${i}`)));

describe('hashing files', () => {
  for (const algorithm of HASH_TYPES) {
    for (const engine of (['native', 'wasm'] as const).filter((name: EngineName) => ENGINE_ALGORITHMS[name].includes(algorithm))) {
      for (const shardSize of [undefined, 1000, MEBIBYTE, 2 * MEBIBYTE + 1]) {
        it(`gives ${algorithm} by ${engine}, ${shardSize === undefined ? 'whole' : `in shards of ${shardSize}`}, in the order of the files`, async () => {
          const files = mixed();
          const results = await hashAll(files, { algorithm, engine, shardSize });
          for (const [i, { path }] of files.entries()) assert.deepEqual(results[i], await expected(path, algorithm, shardSize), path);
        });
      }
    }
  }

  for (const useMainThread of [true, false]) {
    for (const workers of [1, 2, 5]) {
      for (const shardSize of [undefined, 5_000_000]) {
        it(`gives the same on ${workers} threads, the main one ${useMainThread ? 'included' : 'free'}, ${shardSize === undefined ? 'whole' : 'in shards'}`, async () => {
          const files = [...large(), ...mixed()];
          const results = await hashAll(files, { algorithm: 'sha256', shardSize, workers, useMainThread });
          for (const [i, { path }] of files.entries()) assert.deepEqual(results[i], await expected(path, 'sha256', shardSize), path);
        });
      }
    }
  }

  it('gives the same for one large file read ahead', async () => {
    const file = sparse('one', 80 * MEBIBYTE + 5, { 0: 'start', [70 * MEBIBYTE]: 'middle', [80 * MEBIBYTE]: 'end' });
    for (const useMainThread of [true, false]) {
      const [result] = await hashAll([file], { algorithm: 'sha256', workers: 2, useMainThread });
      assert.deepEqual(result, await expected(file.path, 'sha256'));
    }
  });

  it('gives the same for thousands of files, which wait in many lists', async () => {
    const content = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`${i % 7}/${i}`, `content ${i}`]));
    const root = sandbox.write('many', content);
    const names = Object.keys(content);
    const results = await hashAll(
      names.map((name) => listed(`${root}/${name}`)),
      { algorithm: 'sha256' },
    );
    assert.deepEqual(
      results.map((result) => ('digests' in result ? result.digests[0] : undefined)),
      names.map((name) => hash('sha256', content[name] ?? '')),
    );
  });

  it('gives the same for any sizes, shards and threads', async () => {
    const size = fc.integer({ min: 0, max: 3 * MEBIBYTE });
    await fc.assert(
      fc.asyncProperty(
        fc.array(size, { maxLength: 5 }),
        fc.option(fc.integer({ min: 20_000, max: 4 * MEBIBYTE }), { nil: undefined }),
        fc.boolean(),
        async (sizes, shardSize, useMainThread) => {
          const files = sizes.map((bytes, i) => {
            writeFileSync(sandbox.path(`any-${i}`), randomBytes(bytes));
            return listed(sandbox.path(`any-${i}`));
          });
          const results = await hashAll(files, { algorithm: 'sha256', shardSize, useMainThread });
          for (const [i, { path }] of files.entries()) assert.deepEqual(results[i], await expected(path, 'sha256', shardSize));
        },
      ),
      { numRuns: 20 },
    );
  });

  it('says nothing of no files', async () => {
    assert.deepEqual(await hashAll([], { algorithm: 'sha256' }), []);
  });

  it('reports progress up to the whole', async () => {
    const seen: Progress[] = [];
    const files = [...large(), ...mixed()];
    await hashAll(files, { algorithm: 'sha256', shardSize: MEBIBYTE, onProgress: (progress) => seen.push(progress) });
    const bytes = files.reduce((sum, { identity }) => sum + identity.size, 0);
    assert.deepEqual(seen.at(-1), { bytesDone: bytes, bytesTotal: bytes, filesDone: files.length, filesTotal: files.length });
    for (const [i, progress] of seen.entries()) {
      assert.ok(progress.bytesDone >= (seen[i - 1]?.bytesDone ?? 0));
      assert.ok(progress.bytesDone <= progress.bytesTotal && progress.filesDone <= progress.filesTotal);
    }
  });

  it('refuses an engine without the algorithm', async () => {
    await assert.rejects(hashAll(mixed(), { algorithm: 'blake3', engine: 'native' }), {
      outcome: 'usage',
      code: 'engine-lacks-algorithm',
      message: 'the native engine has no blake3',
    });
  });
});

describe('what files are', () => {
  it('is told of each file once, of whole small ones by a glance at what was hashed', async () => {
    const root = sandbox.write('seen', { 'a.txt': 'text'.repeat(500), 'b.json': '{}', 'c.py': 'import os', empty: '' });
    const path = (name: string) => `${root}/${name}`;
    const small = ['a.txt', 'b.json', 'c.py', 'empty'].map((name) => listed(path(name)));
    const part = { ...listed(path('a.txt')), part: { offset: 1, size: 2 } };
    const gone = { ...listed(path('a.txt')), path: path('gone.txt') };
    const many = Array.from({ length: 600 }, () => listed(path('b.json')));
    const big = sparse('seen-big', MEBIBYTE + 1);
    const files = [...small, part, gone, big, ...many];
    for (const useMainThread of [true, false]) {
      for (const shardSize of [undefined, 1000]) {
        const seen = new Map<FileToHash, (FileFormat | undefined)[]>();
        const onFile = (file: FileToHash, format: FileFormat | undefined) => seen.set(file, [...(seen.get(file) ?? []), format]);
        await hashAll(files, { algorithm: 'sha256', useMainThread, shardSize, onFile });
        const json = many.map(() => ['json']);
        const whole = shardSize === undefined ? ['text', 'json', undefined, 'empty'] : [undefined, 'json', undefined, undefined];
        assert.deepEqual(
          files.map((file) => seen.get(file)),
          [...whole.map((format) => [format]), [undefined], [undefined], [undefined], ...json],
        );
      }
    }
  });
});

describe('a file that is not what was listed', () => {
  const changed = { outcome: 'refused', code: 'file-changed-while-read', message: 'the file changed while it was read' };
  const good = () => listed(sandbox.path('mixed', '1000 ü'));

  /** Lists a file, lets something happen to it, and hashes it between two others. */
  async function hashAround(size: number, happening: (path: string) => void, shardSize?: number) {
    const path = sandbox.path('victim');
    rmSync(path, { recursive: true, force: true });
    writeFileSync(path, randomBytes(size));
    const victim = listed(path);
    happening(path);
    const [first, result, last] = await hashAll([good(), victim, good()], { algorithm: 'sha256', shardSize });
    const right = await expected(good().path, 'sha256', shardSize);
    assert.deepEqual([first, last], [right, right], 'the other files are hashed all the same');
    return { result: failure(result), path };
  }

  for (const size of [1000, 2 * MEBIBYTE + 3]) {
    for (const shardSize of [undefined, 500_000]) {
      const where = `${size} bytes${shardSize === undefined ? '' : ' in shards'}`;
      it(`is told of when it has grown (${where})`, async () => {
        const { result, path } = await hashAround(size, (file) => appendFileSync(file, 'x'), shardSize);
        assert.deepEqual(result, { ...changed, subject: path });
      });

      it(`is told of when it was cut (${where})`, async () => {
        const { result, path } = await hashAround(size, (file) => truncateSync(file, size - 1), shardSize);
        assert.deepEqual(result, { ...changed, subject: path });
      });

      it(`is told of when it was written over with the same length (${where})`, async () => {
        const { result, path } = await hashAround(
          size,
          (file) => {
            writeFileSync(file, randomBytes(size));
            utimesSync(file, 1, 1);
          },
          shardSize,
        );
        assert.deepEqual(result, { ...changed, subject: path });
      });
    }
  }

  it('is told of when another file of the same size and time took its place', async () => {
    const { result, path } = await hashAround(10, (file) => {
      const { atime, mtime } = lstatSync(file);
      writeFileSync(`${file}.new`, randomBytes(10));
      utimesSync(`${file}.new`, atime, mtime);
      utimesSync(file, atime, mtime);
      renameSync(`${file}.new`, file);
    });
    assert.deepEqual(result, { ...changed, subject: path });
  });

  it('is not followed when a link took its place', async () => {
    const { result, path } = await hashAround(10, (file) => {
      renameSync(file, `${file}.moved`);
      symlinkSync(`${file}.moved`, file);
    });
    assert.deepEqual(result, { ...changed, subject: path });
  });

  it('is not waited for when a pipe took its place', async function () {
    if (process.platform === 'win32') this.skip();
    for (const size of [0, 10]) {
      const { result, path } = await hashAround(size, (file) => {
        rmSync(file);
        execFileSync('mkfifo', [file]);
      });
      assert.deepEqual(result, { outcome: 'refused', code: 'not-a-file', message: 'not a regular file', subject: path });
    }
  });

  it('is told of when it is gone', async () => {
    const { result, path } = await hashAround(10, (file) => rmSync(file));
    assert.deepEqual(result, {
      outcome: 'unavailable',
      code: 'file-not-found',
      message: 'cannot read the file: no such file or directory',
      subject: path,
    });
  });

  it('is told of when it may not be read', async function () {
    if (process.platform === 'win32' || process.getuid?.() === 0) this.skip();
    const { result, path } = await hashAround(10, (file) => chmodSync(file, 0));
    assert.deepEqual(result, {
      outcome: 'unavailable',
      code: 'permission-denied',
      message: 'cannot read the file: permission denied',
      subject: path,
    });
  });

  it('is told of when a directory took its place', async function () {
    if (process.platform === 'win32') this.skip();
    for (const size of [0, 10]) {
      const { result, path } = await hashAround(size, (file) => {
        rmSync(file);
        mkdirSync(file);
      });
      assert.deepEqual(result, { outcome: 'refused', code: 'not-a-file', message: 'not a regular file', subject: path });
    }
  });

  it('is told of when it is written to while it is hashed', async () => {
    const file = sparse('busy', 256 * MEBIBYTE);
    for (const useMainThread of [true, false]) {
      const timer = setTimeout(() => utimesSync(file.path, 1, 1), 20);
      const [result] = await hashAll([{ ...file, ...listed(file.path) }], { algorithm: 'blake3', workers: 1, useMainThread });
      clearTimeout(timer);
      assert.deepEqual(failure(result), { ...changed, subject: file.path });
      utimesSync(file.path, 2, 2);
    }
  });
});

describe('a run that is interrupted', () => {
  const stopped = { name: 'MlsignError', outcome: 'interrupted', code: 'interrupted', message: 'interrupted' };

  for (const useMainThread of [true, false]) {
    for (const [what, shardSize] of [
      ['one whole file', undefined],
      ['shards', 64 * MEBIBYTE],
    ] as const) {
      it(`stops at once in ${what}, ${useMainThread ? 'this thread taking part' : 'in workers'}`, async () => {
        const file = sparse('endless', 200 * 1024 * MEBIBYTE);
        const abort = new AbortController();
        let at = Number.POSITIVE_INFINITY;
        setTimeout(() => {
          at = performance.now();
          abort.abort();
        }, 60);
        await assert.rejects(hashAll([file], { algorithm: 'sha256', shardSize, useMainThread, workers: 2, signal: abort.signal }), stopped);
        assert.ok(performance.now() - at < 10_000, 'within moments');
      });
    }
  }

  it('does not begin where the signal has fired before', async () => {
    await assert.rejects(hashAll(mixed(), { algorithm: 'sha256', signal: AbortSignal.abort() }), stopped);
  });

  it('leaves no file open and no listener behind', async function () {
    if (process.platform !== 'linux') this.skip();
    const open = () => readdirSync('/proc/self/fd').length;
    await hashAll(large(), { algorithm: 'sha256' });
    const before = open();
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 10);
    await hashAll(large(), { algorithm: 'blake3', signal: abort.signal }).catch(() => undefined);
    await hashAll(large(), { algorithm: 'sha256', signal: new AbortController().signal });
    assert.ok(open() <= before, `${before} open before, ${open()} after`);
  });
});

describe('a run without the main thread', () => {
  it('leaves the event loop to others', async () => {
    const file = sparse('background', 256 * MEBIBYTE);
    const [thread, all] = [process.threadCpuUsage(), process.cpuUsage()];
    await hashAll([file], { algorithm: 'sha256', shardSize: 64 * MEBIBYTE });
    // Not by the clock, which a loaded machine stretches: this thread has spent little of what the process has.
    const share = process.threadCpuUsage(thread).user / process.cpuUsage(all).user;
    assert.ok(share < 0.5, `this thread took ${(100 * share).toFixed(0)} % of the work`);
  });
});

describe('files that are still being found', () => {
  it('are hashed meanwhile, and given in the order in which they were found', async () => {
    let found = 0;
    let doneBefore = 0;
    function* finding(): Generator<FileToHash> {
      for (let round = 0; round < 100; round++) {
        for (const file of mixed()) {
          // Sleeps once, in the middle: meanwhile only workers can have done anything.
          if (++found === 600) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3000);
          yield file;
        }
      }
    }
    const onProgress = ({ filesDone, filesTotal }: Progress) => {
      if (filesTotal < 800) doneBefore = filesDone;
    };
    const { engine, files } = await hashFiles(finding(), { algorithm: 'blake3', onProgress });
    assert.equal(engine, 'wasm');
    assert.equal(found, 800);
    const expectedRound = await Promise.all(mixed().map(({ path }) => expected(path, 'blake3')));
    for (let round = 0; round < 100; round++) assert.deepEqual(files.slice(8 * round, 8 * round + 8), expectedRound);
    assert.ok(doneBefore > 0, 'some were hashed before all were found');
  });

  it('are not found any more once the run has failed', async () => {
    let found = 0;
    const abort = new AbortController();
    function* finding(): Generator<FileToHash> {
      for (;;) {
        if (++found === 1000) abort.abort();
        yield listed(sandbox.path('mixed', '0 ü'));
      }
    }
    await assert.rejects(hashFiles(finding(), { algorithm: 'sha256', signal: abort.signal }), { code: 'interrupted' });
    assert.ok(found < 2000);
  });

  it('pass on what finding them throws', async () => {
    // biome-ignore lint/correctness/useYield: it fails before it finds anything
    function* finding(): Generator<FileToHash> {
      throw new TypeError('lost');
    }
    await assert.rejects(hashFiles(finding(), { algorithm: 'sha256' }), { name: 'TypeError', message: 'lost' });
  });
});

describe('shards without number', () => {
  it('are refused for the file that has them, before memory is spent on them', async () => {
    const file = sparse('endless-shards', 2 ** 40);
    const [first, result] = await hashAll([listed(sandbox.path('mixed', '1000 ü')), file], { algorithm: 'sha256', shardSize: 1000 });
    assert.deepEqual(first, await expected(sandbox.path('mixed', '1000 ü'), 'sha256', 1000));
    assert.ok(result !== undefined && 'error' in result);
    const { outcome, code, message, subject, expected: most, got, suggestions } = result.error;
    assert.deepEqual(
      { outcome, code, message, subject, most, got, suggestions },
      {
        outcome: 'refused',
        code: 'too-many-shards',
        message: 'the model has more shards than a manifest can hold',
        subject: file.path,
        most: 'at most 1000000 shards',
        got: '1099511627776 bytes in shards of 1000',
        suggestions: ['use a larger --shard-size'],
      },
    );
  });
});
