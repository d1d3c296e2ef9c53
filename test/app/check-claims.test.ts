import assert from 'node:assert/strict';
import { checkClaims, filesOnDisk, readModelClaims } from '../../src/app/index.ts';
import { type Material, materialOf, type Provenance, type Relation } from '../../src/lineage/index.ts';
import { openSource } from '../../src/model/index.ts';
import { mlsignError } from '../helpers/keys.ts';
import { Sandbox } from '../helpers/sandbox.ts';

const ID = 'a'.repeat(64);

function material(role: Material['role'], name: string): Material {
  const made = materialOf({ mlsignModel: ID }, { role, name });
  assert.ok(made);
  return made;
}

function provenance(relation: Relation | undefined, ...materials: readonly Material[]): Provenance {
  return {
    subject: { name: 'model', modelId: 'b'.repeat(64) },
    buildType: 'https://mlsign/build/v1',
    ...(relation === undefined ? {} : { relation }),
    materials,
    parameters: {},
    metrics: {},
    builder: 'https://example.com/b',
  };
}

describe('what a model says of its making', () => {
  const sandbox = new Sandbox();
  let serial = 0;
  after(() => sandbox.remove());

  async function claims(files: Readonly<Record<string, string | Uint8Array>>, signed = Object.keys(files)) {
    return readModelClaims(filesOnDisk(await openSource(sandbox.write(`${serial++}`, files)), new Set(signed)));
  }

  /** Findings of a model with these files, attested so. */
  async function compared(files: Readonly<Record<string, string>>, relation: Relation | undefined, ...materials: readonly Material[]) {
    return checkClaims(await claims(files), provenance(relation, ...materials)).map(
      ({ code, severity, subject }) => `${severity} ${code} ${subject}`,
    );
  }

  const adapter = (base: unknown) => ({ 'adapter_config.json': JSON.stringify({ peft_type: 'LORA', base_model_name_or_path: base }) });
  const card = (text: string) => ({ 'README.md': `---\n${text}---\n# Model\n---\nnot: here\n` });

  it('is read out of the adapter configuration and the model card', async () => {
    const said = await claims({
      ...adapter('acme/Llama'),
      ...card('license: mit\nbase_model:\n- acme/Llama\n- acme/Mistral\nbase_model_relation: merge\ndatasets: acme/data\ntags: [a]\n'),
    });
    assert.deepEqual(said, {
      adapter: { base: 'acme/Llama' },
      card: { bases: ['acme/Llama', 'acme/Mistral'], relation: 'merge', datasets: ['acme/data'] },
      findings: [],
    });
    const windows = await claims({ 'README.md': '---\r\nbase_model: a/b\r\n---\r\n' });
    assert.deepEqual(windows.card?.bases, ['a/b']);
  });

  it('is nothing where there is none, or where nobody signed it', async () => {
    for (const files of [{ 'README.md': '# Model\n' }, { 'README.md': '---\nbase_model: x\n' }, { 'w.bin': 'x' }]) {
      assert.deepEqual(await claims(files), { adapter: undefined, card: undefined, findings: [] });
    }
    assert.deepEqual(await claims(adapter('a/b'), ['w.bin']), { adapter: undefined, card: undefined, findings: [] });
    assert.deepEqual((await claims(adapter(null))).adapter, {});
  });

  it('is a warning where it cannot be read', async () => {
    for (const [files, message] of [
      [{ 'adapter_config.json': '{"a":1,"a":2}' }, /same key stands twice/],
      [adapter(7), /base_model_name_or_path: expected the name of a model/],
      [adapter('a\u001b[2J'), /the name of a model/],
      [{ 'adapter_config.json': '[]' }, /expected an object/],
      [card('base_model: [[[1]]]\n'), /base_model\[0\]: expected a name/],
      [card('base_model_relation: stolen\n'), /"finetune" or/],
      [card('a: &x 1\nb: *x\n'), /aliases/],
      [card('datasets: !!js/function x\n'), /not plain YAML/],
      [card(`a: ${'x'.repeat(300_000)}\n`), /larger than mlsign reads/],
      [{ 'README.md': 'x'.repeat(5_000_000) }, /larger than mlsign reads/],
    ] as const) {
      const { adapter: a, card: c, findings } = await claims(files);
      assert.deepEqual([a, c], [undefined, undefined]);
      assert.deepEqual(
        findings.map(({ code, severity }) => [code, severity]),
        [['claim-unreadable', 'warning']],
        message.source,
      );
      assert.match(findings[0]?.message ?? '', message);
    }
  });

  it('agrees with bases and data that are called the same at their end', async () => {
    const files = {
      ...adapter('acme/Llama-3'),
      ...card('base_model: acme/Llama-3\nbase_model_relation: adapter\ndatasets: [acme/reviews]\n'),
    };
    assert.deepEqual(await compared(files, 'adapter', material('base-model', 'llama-3@7'), material('dataset', 'reviews')), []);
  });

  it('is a warning where it names other bases or data, or another relation', async () => {
    const files = {
      ...adapter('acme/Llama'),
      ...card('base_model: acme/Llama\nbase_model_relation: finetune\ndatasets: [acme/reviews]\n'),
    };
    assert.deepEqual(await compared(files, 'adapter', material('base-model', 'mistral'), material('dataset', 'other')), [
      'warning base-differs adapter_config.json',
      'warning base-differs README.md',
      'warning dataset-differs README.md',
      'warning relation-differs README.md',
    ]);
  });

  it('is a note where the attestation leaves out what it says', async () => {
    const files = { ...adapter('acme/Llama'), ...card('datasets: [acme/reviews]\n') };
    assert.deepEqual(await compared(files, 'adapter'), ['note base-omitted adapter_config.json', 'note dataset-omitted README.md']);
    const [note] = checkClaims(await claims(adapter('acme/Llama')), provenance(undefined, material('base-model', 'llama')));
    assert.deepEqual([note?.code, note?.severity, note?.suggestion], ['relation-omitted', 'note', 'add --relation adapter']);
  });

  it('refuses what cannot be true together: an adapter is no whole model', async () => {
    for (const relation of ['finetune', 'quantized', 'distilled'] as const) {
      await assert.rejects(
        compared(adapter('acme/Llama'), relation, material('base-model', 'llama')),
        mlsignError('relation-contradicted', /the model is an adapter/, { subject: 'adapter_config.json', got: relation }),
      );
    }
    assert.deepEqual(await compared(adapter('acme/Llama'), 'merge', material('base-model', 'llama')), []);
  });
});
