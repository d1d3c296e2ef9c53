import assert from 'node:assert/strict';
import { mlsign } from '../helpers/cli.ts';
import { float32, makeModelDirectory, smallModel, writeSafetensors } from '../helpers/model-files.ts';
import { Sandbox } from '../helpers/sandbox.ts';
import { assertValid } from '../helpers/schemas.ts';

describe('mlsign diff', () => {
  const sandbox = new Sandbox();
  const run = (...args: readonly string[]) => mlsign(['diff', ...args], { cwd: sandbox.root });

  before(async () => {
    const tensors = (value: number) => writeSafetensors([{ name: 'w', shape: [2], data: float32(1, value) }]);
    await makeModelDirectory(sandbox.path('v1'), { ...smallModel(), 'model.safetensors': tensors(2), 'old.txt': 'old' });
    await makeModelDirectory(sandbox.path('v2'), { ...smallModel(), 'model.safetensors': tensors(3), 'new.txt': 'new!' });
    for (const [manifest, ...options] of [['files.json'], ['blake3.json', '--algorithm', 'blake3']]) {
      const hashed = await mlsign(['hash', sandbox.path('v1'), '--json', '--output-file', sandbox.path(manifest ?? ''), ...options]);
      assert.equal(hashed.code, 0, hashed.stderr);
    }
  });
  after(() => sandbox.remove());

  it('shows how two models differ, and exits 1', async () => {
    const { code, stdout, stderr } = await run('v1', 'v2');
    assert.equal(code, 1);
    assert.equal(stderr, '');
    assert.equal(
      stdout,
      [
        'differs  v1 → v2  1 changed, 1 added, 1 removed, 3 the same',
        '  ~ model.safetensors',
        '  - old.txt',
        '  + new.txt',
        'tensors  1 difference, 0 the same',
        '  ~ w  F32 [2]  values  model.safetensors',
        '',
      ].join('\n'),
    );
  });

  it('gives the same as JSON', async () => {
    const { code, stdout, stderr } = await run('v1', 'v2', '--json');
    assert.equal(code, 1);
    const document = JSON.parse(stdout);
    assertValid('diff', document);
    assert.deepEqual(
      [document.verdict, document.changed, document.added, document.removed],
      ['differs', ['model.safetensors'], ['new.txt'], ['old.txt']],
    );
    assert.equal(document.tensors.changes[0].what[0], 'values');
    assert.equal(stderr, 'differs: 1 changed, 1 added, 1 removed, 3 the same\n');
  });

  it('exits 0 where they are the same, and prints nothing when quiet', async () => {
    assert.equal((await run('v1', 'files.json')).code, 0);
    const { code, stdout, stderr } = await run('v1', 'blake3.json', '--quiet');
    assert.deepEqual([code, stdout, stderr], [0, '', '']);
  });

  it('exits 3 where it cannot be told', async () => {
    const { code, stdout } = await run('files.json', 'blake3.json');
    assert.equal(code, 3);
    assert.match(stdout, /^undetermined {2}files\.json → blake3\.json {2}5 not compared, 0 the same\n/);
    assert.match(stdout, /cannot be compared: sha256 of whole files against blake3 of whole files\n$/);
  });

  it('leaves out what it is told to', async () => {
    const ignored = ['old.txt', 'new.txt', 'model.safetensors'].flatMap((path) => ['--ignore-paths', path]);
    assert.equal((await run('v1', 'v2', ...ignored)).code, 0);
    const { code, stderr } = await run('v1', 'v2', '--ignore-paths', '../x');
    assert.equal(code, 2);
    assert.match(stderr, /\[ignore-path-invalid\]/);
  });
});
