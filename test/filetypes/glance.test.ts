import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { glance, inspectContent } from '../../src/filetypes/index.ts';

const fixture = (path: string): Buffer => readFileSync(new URL(`../../fixtures/${path}`, import.meta.url));

async function inspect(name: string, bytes: Buffer) {
  return await inspectContent({
    path: name,
    size: bytes.length,
    read: async (offset, length) => bytes.subarray(offset, offset + length),
    readInto: async (buffer, offset) => bytes.copy(buffer, 0, offset, offset + buffer.length),
  });
}

describe('a glance at plain JSON', () => {
  it('tells it by all of its bytes and its name', () => {
    for (const text of ['{}', '[]', '{"hidden_size": 768}\n', '[\n  "é"\r\n\t]', '{"a\\n": 1}'])
      assert.equal(glance('config.json', Buffer.from(text)), 'json', text);
  });

  for (const [what, name, bytes] of [
    ['another name', 'config.txt', Buffer.from('{}')],
    ['what is no JSON', 'a.json', Buffer.from('[1]#')],
    ['JSON lines', 'a.json', Buffer.from('{}\n{}')],
    ['too much of it', 'a.json', Buffer.from(`[${'1,'.repeat(40_000)}1]`)],
    ['other text', 'a.json', Buffer.from('text')],
    ['a pickle', 'a.json', fixture('formats/system-0.pkl')],
    ['a binary pickle', 'a.json', fixture('formats/system-4.pkl')],
    ['a ZIP file behind it', 'a.json', Buffer.concat([Buffer.from('{}'), fixture('filetypes/checkpoint.pt')])],
    ['a zero byte', 'a.json', Buffer.from('{"a":"\0"}')],
    ['bytes that are not UTF-8', 'a.json', Buffer.from('{"\xff":1}', 'latin1')],
    ['a tar header', 'a.json', Buffer.from('{"a":"'.padEnd(257, 'x').concat('ustar"}'))],
    ['a TensorFlow Lite mark', 'a.json', Buffer.from('{"":TFL3}')],
    ['a chat template', 'a.json', Buffer.from('{"chat_template":"{{ x }}"}')],
    ['an escaped chat template', 'a.json', Buffer.from('{"ch\\u0061t_template":"{{ x }}"}')],
    ['code by name', 'a.json', Buffer.from('{"auto_map":{"AutoModel":"a.B"}}')],
    ['a Keras layer', 'a.json', Buffer.from('{"class_name":"Lambda"}')],
    ['a notebook', 'a.json', Buffer.from('{"cells":[{"cell_type":"code"}]}')],
    ['a tokenizer', 'a.json', Buffer.from('{"version":"1.0","added_tokens":[]}')],
  ] as const) {
    it(`does not tell ${what}`, () => assert.equal(glance(name, bytes), undefined));
  }

  it('tells nothing that inspecting it finds more in', async () => {
    const words = [
      'chat_template',
      'auto_map',
      'class_name',
      '\\u0063',
      '__lambda__',
      '{{',
      'a',
      '\n[',
      '"',
      '\\',
      '\x01',
      'é',
      'ustar',
      'PK\x05\x06',
      '#!',
    ];
    const piece = fc.oneof(fc.constantFrom(...words), fc.string(), fc.json());
    await fc.assert(
      fc.asyncProperty(fc.constantFrom('{', '[', '{"a":'), fc.array(piece, { maxLength: 6 }), async (start, pieces) => {
        const bytes = Buffer.from(start + pieces.join(''));
        if (glance('a.json', bytes) === undefined) return;
        const { runsCode, parts, defects, isComplete, imports } = await inspect('a.json', bytes);
        assert.deepEqual(
          { runsCode, parts, defects, isComplete, imports },
          { runsCode: false, parts: [], defects: [], isComplete: true, imports: [] },
        );
      }),
    );
  });
});

describe('a glance at a whole file', () => {
  const random = (length: number, seed: number) => {
    // The first byte is no opcode, as of most weights.
    const bytes = Buffer.alloc(length);
    for (let i = 1; i < length; i++) bytes[i] = (i * 2_654_435_761 * seed) >>> 13;
    return bytes;
  };

  for (const [format, name, bytes] of [
    ['empty', 'a.bin', Buffer.alloc(0)],
    ['unknown', 'weights/0.bin', random(200_000, 3)],
    ['unknown', 'short', Buffer.from([0])],
    ['text', 'vocab.txt', Buffer.from('a\nb\n')],
    ['markdown', 'README.md', Buffer.from('# Model\n')],
    ['image', 'a.png', Buffer.from('89504e470d0a1a0a00', 'hex')],
    ['parquet', 'a.parquet', Buffer.from('PAR1....PAR1')],
  ] as const) {
    it(`tells ${format} (${name})`, async () => {
      assert.equal(glance(name, bytes), format);
      assert.equal((await inspect(name, bytes)).type.format, format);
    });
  }

  const weights = random(100_000, 3);
  const end = Buffer.concat([Buffer.from('PK\x05\x06', 'latin1'), Buffer.alloc(18)]);
  for (const [what, name, bytes] of [
    ['a ZIP file behind anything', 'a.bin', Buffer.concat([weights, fixture('filetypes/checkpoint.pt')])],
    ['an end record of a ZIP file before 60 kB', 'a.bin', Buffer.concat([weights, end, weights.subarray(0, 60_000)])],
    ['code by its name', 'a.py', weights],
    ['a script', 'run', Buffer.from('#!/bin/sh\n')],
    ['YAML', 'a.yaml', Buffer.from('a: !!python/object/apply:os.system [id]\n')],
    ['a graph that is written out', 'saved_model.pbtxt', Buffer.from('node { op: "PyFunc" }')],
    ['JSON under another name', 'a.txt', Buffer.from('\ufeff {"chat_template":"{{ x }}"}')],
    ['a pickle of protocol 0', 'a.txt', Buffer.from("cos\nsystem\n(S'id'\ntR.")],
    ['a pickle behind what an unpickler takes', 'a.bin', Buffer.concat([Buffer.from('NNNN'), fixture('formats/system-0.pkl'), weights])],
    ['many opcodes', 'a.txt', Buffer.from('N'.repeat(100_000))],
    ['a tar header', 'a.bin', Buffer.concat([Buffer.alloc(257), Buffer.from('ustar'), weights])],
  ] as const) {
    it(`does not tell ${what}`, () => assert.equal(glance(name, bytes), undefined));
  }

  it('tells weights that begin by chance like zlib, gzip, LZMA, bytecode or a program', async () => {
    const weights = Buffer.alloc(4000, 0xfe);
    for (const [start, at = ''] of [
      ['78dae005f3c7d269'],
      ['1f8b66db31a5'],
      ['5d0046b2df27390bb52943ba82c1'],
      ['cb0d0d0a'],
      ['e0450d0a', 'e3'],
      ['4d5a5ace'],
    ] as const) {
      const bytes = Buffer.from(weights);
      bytes.write(start, 'hex');
      bytes.write(at, 16, 'hex');
      assert.equal(glance('weights/0.bin', bytes), 'unknown', start);
      const { type, runsCode, defects, isComplete } = await inspect('weights/0.bin', bytes);
      assert.deepEqual([type.format, runsCode, defects, isComplete], ['unknown', false, [], true], start);
    }
  });

  /** What a glance tells is all that there is to be found. */
  async function agrees(name: string, bytes: Buffer): Promise<void> {
    const told = glance(name, bytes);
    if (told === undefined) return;
    const { type, runsCode, parts, defects, isComplete, imports } = await inspect(name, bytes);
    const expected = { format: told, runsCode: false, parts: [], defects: [], isComplete: true, imports: [] };
    assert.deepEqual({ format: type.format, runsCode, parts, defects, isComplete, imports }, expected);
  }

  const corpus = ['filetypes', 'formats', 'archives'].flatMap((folder) =>
    readdirSync(new URL(`../../fixtures/${folder}`, import.meta.url), { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ name }) => fixture(`${folder}/${name}`)),
  );
  const name = fc.constantFrom(
    'a.bin',
    'a',
    'a.txt',
    'a.md',
    'a.json',
    'a.pt',
    'b/model.safetensors',
    'a.yml',
    'x.py',
    'saved_model.pb',
    'keras_metadata.pb',
  );

  it('tells of no known file, whole, cut, or between other bytes, what inspecting it would not', async () => {
    const piece = fc.oneof(
      fc
        .constantFrom(...corpus)
        .chain((file) => fc.tuple(fc.nat(file.length), fc.nat(file.length)).map(([a, b]) => file.subarray(Math.min(a, b), Math.max(a, b)))),
      fc.constantFrom(...corpus),
      fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes)),
    );
    await fc.assert(
      fc.asyncProperty(name, fc.array(piece, { maxLength: 3 }), async (path, pieces) => agrees(path, Buffer.concat(pieces))),
      { numRuns: 1000 },
    );
  });

  it('tells of no sequence of opcodes what unpickling it would not', async () => {
    const opcode = fc.constantFrom(
      ...Buffer.from(
        '(.012FIJKLMNPQRSTUVXab cd}eghijl]opqrstu)G\x80\x81\x82\x85\x86\x87\x88\x8a\x8c\x8e\x93\x94\x95\x97\n\0\x01',
        'latin1',
      ),
    );
    await fc.assert(
      fc.asyncProperty(name, fc.array(opcode, { maxLength: 60 }), async (path, bytes) => agrees(path, Buffer.from(bytes))),
      { numRuns: 3000 },
    );
  });
});
