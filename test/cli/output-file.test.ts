import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { outputFileOf } from '../../src/cli/output-file.ts';
import { mlsignProcess as mlsign, signalAtWork } from '../helpers/cli.ts';
import { Sandbox } from '../helpers/sandbox.ts';
import { assertValid } from '../helpers/schemas.ts';

describe('--output-file', () => {
  const sandbox = new Sandbox();
  let serial = 0;
  before(() => sandbox.write('model', { a: 'a' }));
  after(() => sandbox.remove());

  function olderResult(): string {
    sandbox.write(`v${serial}`, { 'v.json': '{ "verdict": "verified" }' });
    return sandbox.path(`v${serial++}`, 'v.json');
  }

  it('is found in the arguments as they stand', () => {
    assert.equal(outputFileOf(['verify', 'm', '--output-file', 'v.json', '--json']), 'v.json');
    assert.equal(outputFileOf(['verify', 'm', '--output-file=a=b']), 'a=b');
    for (const argv of [['hash'], ['hash', '--output-file'], ['hash', '--output-file', ''], ['hash', '--', '--output-file', 'v']]) {
      assert.equal(outputFileOf(argv), undefined, argv.join(' '));
    }
  });

  it('gets the error with --json, whatever failed', async () => {
    for (const [args, code, exit] of [
      [['hash', sandbox.path('none')], 'file-not-found', 3],
      [['hash', 'x', '--frob'], 'usage', 2],
      [['verify', sandbox.path('model'), '--trust-key', ''], 'flag-empty', 2],
      [['no-such-command'], 'unknown-command', 2],
    ] as const) {
      const file = olderResult();
      const run = await mlsign([...args, '--json', '--output-file', file]);
      assert.equal(run.code, exit, run.stderr);
      assert.equal(run.stdout, '');
      assert.match(run.stderr, /^error: /);
      const document = JSON.parse(readFileSync(file, 'utf8'));
      assertValid('error', document);
      assert.equal(document.code, code);
    }
  });

  it('is gone after an error without --json', async () => {
    for (const args of [
      ['hash', sandbox.path('none')],
      ['hash', 'x', '--frob'],
    ]) {
      const file = olderResult();
      const run = await mlsign([...args, `--output-file=${file}`]);
      assert.notEqual(run.code, 0);
      assert.equal(existsSync(file), false);
    }
  });

  it('holds nothing where --quiet leaves nothing to say', async () => {
    const file = olderResult();
    const model = sandbox.write('signed', { a: 'a' });
    assert.equal((await mlsign(['keygen', sandbox.path('k')])).code, 0);
    assert.equal((await mlsign(['sign', model, '--key', sandbox.path('k')])).code, 0);
    assert.equal((await mlsign(['verify', model, '--key', sandbox.path('k.pub'), '--quiet', '--output-file', file])).code, 0);
    assert.equal(readFileSync(file, 'utf8'), '');
  });

  it('keeps nothing when the command is interrupted, at once or not', async function () {
    if (process.platform === 'win32') this.skip();
    this.timeout(60_000);
    const model = sandbox.write('big', { 'sparse.bin': '' });
    truncateSync(`${model}/sparse.bin`, 64 * 2 ** 30);
    for (const [signals, json, code] of [
      [['SIGINT'], true, 130],
      [['SIGHUP'], false, 143],
      [['SIGTERM', 'SIGTERM'], false, 143],
    ] as const) {
      const file = olderResult();
      const run = await mlsign(['hash', model, '--output-file', file, ...(json ? ['--json'] : [])], {
        onStart: (pid) => void signalAtWork(pid, `${model}/sparse.bin`, ...signals),
      });
      assert.equal(run.code, code, run.stderr);
      if (json) assert.equal(JSON.parse(readFileSync(file, 'utf8')).code, 'interrupted');
      else assert.equal(existsSync(file), false);
    }
  });

  it('empties what a link leads to, and lets a directory be', async function () {
    if (process.platform === 'win32') this.skip();
    const file = olderResult();
    const link = sandbox.path('link.json');
    symlinkSync(file, link);
    assert.equal((await mlsign(['hash', sandbox.path('none'), '--output-file', link])).code, 3);
    assert.equal(readFileSync(file, 'utf8'), '');
    const directory = sandbox.path('directory');
    mkdirSync(directory);
    writeFileSync(`${directory}/x`, '');
    assert.equal((await mlsign(['hash', sandbox.path('model'), '--output-file', directory])).code, 3);
    assert.deepEqual(readdirSync(directory), ['x']);
  });

  it('stays where only help was asked for', async () => {
    const file = olderResult();
    assert.equal((await mlsign(['hash', '--help', '--output-file', file])).code, 0);
    assert.match(readFileSync(file, 'utf8'), /verified/);
  });
});
