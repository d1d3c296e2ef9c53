import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';

const root = join(import.meta.dirname, '..');

/** A package whose `engines` ask for what the caller says, with a `dist/main.js` that shows its arguments. */
async function packageFor(folder: string, engines: string): Promise<string> {
  const bin = join(folder, 'bin/run.js');
  const files = {
    'package.json': JSON.stringify({ name: 'mlsign', version: '1.2.3', type: 'module', engines: { node: engines } }),
    'dist/main.js': 'export function main(argv) { console.log(JSON.stringify(argv)); }',
  };
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
  await mkdir(dirname(bin), { recursive: true });
  await copyFile(join(root, 'bin/run.js'), bin);
  await copyFile(join(root, 'bin/package.json'), join(folder, 'bin/package.json'));
  return bin;
}

/** Puts a shell script where a checkout has its private Node. */
async function privateNode(folder: string, script: string): Promise<void> {
  const path = join(folder, `node_modules/node-${process.platform}-${process.arch}/bin/node`);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
}

function start(bin: string, ...args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [bin, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, XDG_CACHE_HOME: dirname(bin) },
  });
}

async function ended(child: ChildProcess): Promise<{ code: unknown; signal: unknown; stdout: string; stderr: string }> {
  const { stdout, stderr } = child;
  assert.ok(stdout !== null && stderr !== null);
  const [[code, signal], out, err] = await Promise.all([once(child, 'exit'), text(stdout), text(stderr)]);
  return { code, signal, stdout: out, stderr: err };
}

describe('bin/run.js', () => {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mlsign-bin-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('tells the version without loading anything', async () => {
    const bin = await packageFor(folder, '>=22');
    await rm(join(folder, 'dist'), { recursive: true });
    const { code, stdout } = await ended(start(bin, '--version'));
    assert.equal(code, 0);
    assert.equal(stdout, `mlsign/1.2.3 ${process.platform}-${process.arch} node-${process.version}\n`);
  });

  it('hands its arguments on untouched', async () => {
    const { code, stdout } = await ended(start(await packageFor(folder, '>=22'), 'hash', 'a b', '--', '-x', ''));
    assert.equal(code, 0);
    assert.deepEqual(JSON.parse(stdout), ['hash', 'a b', '--', '-x', '']);
  });

  it('knows which Node is in the range of engines', async () => {
    const [major = 0, minor = 0, patch = 0] = process.versions.node.split('.').map(Number);
    const inside = [`^${major}.${minor}.${patch}`, `^${major}.0.0`, `>=${major}`, `^1.2.3 || >=${major}`, `^${major}.${minor}.0`];
    const outside = [
      `^${major}.${minor + 1}.0`,
      `^${major}.${minor}.${patch + 1}`,
      `^${major - 1}.0.0`,
      `>=${major + 1}`,
      `^${major + 1}.0.0`,
    ];
    for (const range of [...inside, ...outside]) {
      const { code, stderr } = await ended(start(await packageFor(folder, range)));
      assert.equal(code, inside.includes(range) ? 0 : 3, `${range}: ${stderr}`);
    }
  });

  it('says in one line which Node it needs where there is none', async () => {
    const { code, stdout, stderr } = await ended(start(await packageFor(folder, '^1.2.3 || >=99'), 'hash', 'x'));
    assert.equal(code, 3);
    assert.equal(stdout, '');
    assert.equal(stderr, `mlsign needs Node ^1.2.3 || >=99, and this is ${process.version}: install one of those (https://nodejs.org)\n`);
  });

  it('says so where the checkout is not built', async () => {
    const bin = await packageFor(folder, '>=22');
    await rm(join(folder, 'dist'), { recursive: true });
    const { code, stderr } = await ended(start(bin, 'hash'));
    assert.equal(code, 3);
    assert.equal(stderr, 'mlsign is not built: npm run build\n');
  });

  it('ends with 70 where the bundle does not load', async () => {
    const bin = await packageFor(folder, '>=22');
    await writeFile(join(folder, 'dist/main.js'), 'throw new Error("half a file");');
    const { code, stderr } = await ended(start(bin, 'hash'));
    assert.equal(code, 70);
    assert.match(stderr, /^a bug in mlsign: Error: half a file\n/);
  });

  it('loads on a Node that knows nothing newer than ES2018', async () => {
    const source = await readFile(join(root, 'bin/run.js'), 'utf8');
    assert.doesNotMatch(source, /\?\.|\?\?|\|\|=|&&=|'node:|\bawait\b|\.at\(|replaceAll|flatMap/);
  });

  describe('on an older Node, with a private one', () => {
    before(function () {
      // The private Node of these tests is a shell script.
      if (process.platform === 'win32') this.skip();
    });

    it('runs itself under that, with arguments, standard streams and exit code', async () => {
      const bin = await packageFor(folder, '>=99');
      await privateNode(folder, 'printf "%s\\n" "$@"; echo problem >&2; exit 42');
      const { code, stdout, stderr } = await ended(start(bin, 'verify', 'a b', ''));
      assert.equal(code, 42);
      assert.equal(stdout, `${bin}\nverify\na b\n\n`);
      assert.equal(stderr, 'problem\n');
    });

    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      it(`hands ${signal} on, and waits for the end`, async () => {
        const bin = await packageFor(folder, '>=99');
        const name = signal.slice(3);
        await privateNode(folder, `trap 'echo got ${name}; exit 130' ${name}; echo ready; while :; do sleep 0.05; done`);
        const child = start(bin, 'hash');
        child.stdout?.once('data', () => child.kill(signal));
        const { code, stdout } = await ended(child);
        assert.equal(code, 130);
        assert.equal(stdout, `ready\ngot ${name}\n`);
      });
    }

    it('ends by the signal that ended it', async () => {
      const bin = await packageFor(folder, '>=99');
      await privateNode(folder, 'kill -TERM $$');
      const { code, signal } = await ended(start(bin, 'hash'));
      assert.equal(code, null);
      assert.equal(signal, 'SIGTERM');
    });

    it('says which Node it needs where the private one does not run', async () => {
      const bin = await packageFor(folder, '>=99');
      await privateNode(folder, '');
      await writeFile(join(folder, `node_modules/node-${process.platform}-${process.arch}/bin/node`), '#!/nonexistent/loader\n');
      const { code, stderr } = await ended(start(bin, 'hash'));
      assert.equal(code, 3);
      assert.match(stderr, /^mlsign needs Node >=99, and this is v/);
    });
  });
});
