import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { HighWaterMark } from '../../src/release/index.ts';
import { mlsignError } from '../helpers/keys.ts';
import { Sandbox } from '../helpers/sandbox.ts';

const A = 'a'.repeat(64);
const B = 'b'.repeat(64);

describe('high-water mark', () => {
  const sandbox = new Sandbox();
  let count = 0;
  let path: string;

  beforeEach(() => {
    path = sandbox.path(`${count++}`, 'state', 'channels.json');
  });
  after(() => sandbox.remove());

  it('knows nothing where there is no file, and makes none', async () => {
    assert.equal(await new HighWaterMark(path).read('llama', 'production'), undefined);
    assert.throws(() => statSync(path), { code: 'ENOENT' });
  });

  it('remembers each channel, for its user alone', async () => {
    const mark = new HighWaterMark(path);
    await mark.advance('llama', 'production', { sequence: 3, digest: A });
    await mark.advance('llama', 'staging', { sequence: 9, digest: B });
    const again = new HighWaterMark(path);
    assert.deepEqual(await again.read('llama', 'production'), { sequence: 3, digest: A });
    assert.deepEqual(await again.read('llama', 'staging'), { sequence: 9, digest: B });
    assert.equal(await again.read('mistral', 'production'), undefined);
    if (process.platform !== 'win32') assert.equal(statSync(path).mode & 0o777, 0o600);
  });

  it('never falls', async () => {
    const mark = new HighWaterMark(path);
    await mark.advance('llama', 'production', { sequence: 3, digest: A });
    await mark.advance('llama', 'production', { sequence: 2, digest: B });
    assert.deepEqual(await mark.read('llama', 'production'), { sequence: 3, digest: A });
    await mark.advance('llama', 'production', { sequence: 3, digest: A });
    await assert.rejects(
      mark.advance('llama', 'production', { sequence: 3, digest: B }),
      mlsignError('channel-forked', /another pointer with the same sequence/, { expected: A, got: B }),
    );
  });

  it('keeps the highest of two processes that move it at once', async function () {
    this.timeout(60_000);
    const script = `
      import { HighWaterMark } from '${new URL('../../src/release/index.ts', import.meta.url).href}';
      const [path, first] = process.argv.slice(-2);
      const mark = new HighWaterMark(path);
      for (let n = Number(first); n <= 40; n += 2) {
        await mark.advance('llama', 'production', { sequence: n, digest: n.toString(16).padStart(64, '0') });
        await mark.advance('llama', 'own-' + first + '-' + n, { sequence: 1, digest: '${A}' });
      }`;
    const run = (first: number) => promisify(execFile)(process.execPath, ['--input-type=module', '-e', script, '--', path, `${first}`]);
    await Promise.all([run(1), run(2)]);
    const mark = new HighWaterMark(path);
    assert.deepEqual(await mark.read('llama', 'production'), { sequence: 40, digest: (40).toString(16).padStart(64, '0') });
    for (let n = 1; n <= 40; n++) assert.ok(await mark.read('llama', `own-${n % 2 === 0 ? 2 : 1}-${n}`), `${n} was lost`);
  });

  const broken: readonly (readonly [string, string, RegExp])[] = [
    ['nothing', '', /not JSON/],
    ['half a file', '{"version":1,"channels":{"llama@production":{"sequ', /not JSON/],
    ['another version', '{"version":2,"channels":{}}', /version: expected 1, got 2/],
    ['no channels', '{"version":1}', /channels: expected an object, got nothing/],
    ['an unknown field', '{"version":1,"channels":{},"more":1}', /more: expected no such field/],
    ['a sequence of 0', `{"version":1,"channels":{"a@b":{"sequence":0,"digest":"${A}"}}}`, /sequence: expected an integer from 1/],
    ['no digest', '{"version":1,"channels":{"a@b":{"sequence":1}}}', /digest: expected 64 lower-case hex digits/],
    ['a name that is none', `{"version":1,"channels":{"a":{"sequence":1,"digest":"${A}"}}}`, /expected a model, "@" and a channel/],
    ['a channel twice', `{"version":1,"channels":{"a@b":{"sequence":1,"digest":"${A}"},"a@b":{"sequence":2,"digest":"${A}"}}}`, /same key/],
  ];
  for (const [what, text, message] of broken) {
    it(`is an error where the file holds ${what}, for reading and for writing`, async () => {
      mkdirSync(sandbox.path(`${count - 1}`, 'state'), { recursive: true });
      writeFileSync(path, text);
      const mark = new HighWaterMark(path);
      const fails = mlsignError('state-invalid', message, { outcome: 'unavailable', subject: path });
      await assert.rejects(mark.read('a', 'b'), fails);
      await assert.rejects(mark.advance('a', 'b', { sequence: 1, digest: A }), fails);
      assert.equal(readFileSync(path, 'utf8'), text);
    });
  }
});
