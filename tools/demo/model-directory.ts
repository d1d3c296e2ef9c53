import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Classifier } from './classifier.ts';

/** Where a tensor lies in the data of a safetensors file. */
interface TensorEntry {
  readonly dtype: 'F32';
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

/** Writes a classifier as the Hugging Face libraries lay out a model: weights, configuration, tokenizer. */
export async function writeModel(folder: string, model: Classifier): Promise<void> {
  const { vocabulary, width } = model;
  const config = { architectures: ['MeanOfWords'], model_type: 'mean-of-words', hidden_size: width, vocab_size: vocabulary.length };
  const tokenizer = {
    version: '1.0',
    added_tokens: [{ id: 0, content: '[UNK]', special: true }],
    normalizer: { type: 'Lowercase' },
    pre_tokenizer: { type: 'WhitespaceSplit' },
    model: { type: 'WordLevel', unk_token: '[UNK]', vocab: Object.fromEntries(vocabulary.map((word, id) => [word, id])) },
  };
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'config.json'), `${JSON.stringify(config, null, 2)}\n`);
  await writeFile(join(folder, 'tokenizer.json'), `${JSON.stringify(tokenizer, null, 2)}\n`);
  await writeFile(join(folder, 'model.safetensors'), safetensors(model));
}

/** The classifier's tensors as safetensors: the header's length in eight bytes, the header, the data. */
function safetensors({ vocabulary, width, embedding, weight, bias }: Classifier): Uint8Array {
  const tensors = [
    { name: 'classifier.bias', shape: [1], data: bias },
    { name: 'classifier.weight', shape: [1, width], data: weight },
    { name: 'embedding.weight', shape: [vocabulary.length, width], data: embedding },
  ];
  const header: Record<string, TensorEntry | Record<string, string>> = { __metadata__: { format: 'pt' } };
  let end = 0;
  for (const { name, shape, data } of tensors) {
    header[name] = { dtype: 'F32', shape, data_offsets: [end, end + data.byteLength] };
    end += data.byteLength;
  }
  const json = JSON.stringify(header);
  const padded = json.padEnd(Math.ceil(json.length / 8) * 8);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  return Buffer.concat([length, Buffer.from(padded), ...tensors.map(({ data }) => littleEndian(data))]);
}

function littleEndian(values: Float32Array): Uint8Array {
  const bytes = Buffer.alloc(values.byteLength);
  for (const [i, value] of values.entries()) bytes.writeFloatLE(value, 4 * i);
  return bytes;
}

/** Changes one byte of the weights, so that the bias becomes a number that outweighs every word. Returns the byte's offset. */
export async function spoil(folder: string, model: Classifier): Promise<{ readonly at: number; readonly model: Classifier }> {
  const path = join(folder, 'model.safetensors');
  const bytes = await readFile(path);
  const at = 8 + Number(bytes.readBigUInt64LE(0)) + 3;
  bytes.writeUInt8(0xc3, at);
  await writeFile(path, bytes);
  return { at, model: { ...model, bias: Float32Array.of(bytes.readFloatLE(at - 3)) } };
}
