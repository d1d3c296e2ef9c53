import assert from 'node:assert/strict';
import { deflateSync, gzipSync } from 'node:zlib';
import { type FileInspection, inspectContent } from '../../src/filetypes/index.ts';
import { memoryFile, SYSTEM, zipBytes } from '../helpers/inspect-files.ts';

const inspect = (content: Uint8Array | string, name?: string): Promise<FileInspection> => inspectContent(memoryFile(content, name));
const importsOf = ({ imports }: FileInspection): readonly string[] => imports.map(({ module, name }) => `${module}.${name}`);
const defectsOf = ({ defects }: FileInspection): readonly string[] => defects.map(({ code, message }) => `${code}: ${message}`);
const runs = ({ parts }: FileInspection): readonly string[] => parts.filter((part) => part.runsCode).map(({ what }) => what);

const LAMBDA = '"class_name": "Lambda", "config": {"function": ["4wEA"]}';
const YAML = 'its YAML tags name Python objects, which an unsafe loader makes';
const BYTECODE = 'a Lambda layer holds Python bytecode';

/** One member of a tar file as it was before POSIX: no magic, only a checksum. */
function oldTar(name: string, content: Buffer): Buffer {
  const header = Buffer.alloc(512);
  header.write(name);
  header.write('0000644\0', 100);
  header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124);
  header.fill(' ', 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return Buffer.concat([header, content, Buffer.alloc((512 - (content.length % 512)) % 512)]);
}

/** A NumPy array whose header is this text. */
function numpy(header: string, data: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16LE(header.length);
  return Buffer.concat([Buffer.from('\x93NUMPY\x01\0', 'latin1'), length, Buffer.from(header), data]);
}

describe('inspectContent, where code is hidden', () => {
  it('finds the pickle in a tar file without a magic, which torch.load() opens', async () => {
    const found = await inspect(Buffer.concat([oldTar('pickle', SYSTEM), Buffer.alloc(1024)]), 'model.bin');
    assert.equal(found.type.format, 'tar');
    assert.deepEqual(importsOf(found), ['os.system']);
  });

  it('finds a tar file that is something else as well', async () => {
    const tar = oldTar('GGUF', SYSTEM);
    const found = await inspect(tar, 'model.gguf');
    assert.equal(found.type.format, 'gguf');
    assert.ok(defectsOf(found).includes('format-ambiguous: the file can be read as a tar file too'));
    assert.deepEqual(importsOf(found), ['os.system']);
  });

  it('refuses a tar file that goes on behind an empty block', async () => {
    const found = await inspect(Buffer.concat([oldTar('a', Buffer.from('a')), Buffer.alloc(512), oldTar('b', SYSTEM)]), 'a.tar');
    assert.deepEqual(defectsOf(found), ['tar-malformed: the tar file goes on behind an empty block']);
    assert.equal(found.isComplete, false);
    const ended = await inspect(Buffer.concat([oldTar('a', Buffer.from('a')), Buffer.alloc(1024)]), 'a.tar');
    assert.deepEqual([ended.defects, ended.isComplete], [[], true]);
  });

  it('refuses what follows compressed data: joblib and gzip go on there', async () => {
    for (const [what, bytes] of Object.entries({
      zlib: Buffer.concat([deflateSync(''), deflateSync(SYSTEM)]),
      'gzip behind zeros': Buffer.concat([gzipSync('text'), Buffer.alloc(3), gzipSync(SYSTEM)]),
    })) {
      const { defects } = await inspect(bytes, 'model.joblib');
      assert.equal(defects[0]?.code, 'compressed-trailing-bytes', what);
      assert.equal(defects[0].message, 'bytes follow the compressed data', what);
    }
    assert.deepEqual((await inspect(gzipSync('text'), 'a.gz')).defects, []);
  });

  it('knows LZMA by the two bytes by which joblib does, and zlib that is all letters', async () => {
    const lzma = await inspect(Buffer.from('5d00100000ffffffffffffffff0041', 'hex'), 'model.bin');
    assert.deepEqual([lzma.type.format, lzma.isComplete], ['compressed', false]);
    assert.equal((await inspect('x^2 is a square', 'notes.txt')).type.format, 'text');
    assert.equal((await inspect('x^3iYe:AHn', 'model.bin')).type.format, 'compressed');
  });

  it('reads the letter O in the header of a NumPy array however it is spelt', async () => {
    const found = await inspect(numpy("{'descr': '\\x4f', 'fortran_order': False, 'shape': (1,), }\n", SYSTEM), 'a.npy');
    assert.deepEqual(importsOf(found), ['os.system']);
  });

  it('finds tags of Python in YAML that is long, shortened, escaped, or JSON as well', async () => {
    const tag = '!!python/object/apply:os.system [id]';
    const texts = {
      long: `${'# x\n'.repeat(300_000)}a: ${tag}\n`,
      shortened: '%TAG !p! tag:yaml.org,2002:pyt\n---\na: !p!hon/object/apply:os.system [id]\n',
      escaped: 'a: !!%70ython/object/apply:os.system [id]\n',
      'JSON as well': `{"a": "${'x'.repeat(70_000)}", "b": ${tag}}`,
    };
    for (const [what, text] of Object.entries(texts)) assert.deepEqual(runs(await inspect(text, 'config.yaml')), [YAML], what);
  });

  it('refuses YAML and JSON in other encodings', async () => {
    const wide = (text: string) => Buffer.from(text, 'utf16le');
    const texts = [
      wide('\ufeff{"a": 1}'),
      wide('{"a": 1}'),
      wide('{"a": 1}').swap16(),
      Buffer.from('\0\0\0{\0\0\0}'),
      Buffer.from('{\0\0\0}\0\0\0'),
    ];
    for (const name of ['config.yaml', 'config.json']) {
      for (const text of texts) {
        const found = await inspect(text, name);
        assert.deepEqual(defectsOf(found), ['text-malformed: it is text in UTF-16 or UTF-32, which some readers take'], name);
      }
    }
  });

  it('takes bytes that are no text for what they are, whatever their name', async () => {
    const bytes = Buffer.from('c3288a9f00d1ff7e51aa', 'hex');
    for (const name of ['state.json', 'state.yaml']) assert.deepEqual(defectsOf(await inspect(bytes, name)), []);
    assert.deepEqual(runs(await inspect(Buffer.concat([bytes, Buffer.from('\na: !!python/object/apply:os.system [id]\n')]), 'a.yaml')), [
      YAML,
    ]);
  });

  it('finds Lambda layers in JSON that only others read, or that is big', async () => {
    const texts = {
      'not a number': `{"x": NaN, ${LAMBDA}}`,
      'a key twice': `{"x": 1, "x": 2, ${LAMBDA}}`,
      'too deep': `{"x": ${'['.repeat(300)}${']'.repeat(300)}, ${LAMBDA}}`,
    };
    for (const [what, text] of Object.entries(texts)) {
      assert.deepEqual(runs(await inspect(text, 'model.json')), [BYTECODE], what);
      const members = { 'config.json': text, 'metadata.json': '{}', 'model.weights.h5': '\x89HDF\r\n' };
      const keras = zipBytes(Object.entries(members).map(([name, content]) => ({ name, content: Buffer.from(content) })));
      assert.deepEqual(runs(await inspect(keras, 'model.keras')), [BYTECODE], `${what}, in Keras`);
    }
    assert.equal((await inspect(`{"x": NaN, "class_name": "Dense"}`, 'model.json')).isComplete, false);
    const big = `${' '.repeat(17 * 1024 * 1024)}{${LAMBDA}}`;
    assert.equal((await inspect(big, 'model.json')).isComplete, false);
    assert.equal((await inspect(`{"a": "${'x'.repeat(17 * 1024 * 1024)}"}`, 'model.json')).isComplete, true);
  });

  it('finds Lambda layers in the metadata of Keras beside a SavedModel', async () => {
    const metadata = Buffer.from(`\x0a\x7f\x08\x01\x1a\x04root{${LAMBDA}}`);
    assert.deepEqual(runs(await inspect(metadata, 'keras_metadata.pb')), [BYTECODE]);
  });

  it('reads a SavedModel that is written as text', async () => {
    const graph = (op: string): string => `saved_model_schema_version: 1\nmeta_graphs { graph_def { node { op: ${op} } } }\n`;
    const found = await inspect(graph('"ReadFile"'), 'saved_model.pbtxt');
    assert.deepEqual(runs(found), ['its graph has the operation ReadFile']);
    assert.equal((await inspect(graph('"Read\\106ile"'), 'saved_model.pbtxt')).isComplete, false);
    const harmless = await inspect(graph('"MatMul"'), 'saved_model.pbtxt');
    assert.deepEqual([runs(harmless), harmless.isComplete], [[], true]);
  });
});
