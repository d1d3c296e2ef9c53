import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { MlsignError } from '../../src/core/index.ts';
import { type FileFormat, formatOfName, identify } from '../../src/filetypes/index.ts';
import { rawSafetensors, writeGguf } from '../helpers/model-files.ts';

const fixtures = join(import.meta.dirname, '../../fixtures/filetypes');

describe('identify', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mlsign-detect-'));
  });
  after(() => rm(folder, { recursive: true }));

  const formatOf = async (content: string | Uint8Array, name = 'file'): Promise<FileFormat> => {
    const path = join(folder, name);
    await writeFile(path, content);
    return (await identify(path)).format;
  };

  const made: Readonly<Record<string, FileFormat>> = {
    'numpy.safetensors': 'safetensors',
    'little.gguf': 'gguf',
    'big.gguf': 'gguf',
    'checkpoint.pt': 'pytorch',
    'script.pt': 'torchscript',
    'legacy.pt': 'pytorch-legacy',
    'protocol-0.pkl': 'pickle',
    'protocol-1.pkl': 'pickle',
    'protocol-2.pkl': 'pickle',
    'protocol-3.pkl': 'pickle',
    'protocol-4.pkl': 'pickle',
    'protocol-5.pkl': 'pickle',
    'relu.onnx': 'onnx',
    'model.keras': 'keras',
    'keras.h5': 'keras',
    'weights.h5': 'hdf5',
    'weight.npy': 'numpy',
    'weights.npz': 'numpy-zip',
    'sentencepiece.model': 'sentencepiece',
    'tokenizer.json': 'tokenizer',
    'plain.zip': 'zip',
    'make.py': 'python',
    'README.md': 'markdown',
  };
  for (const [name, format] of Object.entries(made)) {
    it(`knows ${name} as ${format}`, async () => {
      assert.equal((await identify(join(fixtures, name))).format, format);
    });
  }

  it('knows text, JSON, JSON lines and what is neither', async () => {
    assert.equal(await formatOf('MIT License\n'), 'text');
    assert.equal(await formatOf('{"a": [1, 2]}\n'), 'json');
    assert.equal(await formatOf('\ufeff[1]'), 'json');
    assert.equal(await formatOf('{"a": 1}\n{"a": 2}\n'), 'jsonl');
    assert.equal(await formatOf('{not json}'), 'text');
    assert.equal(await formatOf('import os\n', 'x.PY'), 'python');
    assert.equal(await formatOf(''), 'empty');
    assert.equal(await formatOf(Buffer.from([0, 1, 2, 3])), 'unknown');
    assert.equal(await formatOf(Buffer.from('text with a \0 in it')), 'unknown');
    assert.equal(await formatOf('PAR1\x15\x04'), 'parquet');
  });

  it('goes by the bytes and not by the name', async () => {
    assert.equal(await formatOf(writeGguf({}, []), 'model.safetensors'), 'gguf');
    assert.equal(await formatOf(Buffer.from('\x80\x04cos\nsystem\n.', 'latin1'), 'model.safetensors'), 'pickle');
    assert.equal(await formatOf(rawSafetensors('{}'), 'model.bin'), 'safetensors');
  });

  it('knows a Git LFS pointer in place of the file', async () => {
    const pointer = 'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n';
    assert.equal(await formatOf(pointer, 'model.safetensors'), 'git-lfs-pointer');
  });

  it('knows files whose first 64 KiB end within a character, a value or a member', async () => {
    assert.equal(await formatOf(`${'a'.repeat(65_535)}é and more`), 'text');
    assert.equal(await formatOf(JSON.stringify({ text: 'é'.repeat(80_000) })), 'json');
    assert.equal(await formatOf(`{"version": "1.0", "added_tokens": [], "model": {"vocab": "${'x'.repeat(80_000)}"}}`), 'tokenizer');
    const large = rawSafetensors(JSON.stringify({ __metadata__: { note: 'n'.repeat(80_000) } }));
    assert.equal(await formatOf(large), 'safetensors');
  });

  it('takes a ZIP without a directory for what its first member says', async () => {
    const whole = await readFile(join(fixtures, 'checkpoint.pt'));
    assert.equal(await formatOf(whole.subarray(0, 200)), 'pytorch');
    assert.equal(await formatOf(whole.subarray(0, 20)), 'zip');
  });

  it('answers for every beginning of every fixture', async () => {
    for (const name of Object.keys(made)) {
      const whole = await readFile(join(fixtures, name));
      for (let length = 0; length <= Math.min(whole.length, 40); length++) await formatOf(whole.subarray(0, length));
    }
  });

  it('answers for any bytes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('', 'GGUF', 'PK\x03\x04', 'PK\x05\x06', '\x80\x04', '\x08\x07', '{"'),
        fc.uint8Array({ maxLength: 200 }),
        async (start, rest) => {
          assert.equal(typeof (await formatOf(Buffer.concat([Buffer.from(start, 'latin1'), rest]))), 'string');
        },
      ),
      { numRuns: 200 },
    );
  });

  it('refuses a directory', async () => {
    await assert.rejects(identify(folder), (error) => {
      assert(error instanceof MlsignError);
      assert.equal(error.code, 'not-a-file');
      assert.equal(error.message, 'not a regular file');
      return true;
    });
  });

  it('says which file is not there', async () => {
    await assert.rejects(identify(join(folder, 'none')), { code: 'file-not-found', message: 'cannot read: no such file or directory' });
  });
});

describe('formatOfName', () => {
  it('guesses from the extension or the whole name', () => {
    assert.equal(formatOfName('a/model-00001-of-00002.SAFETENSORS').format, 'safetensors');
    assert.equal(formatOfName('tokenizer.json').format, 'tokenizer');
    assert.equal(formatOfName('pytorch_model.bin').format, 'pytorch');
    assert.equal(formatOfName('a.b/LICENSE').format, 'unknown');
  });
});
