import assert from 'node:assert/strict';
import { readDvc } from '../../src/app/index.ts';
import { mlsignError } from '../helpers/keys.ts';
import { Sandbox } from '../helpers/sandbox.ts';

const A = 'a'.repeat(32);
const B = 'b'.repeat(32);
const C = 'c'.repeat(32);

const LOCK = `schema: '2.0'
stages:
  prepare:
    cmd: python prepare.py
    deps:
    - path: data/raw
      hash: md5
      md5: ${A}.dir
      size: 12
      nfiles: 2
    - path: prepare.py
      hash: md5
      md5: ${B}
    outs:
    - path: data/clean.jsonl
      hash: md5
      md5: ${C}
  train:
    cmd: python train.py
    deps:
    - path: data/clean.jsonl
      md5: ${C}
    - path: ../other/tokens.bin
      md5: ${A}
    params:
      params.yaml:
        train.lr: 0.1
        train.name: small
        train.api_key: s3cr3t
`;

describe('readDvc', () => {
  const sandbox = new Sandbox();
  let serial = 0;
  after(() => sandbox.remove());

  function file(text: string, name = 'dvc.lock'): string {
    return `${sandbox.write(`${serial++}`, { [name]: text })}/${name}`;
  }

  it('takes the data that a .dvc file tracks', async () => {
    const facts = await readDvc(file(`outs:\n- md5: ${A}.dir\n  size: 3\n  nfiles: 2\n  hash: md5\n  path: data\n`, 'data.dvc'));
    assert.deepEqual(facts.materials, [{ role: 'dataset', name: 'data', digest: { kind: 'md5', value: A }, digests: { md5: A } }]);
    assert.equal(facts.source, 'data.dvc');
  });

  it('takes what the stages of a dvc.lock depend on, without what they made, and their parameters', async () => {
    const { materials, parameters, findings } = await readDvc(file(LOCK));
    assert.deepEqual(
      materials.map(({ role, name, digests }) => [role, name, digests.md5]),
      [
        ['dataset', 'data/raw', A],
        ['code', 'prepare.py', B],
        ['dataset', 'tokens.bin', A],
      ],
    );
    assert.deepEqual(parameters, { 'train.lr': '0.1', 'train.name': 'small' });
    assert.deepEqual(
      findings.map(({ code, subject }) => [code, subject]),
      [['secret-left-out', 'params.yaml: train.api_key']],
    );
    assert.ok(!JSON.stringify(findings).includes('s3cr3t'));
  });

  it('writes down no path of this machine', async () => {
    const text = `outs:\n- {md5: ${A}, path: /srv/me/data/x.bin}\n- {md5: ${B}, path: 's3://bucket/secret/y.bin'}\n- {md5: ${C}, path: ../../z.bin}\n`;
    const { materials } = await readDvc(file(text, 'x.dvc'));
    assert.deepEqual(
      materials.map(({ name }) => name),
      ['x.bin', 'y.bin', 'z.bin'],
    );
  });

  it('refuses what is no file of DVC', async () => {
    for (const [text, code, message] of [
      ['outs: []\n', 'dvc-malformed', /outs: expected 1 to 10000 entries/],
      ['a: 1\n', 'dvc-malformed', /outs: expected an array/],
      [`outs:\n- {md5: ${A}}\n`, 'dvc-malformed', /outs\[0\]\.path/],
      ['outs:\n- {path: a, etag: x}\n', 'dvc-malformed', /outs\[0\]\.md5: expected 32 lower-case hex digits/],
      ['outs:\n- x\n', 'dvc-malformed', /outs\[0\]: expected an object/],
      ['stages: []\n', 'dvc-malformed', /stages: expected an object/],
      ['a: &x 1\nb: *x\n', 'yaml-invalid', /the file of DVC is not plain YAML: YAML aliases/],
      ['a: 1\na: 2\n', 'yaml-invalid', /Map keys must be unique/],
      ['a: !!python/object:os.system x\n', 'yaml-invalid', /not plain YAML/],
      ['[['.repeat(100), 'yaml-invalid', /nested deeper/],
      [`#${'x'.repeat(1024 * 1024)}`, 'file-too-large', /larger than mlsign reads/],
    ] as const) {
      const path = file(text);
      await assert.rejects(readDvc(path), mlsignError(code, message, { subject: path }), text.slice(0, 40));
    }
  });
});
