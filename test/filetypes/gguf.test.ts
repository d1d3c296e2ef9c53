import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { MlsignError } from '../../src/core/index.ts';
import { readGgufHeader } from '../../src/filetypes/index.ts';
import { type GgufToWrite, writeGguf } from '../helpers/model-files.ts';

const fixtures = join(import.meta.dirname, '../../fixtures/filetypes');

describe('readGgufHeader', () => {
  let folder: string;
  let path: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mlsign-gguf-'));
    path = join(folder, 'model.gguf');
  });
  after(() => rm(folder, { recursive: true }));

  const read = async (content: Uint8Array) => {
    await writeFile(path, content);
    return readGgufHeader(path);
  };
  const refuses = async (content: Uint8Array, message: RegExp) => {
    await writeFile(path, content);
    await assert.rejects(readGgufHeader(path), { code: 'gguf-malformed', message, subject: path });
  };
  /** A file whose 32- and 64-bit numbers are written over at an offset. */
  const patched = (content: Uint8Array, offset: number, value: bigint, bytes: 4 | 8): Uint8Array => {
    const copy = Buffer.from(content);
    if (bytes === 8) copy.writeBigUInt64LE(value, offset);
    else copy.writeUInt32LE(Number(value), offset);
    return copy;
  };

  for (const [name, bigEndian] of [
    ['little.gguf', false],
    ['big.gguf', true],
  ] as const) {
    it(`reads what the gguf library wrote: ${name}`, async () => {
      const header = await readGgufHeader(join(fixtures, name));
      assert.equal(header.version, 3);
      assert.equal(header.bigEndian, bigEndian);
      assert.deepEqual(Object.fromEntries(header.metadata), {
        'general.architecture': 'llama',
        'llama.block_count': 1,
        'test.float': 0.5,
        'test.negative': -7,
        'test.bool': true,
        'tokenizer.ggml.tokens': { length: 3 },
        'tokenizer.ggml.scores': { length: 3 },
      });
      assert.deepEqual(header.tensors, [
        { name: 'token_embd.weight', dtype: 'F32', shape: [4, 3], start: 480, end: 528 },
        { name: 'output.bias', dtype: 'F16', shape: [3], start: 544, end: 550 },
        { name: 'output.weight', dtype: 'Q8_0', shape: [32, 2], start: 576, end: 644 },
      ]);
      assert.equal(header.split, undefined);
    });
  }

  it('reads every type of value, in both byte orders and versions', async () => {
    const metadata: Record<string, GgufToWrite> = {
      a: { type: 'uint8', value: 200 },
      b: { type: 'int8', value: -2 },
      c: { type: 'uint16', value: 60_000 },
      d: { type: 'int16', value: -300 },
      e: { type: 'uint32', value: 4_000_000_000 },
      f: { type: 'float32', value: -0.25 },
      g: { type: 'uint64', value: 2n ** 63n },
      h: { type: 'int64', value: -5 },
      i: { type: 'float64', value: 0.1 },
      j: { type: 'string', value: 'é' },
      k: {
        type: 'array',
        value: [
          { type: 'string', value: 'x' },
          { type: 'string', value: '' },
        ],
      },
      l: { type: 'array', value: [] },
    };
    for (const options of [{ version: 2 }, { version: 3 }, { bigEndian: true }]) {
      const header = await read(writeGguf(metadata, [], options));
      assert.deepEqual(Object.fromEntries(header.metadata), {
        a: 200,
        b: -2,
        c: 60_000,
        d: -300,
        e: 4_000_000_000,
        f: -0.25,
        g: 2n ** 63n,
        h: -5n,
        i: 0.1,
        j: 'é',
        k: { length: 2 },
        l: { length: 0 },
      });
    }
  });

  it('tells which part of a split model a file is', async () => {
    const header = await read(
      writeGguf(
        {
          'split.no': { type: 'uint16', value: 1 },
          'split.count': { type: 'uint16', value: 3 },
          'split.tensors.count': { type: 'int32', value: 12 },
        },
        [],
      ),
    );
    assert.deepEqual(header.split, { number: 1, count: 3, tensors: 12 });
  });

  it('walks past a vocabulary that is longer than its window', async () => {
    const tokens: GgufToWrite[] = Array.from({ length: 40_000 }, (_, i) => ({ type: 'string', value: `token ${i}` }));
    const header = await read(
      writeGguf({ tokens: { type: 'array', value: tokens }, last: { type: 'uint8', value: 9 } }, [{ name: 't', dimensions: [4] }]),
    );
    assert.deepEqual(header.metadata.get('tokens'), { length: 40_000 });
    assert.equal(header.metadata.get('last'), 9);
    assert.equal(header.tensors[0]?.name, 't');
  });

  it('honours the alignment that the file asks for', async () => {
    const options = { alignment: 64 };
    const header = await read(
      writeGguf(
        { 'general.alignment': { type: 'uint32', value: 64 } },
        [
          { name: 'a', dimensions: [1] },
          { name: 'b', dimensions: [1] },
        ],
        options,
      ),
    );
    assert.deepEqual(
      header.tensors.map(({ start }) => start % 64),
      [0, 0],
    );
    for (const value of [0, 48])
      await refuses(writeGguf({ 'general.alignment': { type: 'uint32', value } }, []), /its alignment is not a power of two/);
  });

  it('accepts a tensor of a type it does not know', async () => {
    const header = await read(
      writeGguf({}, [
        { name: 'new', dimensions: [8], ggmlType: 999 },
        { name: 'old', dimensions: [8] },
      ]),
    );
    assert.deepEqual(
      header.tensors.map(({ dtype, start, end }) => [dtype, end - start]),
      [
        ['type 999', 32],
        ['F32', 32],
      ],
    );
  });

  it('refuses a truncation at every byte', async () => {
    const whole = await readFile(join(fixtures, 'little.gguf'));
    for (let length = 0; length < 644; length++)
      await refuses(whole.subarray(0, length), /it ends within its header|is not within the file/);
  });

  it('refuses another magic and other versions', async () => {
    await refuses(Buffer.from('GGML\0\0\0\0'), /it does not begin with "GGUF"/);
    for (const version of [0, 1, 4]) {
      await writeFile(path, writeGguf({}, [], { version }));
      await assert.rejects(readGgufHeader(path), {
        code: 'gguf-version',
        message: 'the GGUF file has a version that mlsign does not read',
        got: version === 0 ? '0' : String(version),
      });
    }
  });

  it('refuses counts and lengths beyond their limits before using them', async () => {
    const file = writeGguf({ key: { type: 'string', value: 'v' } }, [{ name: 't', dimensions: [2] }]);
    await refuses(patched(file, 8, 200_001n, 8), /the number of tensors is too large/);
    await refuses(patched(file, 16, 65_537n, 8), /the number of metadata keys is too large/);
    await refuses(patched(file, 24, 2n ** 63n, 8), /the length of a metadata key is too large/);
    await refuses(patched(file, 39, 2n ** 32n, 8), /the length of a metadata value is too large/);
  });

  it('refuses wrong arrays', async () => {
    const array = writeGguf({ k: { type: 'array', value: [{ type: 'string', value: 'abc' }] } }, []);
    await refuses(patched(array, 41, 2n ** 40n, 8), /the length of an array is too large/);
    await refuses(patched(array, 49, 2n ** 40n, 8), /it ends within its header/);
    await refuses(patched(array, 37, 13n, 4), /a metadata value has an unknown type/);
    const nested: GgufToWrite = { type: 'array', value: [{ type: 'array', value: [{ type: 'uint8', value: 1 }] }] };
    await refuses(writeGguf({ nested }, []), /an array is inside another one/);
  });

  it('refuses unknown types of values, wrong text and names given twice', async () => {
    const file = writeGguf({ key: { type: 'uint32', value: 1 } }, []);
    await refuses(patched(file, 35, 13n, 4), /a metadata value has an unknown type/);
    const wrong = Buffer.from(file);
    wrong[32] = 0xff;
    await refuses(wrong, /a metadata key is not valid UTF-8/);
    const two = Buffer.from(writeGguf({ a: { type: 'uint8', value: 1 }, b: { type: 'uint8', value: 1 } }, []));
    two[two.indexOf('b', 32)] = 0x61;
    await refuses(two, /a metadata key stands twice/);
    await refuses(
      writeGguf({}, [
        { name: 't', dimensions: [1] },
        { name: 't', dimensions: [1] },
      ]),
      /a tensor name stands twice/,
    );
  });

  it('refuses tensors that are not where they should be', async () => {
    const file = writeGguf({}, [
      { name: 'a', dimensions: [1] },
      { name: 'b', dimensions: [1] },
    ]);
    const second = Buffer.from(file).indexOf('b', 24);
    await refuses(patched(file, second + 17, 0n, 8), /the tensor "b" is not where it should be/);
    await refuses(patched(file, second + 5, 100n, 8), /the tensor "b" is not within the file/);
    await refuses(patched(file, second + 1, 9n, 4), /a tensor has too many dimensions/);
  });

  it('reads or refuses whatever bytes change, and never fails otherwise', async () => {
    const whole = await readFile(join(fixtures, 'little.gguf'));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.nat(479), fc.nat(255)), { minLength: 1, maxLength: 4 }), async (changes) => {
        const copy = Buffer.from(whole);
        for (const [offset, byte] of changes) copy[offset] = byte;
        await writeFile(path, copy);
        await readGgufHeader(path).catch((error) => {
          assert(error instanceof MlsignError);
          assert.match(error.code, /^gguf-(?:malformed|version)$/);
        });
      }),
      { numRuns: 300 },
    );
  });
});
