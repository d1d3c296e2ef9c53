import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { MlsignError } from '../../src/core/index.ts';
import { expectedFormats, FILE_FORMATS, type FileInspection, inspectContent, RUNS_CODE, withFile } from '../../src/filetypes/index.ts';
import { memoryFile, SYSTEM, zipBytes } from '../helpers/inspect-files.ts';
import { rawSafetensors, writeGguf } from '../helpers/model-files.ts';

const fixtures = join(import.meta.dirname, '../../fixtures');

const inspect = (content: Uint8Array | string, name?: string): Promise<FileInspection> => inspectContent(memoryFile(content, name));
const fixture = (name: string): Promise<FileInspection> => withFile(join(fixtures, name), (file) => inspectContent(file));
const importsOf = ({ imports }: FileInspection): readonly string[] => imports.map(({ module, name }) => `${module}.${name}`);
const partsOf = ({ parts }: FileInspection): readonly string[] =>
  parts.map(({ format, where, what, runsCode }) => `${runsCode ? 'runs' : 'holds'} ${format} ${where === '' ? '' : `${where}: `}${what}`);
const codesOf = ({ defects }: FileInspection): readonly string[] => defects.map(({ code }) => code);

/** A protobuf field that holds bytes. */
function field(number: number, content: Buffer | string): Buffer {
  const bytes = Buffer.from(content);
  return Buffer.concat([Buffer.from([...varint(number * 8 + 2), ...varint(bytes.length)]), bytes]);
}

function varint(value: number): readonly number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
}

/** Where the value of an HDF5 attribute stands: after its name, its type and its space, each filled up to eight bytes. */
function valueAt(file: Buffer, name: number): number {
  const padded = (offset: number): number => Math.ceil(file.readUInt16LE(name + offset) / 8) * 8;
  return name + padded(-6) + padded(-4) + padded(-2);
}

describe('inspectContent', () => {
  it('finds nothing in what cannot run code', async () => {
    const harmless = ['numpy.safetensors', 'little.gguf', 'big.gguf', 'relu.onnx', 'model.keras', 'keras.h5', 'weights.h5', 'weight.npy'];
    for (const name of [...harmless, 'weights.npz', 'sentencepiece.model', 'tokenizer.json', 'plain.zip', 'README.md']) {
      const { type, ...found } = await fixture(`filetypes/${name}`);
      assert.deepEqual(found, { runsCode: false, imports: [], parts: [], defects: [], isComplete: true }, `${name}: ${type.label}`);
    }
  });

  it('says of pickles in every format that they run code', async () => {
    const formats = { 'checkpoint.pt': 'pytorch', 'script.pt': 'torchscript', 'legacy.pt': 'pytorch-legacy', 'protocol-0.pkl': 'pickle' };
    for (const [name, format] of Object.entries(formats)) {
      const found = await fixture(`filetypes/${name}`);
      assert.equal(found.type.format, format);
      assert.equal(found.runsCode, true, name);
      assert.deepEqual([found.imports, found.defects, found.isComplete], [[], [], true], name);
    }
  });

  it('reads the pickle of a NumPy array of objects, and of such a field of records', async () => {
    const array = await fixture('formats/objects.npy');
    assert.equal(array.type.format, 'numpy');
    assert.deepEqual(importsOf(array), ['posix.system']);
    assert.deepEqual(partsOf(array), ['runs pickle unpickling it calls whatever it imports']);
    const archive = await fixture('formats/objects.npz');
    assert.equal(archive.type.format, 'numpy-zip');
    assert.deepEqual(importsOf(archive), ['posix.system']);
    assert.deepEqual(partsOf(archive), ['runs pickle b.npy: unpickling it calls whatever it imports']);
  });

  it('refuses a NumPy array whose header or length is other than the format says', async () => {
    const whole = await readFile(join(fixtures, 'filetypes/weight.npy'));
    const cases = {
      'the NumPy array ends before its data do': whole.subarray(0, whole.length - 1),
      'bytes follow the NumPy array': Buffer.concat([whole, Buffer.from('x')]),
      'the header of the NumPy array is malformed': Buffer.from(whole.toString('latin1').replace("'shape'", "'shapf'"), 'latin1'),
      'the NumPy array has an unknown version': Buffer.from(whole.toString('latin1').replace('NUMPY\x01', 'NUMPY\x09'), 'latin1'),
      'the NumPy array has less than its header': whole.subarray(0, 40),
    };
    for (const [message, bytes] of Object.entries(cases)) {
      const found = await inspect(bytes);
      assert.deepEqual(
        found.defects.map((defect) => [defect.code, defect.message]),
        [['numpy-malformed', message]],
      );
    }
  });

  it('finds Lambda layers, serialized functions and foreign modules in Keras', async () => {
    assert.deepEqual(partsOf(await fixture('formats/lambda.keras')), [
      'runs keras config.json: a Lambda layer holds Python bytecode',
      'runs keras config.json: a serialized function holds Python bytecode',
    ]);
    const foreign = { class_name: 'system', module: 'os', config: {} };
    assert.deepEqual(partsOf(await inspect(JSON.stringify({ layers: [foreign] }), 'config.json')), [
      'runs keras it makes an object of the module "os"',
    ]);
    for (const module of ['keras.utils', 'keras.src.saving.saving_lib', 'builtins', 'kerass.layers']) {
      assert.equal((await inspect(JSON.stringify({ class_name: 'get_file', module }))).runsCode, true, module);
    }
    for (const module of ['keras.layers', 'keras.src.models.functional', 'tf_keras.layers']) {
      assert.equal((await inspect(JSON.stringify({ class_name: 'Dense', module }))).runsCode, false, module);
    }
    const registered = { class_name: 'Mine', module: 'keras.layers', registered_name: 'package>Mine' };
    assert.deepEqual(partsOf(await inspect(JSON.stringify(registered))), ['holds keras it needs the registered class "package>Mine"']);
    const hdf5 = Buffer.concat([await readFile(join(fixtures, 'filetypes/keras.h5')), Buffer.from('{"class_name": "Lambda"}')]);
    assert.deepEqual(partsOf(await inspect(hdf5)), ['runs keras a Lambda layer holds Python bytecode']);
  });

  it('reads the configuration of Keras in a large HDF5 file, wherever it is', async () => {
    const whole = await readFile(join(fixtures, 'filetypes/keras.h5'));
    const config = Buffer.from(
      JSON.stringify({ class_name: 'Sequential', config: { layers: [{ class_name: 'Lambda', module: 'keras.layers' }] } }),
    );
    // The value of an attribute is in a heap elsewhere: here in one of our own, beyond what is searched.
    const name = whole.indexOf('keras_version');
    whole.write('model_config\0', name, 'latin1');
    whole.writeUInt16LE(13, name - 6);
    const value = valueAt(whole, name);
    const heapAt = whole.length + 12 * 1024 * 1024;
    whole.writeUInt32LE(config.length, value);
    whole.writeBigUInt64LE(BigInt(heapAt), value + 4);
    whole.writeUInt32LE(1, value + 12);
    const heap = Buffer.alloc(32);
    heap.write('GCOL\x01', 'latin1');
    heap.writeBigUInt64LE(4096n, 8);
    heap.writeUInt16LE(1, 16);
    heap.writeBigUInt64LE(BigInt(config.length), 24);
    const found = await inspect(Buffer.concat([whole, Buffer.alloc(12 * 1024 * 1024), heap, config, Buffer.alloc(12 * 1024 * 1024)]));
    assert.deepEqual(partsOf(found), ['runs keras a Lambda layer holds Python bytecode']);
    assert.equal(found.isComplete, true);
    const plain = Buffer.concat([await readFile(join(fixtures, 'filetypes/weights.h5')), Buffer.alloc(24 * 1024 * 1024)]);
    assert.deepEqual([(await inspect(plain)).runsCode, (await inspect(plain)).isComplete], [false, true]);
    plain[8] = 9;
    assert.equal((await inspect(plain)).isComplete, false);
  });

  it('lists templates, and says which reach out of their sandbox', async () => {
    const plain = '{% for m in messages %}{{ m.content }}{% endfor %}';
    assert.deepEqual(partsOf(await inspect(JSON.stringify({ chat_template: plain }), 'tokenizer_config.json')), [
      'holds template chat_template: a template, which the tokenizer runs in a sandbox',
    ]);
    assert.deepEqual(partsOf(await inspect(plain, 'chat_template.jinja')), [
      'holds template a template, which the tokenizer runs in a sandbox',
    ]);
    const hostile = [
      "{{ ''.__class__.__mro__ }}",
      "{{ x|attr('a') }}",
      "{% import 'x' as y %}",
      '{{ lipsum }}',
      String.raw`{{ x['\x5f\x5fclass'] }}`,
      '{{ self.x }}',
    ];
    for (const template of hostile) {
      const named = [{ name: 'tool', template }];
      for (const [text, name] of [
        [JSON.stringify({ chat_template: template }), 'tokenizer_config.json'],
        [JSON.stringify({ chat_template: named }), 'tokenizer_config.json'],
        [template, 'chat_template.jinja'],
      ] as const) {
        const found = await inspect(text, name);
        assert.equal(found.runsCode, true, text);
        assert.match(found.parts.find(({ runsCode }) => runsCode)?.what ?? '', /^the template reaches out of its sandbox: "/);
      }
      const gguf = await inspect(writeGguf({ 'tokenizer.chat_template': { type: 'string', value: template } }, []));
      assert.equal(gguf.parts[0]?.where, 'tokenizer.chat_template');
      assert.equal(gguf.runsCode, true);
    }
  });

  it('finds a template whose key is spelt with escapes, and one in JSON that only others read', async () => {
    const hidden = `{"chat_templat\\u0065": "{{ ''.__class__ }}"}`;
    assert.equal((await inspect(hidden, 'tokenizer_config.json')).runsCode, true);
    const twice = `{"chat_template": "{{ ''.__class__ }}", "chat_template": "x"}`;
    assert.equal((await inspect(twice, 'tokenizer_config.json')).runsCode, true);
  });

  it('tells of code that JSON and YAML name', async () => {
    assert.deepEqual(partsOf(await inspect('{"auto_map": {"AutoModel": "modeling.M"}}', 'config.json')), [
      'holds python auto_map names Python classes, which transformers runs only with trust_remote_code',
    ]);
    assert.deepEqual(partsOf(await inspect('a: !!python/object/apply:os.system ["true"]\n', 'config.yaml')), [
      'runs python its YAML tags name Python objects, which an unsafe loader makes',
    ]);
  });

  it('knows scripts, notebooks and machine code', async () => {
    const cases: readonly (readonly [string | Buffer, string, string])[] = [
      ['pass\n', 'modeling.py', 'python importing it runs it'],
      ['#!/usr/bin/env python3\n', 'run', 'python importing it runs it'],
      [Buffer.from('cb0d0d0a000000000000000000000000e300', 'hex'), 'x.pyc', 'python importing it runs it'],
      ['#!/bin/sh\n', 'run', 'shell it is a script'],
      ['true\n', 'x.sh', 'shell it is a script'],
      ['{"cells": [{"cell_type": "code"}]}', 'x.ipynb', 'notebook its cells are code'],
      [Buffer.from('7f454c4602010100', 'hex'), 'x.so', 'native it is machine code'],
      [Buffer.from('cffaedfe07000001', 'hex'), 'x.dylib', 'native it is machine code'],
      [Buffer.from('0061736d01000000', 'hex'), 'x.wasm', 'native it is machine code'],
      [
        Buffer.concat([Buffer.from('MZ'), Buffer.alloc(58), Buffer.from('40000000', 'hex'), Buffer.from('PE\0\0')]),
        'x.dll',
        'native it is machine code',
      ],
    ];
    for (const [content, name, part] of cases) assert.deepEqual(partsOf(await inspect(content, name)), [`runs ${part}`], name);
  });

  it('takes a name for code whatever the bytes are', async () => {
    const cases = { 'PAR1 = 1\nimport os\n': 'parquet', '# \x01\nimport os\n': 'unknown', '[1]\nimport os\n': 'python' };
    for (const [text, format] of Object.entries(cases)) {
      const found = await inspect(text.padEnd(70_000, '\n'), 'modeling.py');
      assert.equal(found.type.format, format);
      assert.deepEqual(
        found.parts.map(({ format: part, runsCode }) => [part, runsCode]),
        [['python', true]],
      );
    }
    assert.equal((await inspect('', '__init__.py')).runsCode, false);
  });

  it('looks into tar files, gzip and zlib', async () => {
    for (const name of ['model.nemo', 'model.tar.gz', 'system.pkl.gz', 'system.pkl.z']) {
      const found = await fixture(`formats/${name}`);
      assert.deepEqual(importsOf(found), ['posix.system'], name);
      assert.deepEqual([found.defects, found.isComplete], [[], true], name);
    }
    const torn = (await readFile(join(fixtures, 'formats/model.nemo'))).fill(1, 1024, 1100);
    const found = await inspect(torn);
    assert.deepEqual(
      found.defects.map(({ code, message }) => [code, message]),
      [['tar-malformed', 'the tar file is malformed']],
    );
    assert.equal(found.isComplete, false);
  });

  it('leaves open what it cannot unpack', async () => {
    for (const magic of ['fd377a585a00', '425a683931', '04224d18', '28b52ffd', '377abcaf271c', '526172211a07']) {
      const found = await inspect(Buffer.concat([Buffer.from(magic, 'hex'), Buffer.alloc(40, 0xee)]));
      assert.deepEqual([found.type.format, found.isComplete], ['compressed', false], magic);
    }
    let nested: Buffer = SYSTEM;
    for (let depth = 0; depth < 8; depth++) nested = gzipSync(nested);
    assert.equal((await inspect(nested)).isComplete, false);
  });

  it('names the operations of a SavedModel that leave its graph', async () => {
    const graphOf = (operation: string) => field(2, field(2, field(1, Buffer.concat([field(1, 'node'), field(2, operation)]))));
    const saved = (operation: string): Buffer => Buffer.concat([Buffer.from([8, 1]), graphOf(operation)]);
    const found = await inspect(saved('ReadFile'), 'saved_model.pb');
    assert.equal(found.type.format, 'saved-model');
    assert.deepEqual(partsOf(found), ['runs saved-model its graph has the operation ReadFile']);
    assert.deepEqual(partsOf(await inspect(saved('MatMul'))), []);
  });

  it('refuses weights of ONNX outside its folder, and tells of operators that a library must bring', async () => {
    const model = (location: string, domain: string): Buffer => {
      const tensor = field(5, field(13, Buffer.concat([field(1, 'location'), field(2, location)])));
      return Buffer.concat([Buffer.from([8, 8]), field(7, Buffer.concat([field(1, field(1, 'x')), tensor])), field(8, field(1, domain))]);
    };
    assert.deepEqual((await inspect(model('weights.bin', 'ai.onnx.ml'))).defects, []);
    for (const path of ['../weights.bin', '/etc/passwd', 'C:\\x', 'a/../../b']) {
      assert.deepEqual((await inspect(model(path, ''))).defects, [
        {
          code: 'onnx-external-data',
          message: 'the model takes weights from outside its folder',
          expected: 'a path below it',
          got: JSON.stringify(path),
        },
      ]);
    }
    assert.deepEqual(partsOf(await inspect(model('w', 'com.example'))), [
      'holds onnx it uses operators of "com.example", which a native library must bring',
    ]);
    const torn = Buffer.concat([Buffer.from([8, 8]), field(8, field(1, '')), field(7, Buffer.from([0x0a, 0x40]))]);
    assert.deepEqual(codesOf(await inspect(torn)), ['onnx-malformed']);
  });

  it('says what is wrong with safetensors and GGUF', async () => {
    const holed = rawSafetensors('{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}', Buffer.alloc(2));
    assert.deepEqual(codesOf(await inspect(holed)), ['safetensors-malformed']);
    assert.deepEqual(codesOf(await inspect('GGUF')), ['gguf-malformed']);
  });

  it('finds the pickle in a file that is safetensors too', async () => {
    // A header of 86 bytes begins with "V", a string up to the line end; then "}" is an empty dictionary, and the tensor follows.
    const tensor = Buffer.concat([Buffer.from('0'), SYSTEM]);
    const length = 86;
    const json = `{"a":{"dtype":"U8","shape":[${tensor.length}],"data_offsets":[0,${tensor.length}]}`;
    const bytes = Buffer.concat([Buffer.from([length, 0, 0, 0, 0, 0, 0, 0]), Buffer.from(`${json.padEnd(length - 2)}\n}`), tensor]);
    const found = await inspect(bytes, 'model.bin');
    assert.equal(found.type.format, 'safetensors');
    assert.equal(found.runsCode, true);
    assert.deepEqual(importsOf(found), ['os.system']);
    assert.deepEqual(found.defects[0], {
      code: 'format-ambiguous',
      message: 'the file can be read as a pickle too',
      expected: 'safetensors',
      got: 'pickle',
    });
  });

  it('finds a ZIP file at the end of any other', async () => {
    const zip = zipBytes([{ name: 'a/data.pkl', content: SYSTEM }]);
    for (const start of [rawSafetensors('{}'), Buffer.from('import os\n'.repeat(10_000)), Buffer.from('89504e470d0a1a0a', 'hex')]) {
      const found = await inspect(Buffer.concat([start, zip]));
      assert.deepEqual(importsOf(found), ['os.system']);
      assert(codesOf(found).includes('format-ambiguous'));
    }
  });

  it('reads no more than the ends of a large file', async () => {
    const size = 96 * 1024 * 1024;
    const header = JSON.stringify({ w: { dtype: 'U8', shape: [size], data_offsets: [0, size] } });
    const large = [
      rawSafetensors(header, Buffer.alloc(size)),
      Buffer.alloc(size, 0xff),
      zipBytes([
        { name: 'a/data/0', content: Buffer.alloc(size) },
        { name: 'a/data.pkl', content: SYSTEM },
      ]),
    ];
    for (const content of large) {
      const file = memoryFile(content);
      assert.equal((await inspectContent(file)).isComplete, true);
      assert(file.bytesRead < 1024 * 1024, `${file.bytesRead} bytes read`);
    }
  }).timeout(60_000);

  it('answers for every beginning of every fixture', async () => {
    for (const name of [
      'formats/checkpoint.pt',
      'formats/model.nemo',
      'formats/system.pkl.gz',
      'formats/objects.npz',
      'filetypes/relu.onnx',
      'filetypes/weights.h5',
    ]) {
      const whole = await readFile(join(fixtures, name));
      for (let length = 0; length < whole.length; length += whole.length > 2000 ? 97 : 1) {
        assert.equal(typeof (await inspect(whole.subarray(0, length))).runsCode, 'boolean');
      }
    }
  }).timeout(60_000);

  it('answers for any bytes', async () => {
    const starts = [
      '',
      'GGUF',
      'PK\x03\x04',
      'PK\x05\x06',
      '\x80\x04',
      '\x08\x01',
      '{"',
      '\x93NUMPY\x01\0',
      '\x1f\x8b\x08',
      '\x78\x9c',
      '\x89HDF\r\n\x1a\n',
      '\x7fELF',
      '#!',
    ];
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...starts), fc.uint8Array({ maxLength: 300 }), async (start, rest) => {
        const found = await inspect(Buffer.concat([Buffer.from(start, 'latin1'), rest]));
        assert(FILE_FORMATS.includes(found.type.format));
        assert(!found.runsCode || found.parts.length > 0);
      }),
      { numRuns: 500 },
    );
  }).timeout(60_000);

  it('stops when it is told to', async () => {
    await assert.rejects(inspectContent(memoryFile('x'), AbortSignal.abort()), (error) => {
      assert(error instanceof MlsignError);
      assert.deepEqual([error.code, error.message], ['interrupted', 'interrupted']);
      return true;
    });
  });
});

describe('expectedFormats', () => {
  it('says what a name may stand for, and nothing where it promises nothing', () => {
    assert.deepEqual(expectedFormats('a/model.SAFETENSORS'), ['safetensors']);
    assert.deepEqual(expectedFormats('x.npy'), ['numpy']);
    assert(expectedFormats('model.pt')?.includes('torchscript'));
    assert.equal(expectedFormats('model.bin'), undefined);
    assert.equal(expectedFormats('LICENSE'), undefined);
    assert.equal(expectedFormats('constructor'), undefined);
    assert.equal(expectedFormats('x.constructor'), undefined);
  });

  it('names only formats that there are', () => {
    assert(FILE_FORMATS.includes('pickle'));
    for (const format of RUNS_CODE) assert(FILE_FORMATS.includes(format));
  });
});
