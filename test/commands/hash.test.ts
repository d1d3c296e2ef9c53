import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, openSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { BIN, mlsign } from '../helpers/cli.ts';
import { Sandbox } from '../helpers/sandbox.ts';
import { assertValid } from '../helpers/schemas.ts';

describe('mlsign hash', () => {
  const sandbox = new Sandbox();
  const content = Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 31) % 251));
  before(() => {
    sandbox.write('model', { 'a.bin': content, 'sub/b.txt': 'b', 'Ünïcode 名前.txt': 'c' });
  });
  after(() => sandbox.remove());

  it('prints the model id, the model digest and every file', async () => {
    const run = await mlsign(['hash', sandbox.path('model')]);
    assert.equal(run.code, 0);
    const digest = createHash('sha256').update(content).digest('hex');
    assert.match(
      run.stdout,
      /^model {2}3 files, 100 kB {2}\(sha256, whole files\)\nmodel id {6}[0-9a-f]{64}\nmodel digest {2}[0-9a-f]{64}\n/,
    );
    assert.ok(run.stdout.includes(`${digest}  a.bin\n`));
    assert.ok(run.stdout.includes('Ünïcode 名前.txt'));
  });

  it('gives the same result with every engine, method and number of workers', async () => {
    for (const algorithm of ['sha256', 'blake2b', 'blake3']) {
      for (const way of [[], ['--method', 'shards', '--shard-size', '7KiB']]) {
        const engines = algorithm === 'blake3' ? ['wasm', 'auto'] : ['wasm', 'native', 'auto'];
        const outputs = new Set<string>();
        for (const engine of engines) {
          const run = await mlsign([
            'hash',
            sandbox.path('model'),
            '--json',
            '--algorithm',
            algorithm,
            '--engine',
            engine,
            '--workers',
            '3',
            ...way,
          ]);
          assert.equal(run.code, 0, run.stderr);
          assertValid('manifest', JSON.parse(run.stdout));
          outputs.add(run.stdout);
        }
        assert.equal(outputs.size, 1, `${algorithm} ${way.join(' ')}`);
      }
    }
  }).timeout(30_000);

  it('prints only the model id when quiet', async () => {
    const run = await mlsign(['hash', sandbox.path('model'), '--quiet']);
    assert.match(run.stdout, /^[0-9a-f]{64}\n$/);
  });

  it('writes the result whole to a file', async () => {
    const out = sandbox.path('out.json');
    const run = await mlsign(['hash', sandbox.path('model'), '--json', '--output-file', out]);
    assert.equal(run.code, 0);
    assert.equal(run.stdout, '');
    assertValid('manifest', JSON.parse(readFileSync(out, 'utf8')));
  });

  it('writes into a pipe or device that is named as the output file, and fails when nothing can be written', async function () {
    if (process.platform === 'win32') this.skip();
    const command = `"${process.execPath}" "${BIN}" hash "${sandbox.path('model')}" --quiet --output-file /dev/stdout | cat`;
    assert.match(spawnSync('sh', ['-c', command], { encoding: 'utf8' }).stdout, /^[0-9a-f]{64}\n$/);
    const full = await mlsign(['hash', sandbox.path('model'), '--output-file', '/dev/full']);
    assert.equal(full.code, 3);
    assert.match(full.stderr, /cannot write the output file: no space left on the device: \/dev\/full \[disk-full\]/);
    assert.ok(statSync('/dev/full').isCharacterDevice(), 'the device itself stays');
    const redirected = spawnSync(process.execPath, [BIN, 'hash', sandbox.path('model')], {
      stdio: ['ignore', openSync('/dev/full', 'w'), 'pipe'],
      encoding: 'utf8',
    });
    assert.equal(redirected.status, 3);
    assert.match(redirected.stderr, /cannot write the result: no space left on the device: standard output \[disk-full\]/);
  });

  it('does not mind a reader that goes away', function () {
    if (process.platform === 'win32') this.skip();
    const run = spawnSync('sh', ['-c', `"${process.execPath}" "${BIN}" hash "${sandbox.path('model')}" | head -c 1; exit 0`], {
      encoding: 'utf8',
    });
    assert.equal(run.stdout, 'm');
    assert.equal(run.stderr, '');
  });

  it('refuses links, pipes and unsafe names, naming each', async function () {
    if (process.platform === 'win32') this.skip();
    const cases: readonly [code: string, make: (directory: string) => void][] = [
      ['link-refused', (directory) => symlinkSync('a', `${directory}/link`)],
      ['special-file', (directory) => execFileSync('mkfifo', [`${directory}/pipe`])],
      ['name-invalid', (directory) => writeFileSync(`${directory}/new\nline`, '')],
      ['name-invalid', (directory) => writeFileSync(Buffer.concat([Buffer.from(`${directory}/`), Buffer.from([0xff, 0xfe])]), '')],
    ];
    for (const [i, [code, make]] of cases.entries()) {
      const directory = sandbox.write(`bad-${i}`, { a: 'a' });
      make(directory);
      const run = await mlsign(['hash', directory]);
      assert.equal(run.code, 1, `${code}: ${run.stdout}${run.stderr}`);
      assert.ok(run.stderr.includes(`[${code}]`), run.stderr);
    }
  });

  it('gives the exact flag for directories of the Hugging Face tools', async function () {
    if (process.platform === 'win32') this.skip();
    const local = sandbox.write('downloaded', { 'config.json': '{}', '.cache/huggingface/download/config.json.metadata': 'x' });
    const run = await mlsign(['hash', local]);
    assert.match(run.stderr, /--ignore-paths \.cache\/huggingface/);
    assert.equal((await mlsign(['hash', local, '--ignore-paths', '.cache/huggingface'])).stderr, '');
    sandbox.write('hub/blobs', { abc: '{}' });
    mkdirSync(sandbox.path('hub/snapshots/rev'), { recursive: true });
    symlinkSync('../../blobs/abc', sandbox.path('hub/snapshots/rev/config.json'));
    const linked = await mlsign(['hash', sandbox.path('hub/snapshots/rev')]);
    assert.equal(linked.code, 1);
    assert.match(linked.stderr, /--allow-symlinks/);
    const allowed = await mlsign(['hash', sandbox.path('hub/snapshots/rev'), '--allow-symlinks']);
    assert.equal(allowed.code, 0);
    assert.match(allowed.stderr, /leads out of the model/);
  });

  it('says which model it cannot find', async () => {
    const run = await mlsign(['hash', sandbox.path('nothing')]);
    assert.equal(run.code, 3);
    assert.match(run.stderr, /nothing.*\[file-not-found\]/);
  });
});
