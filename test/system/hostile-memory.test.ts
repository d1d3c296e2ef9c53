import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { signModel } from '../../src/app/index.ts';
import { statementPayload } from '../../src/formats/index.ts';
import { MANIFEST, sealed } from '../helpers/bundles.ts';
import { legacyStatement, unsignedBundle } from '../helpers/hostile-bundle.ts';
import { fixtureSigner, keyUrl } from '../helpers/keys.ts';
import { rawSafetensors, writeGguf } from '../helpers/model-files.ts';
import { assertPeak } from '../helpers/peak-memory.ts';
import { Sandbox } from '../helpers/sandbox.ts';

/** The promise for whatever is not hashing. */
const LIMIT_MIB = 256;
const KEY = fileURLToPath(keyUrl('ec-p256.pub'));

describe('peak memory with costly hostile input', () => {
  const sandbox = new Sandbox();
  after(() => sandbox.remove());

  /** Writes a bundle over a payload that nobody signed. */
  function bundle(payload: string): string {
    const path = sandbox.path('hostile.sig');
    writeFileSync(path, unsignedBundle(payload));
    return path;
  }

  const staysWithin = (...args: readonly string[]) => assertPeak(LIMIT_MIB, ...args);
  const subjects = Array.from({ length: 160_000 }, (_, i) => `{"name":"é${i}","digest":{"sha256":"${String(i).padStart(64, '0')}"}}`);
  const cases: readonly (readonly [name: string, payload: () => string])[] = [
    ['160,000 subjects', () => legacyStatement(subjects.join())],
    ['a text of 24 MB, not in ASCII', () => legacyStatement('', `€${'a'.repeat(24_000_000)}`)],
    ['a quarter of a million different keys', () => legacyStatement(Array.from({ length: 250_000 }, (_, i) => `{"a${i}":[0]}`).join())],
  ];
  for (const [name, payload] of cases) {
    it(`stays within ${LIMIT_MIB} MiB for a bundle of ${name}`, () => {
      const path = bundle(payload());
      const model = sandbox.write('model', { 'a.bin': 'a' });
      staysWithin('verify', model, '--key', KEY, '--signature', path);
      staysWithin('inspect', path);
    });
  }

  it(`stays within ${LIMIT_MIB} MiB for the largest bundle that is honest`, async () => {
    const model = sandbox.write('largest', { 'a-file-of-weights.safetensors': Buffer.alloc(150_000) });
    await signModel(model, { signer: await fixtureSigner('ec-p256'), shardSize: 1 });
    staysWithin('verify', model, '--key', KEY);
    staysWithin('inspect', model);
  });

  it(`stays within ${LIMIT_MIB} MiB for pickles that remember all they can`, async () => {
    const text = Array.from({ length: 300_000 }, (_, i) => `\x8c\x08${String(i).padStart(8, 's')}\x94`).join('');
    const pairs = Array.from({ length: 12 }, (_, i) => `K${String.fromCharCode(i)}N`).join('');
    const pickle = Buffer.from(`\x80\x04](${text}e${`}(${pairs}u\x94`.repeat(60_000)}.`, 'latin1');
    const model = sandbox.write('pickles', Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`${i}.pkl`, pickle])));
    await signModel(model, { signer: await fixtureSigner('ec-p256') });
    const policy = sandbox.path('pickles.yaml');
    writeFileSync(
      policy,
      `{ version: 1, principals: { k: { key: "${KEY}" } }, rules: [{ model: "**", signed-by: k, formats: { allow-code: [pickle] } }] }`,
    );
    assert.equal(staysWithin('verify', model, '--policy', policy), 0);
  });

  it(`stays within ${LIMIT_MIB} MiB for tensors without end`, () => {
    const header = Array.from(
      { length: 190_000 },
      (_, i) => `"model.layers.${i}.self_attn.weight":{"dtype":"F32","shape":[1],"data_offsets":[${4 * i},${4 * i + 4}]}`,
    );
    const safetensors = rawSafetensors(`{${header.join()}}`, Buffer.alloc(4 * 190_000));
    const files = Object.fromEntries(Array.from({ length: 6 }, (_, i) => [`${i}.safetensors`, safetensors]));
    const tensors = Array.from({ length: 60_000 }, (_, i) => ({ name: `blk.${i}.attn_q.weight`, dimensions: [1] }));
    const keys = Array.from({ length: 60_000 }, (_, i) => [`general.key.number.${i}`, { type: 'string', value: `value ${i}` }] as const);
    staysWithin('inspect', sandbox.write('tensors', { ...files, 'a.gguf': writeGguf(Object.fromEntries(keys), tensors) }));
  });

  it(`stays within ${LIMIT_MIB} MiB for thirty copies of a bundle, and as many of different ones`, async () => {
    const signer = await fixtureSigner('ec-p256');
    const model = sandbox.write('copied', { 'a.bin': 'a' });
    mkdirSync(`${model}.mlsign`);
    for (let i = 0; i < 60; i++) {
      // Every second one is another.
      const last = { name: 'last', digest: String(i % 2 === 0 ? 0 : i).padStart(64, '0') };
      const resources = Array.from({ length: 20_000 }, (_, n) => ({ name: `directory/file-${n}`, digest: String(n).padStart(64, '0') }));
      const payload = statementPayload('copied', { ...MANIFEST, resources: [...resources, last] });
      writeFileSync(`${model}.mlsign/${i}.sig`, await sealed(signer, payload));
    }
    staysWithin('verify', model, '--key', KEY);
    staysWithin('inspect', model);
  });
});
