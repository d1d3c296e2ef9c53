import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { MlsignError } from '../../src/core/index.ts';
import { countParameters, readSafetensorsHeader } from '../../src/filetypes/index.ts';
import { rawSafetensors, writeSafetensors } from '../helpers/model-files.ts';

const fixture = join(import.meta.dirname, '../../fixtures/filetypes/numpy.safetensors');

describe('readSafetensorsHeader', () => {
  let folder: string;
  let path: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mlsign-safetensors-'));
    path = join(folder, 'model.safetensors');
  });
  after(() => rm(folder, { recursive: true }));

  const read = async (content: Uint8Array) => {
    await writeFile(path, content);
    return readSafetensorsHeader(path);
  };
  const refuses = async (content: Uint8Array, message: RegExp) => {
    await writeFile(path, content);
    await assert.rejects(readSafetensorsHeader(path), { code: 'safetensors-malformed', message, subject: path });
  };
  const tensor = (fields: object, data = 8) => rawSafetensors(JSON.stringify({ t: fields }), new Uint8Array(data));

  it('reads a tensor the same however it is written', async () => {
    const fields = ['"dtype":"F32"', '"shape":[2,0,3]', '"data_offsets":[0,0]'];
    const written = [
      `{"a":{${fields.join()}}}`,
      `{"a":{${fields.toReversed().join()}}}`,
      `{ "a" : { ${fields.join(' , ')} } }`,
      `{"\\u0061":{${fields.join().replace('F32', '\\u004632')}}}`,
      `{"a":{${fields.join().replace('[2,0,3]', '[2.0,0,3e0]')}}}`,
    ];
    for (const header of written) {
      const { tensors } = await read(rawSafetensors(header));
      assert.deepEqual(
        tensors.map(({ name, dtype, shape, start, end }) => [name, dtype, shape, end - start]),
        [['a', 'F32', [2, 0, 3], 0]],
        header,
      );
    }
    for (const shape of ['[2,]', '[,2]', '[02]', '[2,,3]', '[-0,2', '[2 3]']) {
      await refuses(rawSafetensors(`{"a":{${fields.join().replace('[2,0,3]', shape)}}}`), /in its header, not JSON: wrong at byte/);
    }
    await refuses(rawSafetensors(`{"a":{${fields.join().replace('[0,0]', '[0,4]')}}}`, new Uint8Array(4)), /expected 0 bytes for F32/);
    await refuses(rawSafetensors(`{"a":{${fields.join().replace('F32', 'F33')}}}`), /a\.dtype|"a"\.dtype: expected "BOOL"/);
  });

  it('reads what the safetensors library wrote', async () => {
    const { tensors, metadata } = await readSafetensorsHeader(fixture);
    assert.deepEqual(tensors, [
      { name: 'weight', dtype: 'F32', shape: [3, 4], start: 160, end: 208 },
      { name: 'bias', dtype: 'F16', shape: [3], start: 208, end: 214 },
    ]);
    assert.deepEqual({ ...metadata }, { format: 'np' });
    assert.equal(countParameters(tensors), 15);
  });

  it('reads an empty file of tensors, scalars, empty tensors and sub-byte types', async () => {
    assert.deepEqual((await read(rawSafetensors('{}'))).tensors, []);
    const { tensors } = await read(
      writeSafetensors([
        { name: 'scalar', shape: [] },
        { name: 'none', shape: [0, 7] },
        { name: 'fp4', dtype: 'F4', shape: [2, 3] },
        { name: 'fp8', dtype: 'F8_E4M3', shape: [3] },
        { name: 'fp6', dtype: 'F6_E2M3', shape: [4] },
      ]),
    );
    assert.deepEqual(tensors.map(({ name, start, end }) => [name, end - start]).sort(), [
      ['fp4', 3],
      ['fp6', 3],
      ['fp8', 3],
      ['none', 0],
      ['scalar', 4],
    ]);
  });

  it('gives tensors in the order of their bytes, whatever the order of the header', async () => {
    const header = {
      b: { dtype: 'U8', shape: [1], data_offsets: [1, 2] },
      a: { dtype: 'U8', shape: [1], data_offsets: [0, 1] },
    };
    const { tensors } = await read(rawSafetensors(JSON.stringify(header), new Uint8Array(2)));
    assert.deepEqual(
      tensors.map(({ name }) => name),
      ['a', 'b'],
    );
  });

  it('refuses a truncation at every byte', async () => {
    const whole = await readFile(fixture);
    for (let length = 0; length < whole.length; length++)
      await refuses(whole.subarray(0, length), /^the safetensors file is malformed: it ends within/);
  });

  it('refuses a header beyond the limit without reading it', async () => {
    const length = Buffer.alloc(16);
    length.writeBigUInt64LE(100_000_001n);
    await refuses(length, /its header is too long/);
    length.writeBigUInt64LE(2n ** 63n);
    await refuses(length, /its header is too long/);
  });

  it('refuses a header that is not one JSON object', async () => {
    await refuses(rawSafetensors(' {}'), /does not begin with "\{"/);
    await refuses(rawSafetensors('[]'), /does not begin with "\{"/);
    for (const text of [
      '{"a":',
      '{"a"',
      '{"a" 1}',
      '{a: 1}',
      '{"a": 1',
      '{"a": 1]',
      '{"a": 1,}',
      '{} {}',
      '{"a": {]}',
      '{"a": tru}',
      '{"a\\": 1}',
      '{"\\x": 1}',
    ]) {
      await refuses(rawSafetensors(text), /not JSON/);
    }
    await refuses(rawSafetensors(Buffer.from('{"\xff":1}', 'latin1')), /not valid UTF-8/);
  });

  it('refuses values that are nested or long beyond what a tensor has', async () => {
    await refuses(rawSafetensors('{"a": {"a": {"a": {}}}}'), /larger than mlsign reads/);
    await refuses(rawSafetensors(`{"a": ${'['.repeat(100_000)}`), /larger than mlsign reads/);
    await refuses(rawSafetensors(`{"a": {"dtype": "${'x'.repeat(70_000)}"}}`), /larger than mlsign reads/);
    await refuses(rawSafetensors(`{"__metadata__": {"a": "${'x'.repeat(17_000_000)}"}}`), /larger than mlsign reads/);
  });

  it('refuses more tensors than it reads', async () => {
    const entry = '{"dtype":"U8","shape":[0],"data_offsets":[0,0]}';
    const entries = Array.from({ length: 200_001 }, (_, i) => `"${i}":${entry}`);
    await refuses(rawSafetensors(`{${entries.join()}}`), /it has more tensors than mlsign reads/);
  });

  it('reads names and metadata with quotes, brackets and escapes in them', async () => {
    const name = 'a"b\\{}[],:\u00e9\n\u0001';
    const { tensors, metadata } = await read(writeSafetensors([{ name, shape: [1] }], { [name]: '}]"' }));
    assert.equal(tensors[0]?.name, name);
    assert.equal(metadata[name], '}]"');
  });

  it('refuses the same tensor or field twice', async () => {
    const entry = '{"dtype":"U8","shape":[0],"data_offsets":[0,0]}';
    await refuses(rawSafetensors(`{"a":${entry},"\\u0061":${entry}}`), /the same name stands twice/);
    await refuses(rawSafetensors('{"__metadata__":{},"__metadata__":{}}'), /the same name stands twice/);
    await refuses(rawSafetensors('{"a":{"dtype":"U8","dtype":"F32","shape":[0],"data_offsets":[0,0]}}'), /the same key stands twice/);
  });

  it('names every wrong field', async () => {
    await refuses(tensor({ dtype: 'F33', shape: [2], data_offsets: [0, 8] }), /"t"\.dtype: expected "BOOL" or .*, got "F33"/);
    await refuses(tensor({ dtype: 'F32', shape: [-1], data_offsets: [0, 8] }), /"t"\.shape\[0\]: expected an integer from 0/);
    await refuses(tensor({ dtype: 'F32', shape: [1.5], data_offsets: [0, 8] }), /"t"\.shape\[0\]: expected an integer from 0/);
    await refuses(tensor({ dtype: 'F32', shape: 2, data_offsets: [0, 8] }), /"t"\.shape: expected an array, got 2/);
    await refuses(tensor({ dtype: 'F32', shape: [2], data_offsets: [0] }), /"t"\.data_offsets: expected exactly 2 entries/);
    await refuses(tensor({ dtype: 'F32', shape: [2], data_offsets: [0, '8'] }), /"t"\.data_offsets\[1\]: expected an integer/);
    await refuses(tensor({ dtype: 'F32', shape: [2] }), /"t"\.data_offsets: expected an array, got nothing/);
    await refuses(tensor({ dtype: 'F32', shape: [2], data_offsets: [0, 8], url: 'x' }), /"t"\.url: expected no such field/);
    await refuses(rawSafetensors('{"t": 1}'), /"t": expected an object, got 1/);
    await refuses(rawSafetensors('{"__metadata__": {"a": 1}}'), /__metadata__\.a: expected a string, got 1/);
    await refuses(rawSafetensors('{"__metadata__": []}'), /__metadata__: expected an object/);
  });

  it('refuses a length other than shape and dtype ask for', async () => {
    await refuses(tensor({ dtype: 'F32', shape: [1], data_offsets: [0, 8] }), /expected 4 bytes for F32 \[1\], got "8 bytes"/);
    await refuses(tensor({ dtype: 'F32', shape: [2], data_offsets: [8, 0] }), /expected 8 bytes/);
    await refuses(tensor({ dtype: 'F4', shape: [3], data_offsets: [0, 1] }, 1), /expected 1\.5 bytes for F4/);
    await refuses(tensor({ dtype: 'U8', shape: [2 ** 40, 2 ** 40], data_offsets: [0, 8] }), /expected .* bytes for U8/);
  });

  it('refuses holes, overlaps and bytes after the end', async () => {
    const two = (first: [number, number], second: [number, number], data: number) =>
      rawSafetensors(
        JSON.stringify({
          a: { dtype: 'U8', shape: [first[1] - first[0]], data_offsets: first },
          b: { dtype: 'U8', shape: [second[1] - second[0]], data_offsets: second },
        }),
        new Uint8Array(data),
      );
    await read(two([0, 4], [4, 8], 8));
    await refuses(two([0, 4], [5, 8], 8), /bytes before or in "b" belong to no tensor/);
    await refuses(two([1, 4], [4, 8], 8), /bytes before or in "a" belong to no tensor/);
    await refuses(two([0, 4], [3, 8], 8), /bytes before or in "b" belong to two tensors/);
    await refuses(two([0, 4], [0, 4], 4), /bytes before or in "b" belong to two tensors/);
    await refuses(two([0, 4], [4, 8], 9), /it has bytes after its last tensor/);
    await refuses(rawSafetensors('{}', new Uint8Array(1)), /it has bytes after its last tensor/);
  });

  it('reads whatever the writer writes', async () => {
    const spec = fc.record(
      {
        name: fc.string({ unit: 'grapheme', minLength: 1 }).filter((name) => name !== '__proto__' && name !== '__metadata__'),
        dtype: fc.constantFrom('BOOL', 'F8_E8M0', 'BF16', 'F32', 'I64', 'C64'),
        shape: fc.array(fc.nat(4), { maxLength: 4 }),
      },
      { noNullPrototype: true },
    );
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(spec, { selector: ({ name }) => name, maxLength: 8 }), async (tensors) => {
        const header = await read(writeSafetensors(tensors));
        const sorted = (list: readonly { name: string }[]) => list.toSorted((a, b) => (a.name < b.name ? -1 : 1));
        assert.deepEqual(sorted(header.tensors.map(({ name, dtype, shape }) => ({ name, dtype, shape }))), sorted(tensors));
      }),
      { numRuns: 50 },
    );
  });

  it('reads or refuses whatever bytes change, and never fails otherwise', async () => {
    const whole = await readFile(fixture);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.nat(159), fc.nat(255)), { minLength: 1, maxLength: 4 }), async (changes) => {
        const copy = Buffer.from(whole);
        for (const [offset, byte] of changes) copy[offset] = byte;
        await read(copy).catch((error) => {
          assert(error instanceof MlsignError);
          assert.equal(error.code, 'safetensors-malformed');
        });
      }),
      { numRuns: 300 },
    );
  });
});
