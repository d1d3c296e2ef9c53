import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { mlsign } from '../helpers/cli.ts';
import { makeModelDirectory, smallModel } from '../helpers/model-files.ts';
import { Sandbox } from '../helpers/sandbox.ts';
import { assertValid } from '../helpers/schemas.ts';

describe('mlsign inspect', () => {
  const sandbox = new Sandbox();
  const model = sandbox.path('my-model');

  before(async () => {
    await makeModelDirectory(model, smallModel());
    assert.equal((await mlsign(['keygen', sandbox.path('k')])).code, 0);
    assert.equal((await mlsign(['sign', model, '--key', sandbox.path('k')])).code, 0);
  });
  after(() => sandbox.remove());

  it('tells of a signed model in words, and that nothing was verified', async () => {
    const { code, stdout, stderr } = await mlsign(['inspect', 'my-model'], { cwd: sandbox.root });
    assert.equal(code, 0, stderr);
    const expected = [
      /^my-model {2}directory, 4 files, \d+ B\n/,
      /\n {2}kind {9}safetensors, llama \(LlamaForCausalLM\)\n/,
      /\n {2}tensors {6}2 tensors, 20 parameters, F32\n/,
      /\n {2}formats {6}safetensors {2}1 file, \d+ B\n/,
      /\nsignature {2}.*model\.sig {2}OMS v1\.0\n/,
      /\n {2}signer {7}the key [0-9a-f]{64}\n/,
      /\n {2}time {9}not told\n/,
      /\n {2}model id {5}[0-9a-f]{64}\n/,
      /\n {2}hashed as {4}sha256, whole files\n/,
      /\n {2}covers {7}4 files, \d+ B\n/,
      /\n {2}not covered {2}nothing\n/,
      /\nnothing was verified: run mlsign verify my-model --trust-key SIGNER\.pub\n$/,
    ];
    for (const part of expected) assert.match(stdout, part);
    assert.equal(stderr, '');
  });

  it('gives the same as JSON', async () => {
    const { code, stdout } = await mlsign(['inspect', model, '--json']);
    assert.equal(code, 0);
    const document = JSON.parse(stdout);
    assertValid('inspect', document);
    assert.equal(document.verified, false);
    assert.equal(document.model.architecture, 'llama');
    assert.deepEqual(document.signatures[0].manifest.coverage, { unlisted: [], missing: [], ignored: [] });
    assert.deepEqual(document.signatures[0].algorithm, { scheme: 'ecdsa-p256-sha256', implied_by: 'signature' });
  });

  it('inspects a signature and a manifest by themselves', async () => {
    const bundle = await mlsign(['inspect', `${model}/model.sig`]);
    assert.equal(bundle.code, 0);
    assert.match(bundle.stdout, /\n {2}leaves out {3}\.git, \.gitattributes, \.github, \.gitignore, model\.sig\n/);
    const manifest = sandbox.path('manifest.json');
    assert.equal((await mlsign(['hash', model, '--json', '--output-file', manifest])).code, 0);
    const { code, stdout } = await mlsign(['inspect', manifest]);
    assert.equal(code, 0);
    assert.match(stdout, /^manifest {2}.*\n {2}model {8}my-model\n/);
    assert.match(stdout, /nothing was verified: run mlsign diff .* MODEL to compare a model with it\n$/);
  });

  it('refuses a malformed bundle, and says so of one inside a model', async () => {
    const broken = sandbox.path('broken.sig');
    writeFileSync(broken, '{"mediaType":');
    const alone = await mlsign(['inspect', broken]);
    assert.equal(alone.code, 1);
    assert.match(alone.stderr, /error: not JSON.*\[json-invalid\]/);
    const other = await makeModelDirectory(sandbox.path('other'), { 'a.txt': 'a', 'model.sig': '{' });
    const inside = await mlsign(['inspect', other]);
    assert.equal(inside.code, 1);
    assert.match(inside.stdout, /✗ .*model\.sig: not JSON.*\[json-invalid\]/);
  });

  it('cannot inspect what is not there', async () => {
    const { code, stderr } = await mlsign(['inspect', sandbox.path('none')]);
    assert.equal(code, 3);
    assert.match(stderr, /\[file-not-found\]/);
  });
});
