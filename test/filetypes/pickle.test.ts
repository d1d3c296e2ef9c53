import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { type FileInspection, inspectContent, withFile } from '../../src/filetypes/index.ts';
import { memoryFile, SYSTEM } from '../helpers/inspect-files.ts';

const fixtures = join(import.meta.dirname, '../../fixtures/formats');

const inspect = (content: Uint8Array | string, name?: string): Promise<FileInspection> =>
  inspectContent(memoryFile(typeof content === 'string' ? Buffer.from(content, 'latin1') : content, name));
const importsOf = ({ imports }: FileInspection): readonly string[] => imports.map(({ module, name }) => `${module}.${name}`);
const defectsOf = ({ defects }: FileInspection) => defects.map(({ code, message }) => ({ code, message }));
/** Protocol 4, so that what follows is told to be a pickle. */
const pickle = (opcodes: string): Buffer => Buffer.from(`\x80\x04]0${opcodes}`, 'latin1');
const text = (value: string): string => `\x8c${String.fromCharCode(value.length)}${value}`;
const CALL = `${text('true')}\x85R.`;

describe('pickles, read by opcode', () => {
  for (let protocol = 0; protocol <= 5; protocol++) {
    it(`lists what Python's pickle asks for in protocol ${protocol}`, async () => {
      const found = await withFile(join(fixtures, `system-${protocol}.pkl`), (file) => inspectContent(file));
      assert.equal(found.type.format, 'pickle');
      assert.equal(found.runsCode, true);
      assert.deepEqual(found.imports, [
        { module: 'collections', name: 'OrderedDict' },
        { module: 'posix', name: 'system' },
      ]);
      assert.deepEqual(found.parts, [{ format: 'pickle', where: '', what: 'unpickling it calls whatever it imports', runsCode: true }]);
      assert.deepEqual(found.defects, []);
      assert.equal(found.isComplete, true);
    });
  }

  it('goes past every opcode of pickletools to the one after it', async () => {
    const opcodes: { name: string; hex: string }[] = JSON.parse(await readFile(join(fixtures, 'opcodes.json'), 'utf8'));
    assert.equal(opcodes.length, 68);
    for (const { name, hex } of opcodes) {
      // Enough on the stack and in the memo for whatever it takes.
      const before = `K\x00q\x00q\x01q\x02](}K\x00K\x00K\x00(K\x00K\x00`;
      const found = await inspect(pickle(`${before}${Buffer.from(hex, 'hex').toString('latin1')}cafter\nit\n.`));
      assert(importsOf(found).includes('after.it'), name);
      assert(found.isComplete, name);
    }
  });

  it('resolves names that come out of the memo, however they were put there', async () => {
    for (const [put, get] of [
      ['\x94', 'h\x00'],
      ['q\x07', 'h\x07'],
      ['r\x07\x01\0\0', 'j\x07\x01\0\0'],
      ['p7\n', 'g7\n'],
    ] as const) {
      const found = await inspect(pickle(`${text('os')}${put}0${text('x')}0${get}${text('system')}\x93${CALL}`));
      assert.deepEqual(importsOf(found), ['os.system'], JSON.stringify(get));
    }
  });

  it('follows a memo that is written in two ways, and written over', async () => {
    // What a reader that counts only MEMOIZE takes for harmless names (picklescan issue 14).
    const mixed = `${text('os')}q\x00${text('system')}q\x01${text('torch._utils')}\x94${text('_rebuild_tensor_v2')}\x940000h\x00h\x01\x93${CALL}`;
    assert.deepEqual(importsOf(await inspect(pickle(mixed))), ['os.system']);
    const over = `${text('math')}q\x000${text('os')}q\x000h\x00${text('system')}\x93${CALL}`;
    assert.deepEqual(importsOf(await inspect(pickle(over))), ['os.system']);
  });

  it('takes names from the stack and not from what stands before', async () => {
    const popped = `${text('os')}${text('system')}${text('math')}${text('sqrt')}00\x93${CALL}`;
    assert.deepEqual(importsOf(await inspect(pickle(popped))), ['os.system']);
    const doubled = `${text('os')}2\x93.`;
    assert.deepEqual(importsOf(await inspect(pickle(doubled))), ['os.os']);
    const marked = `${text('os')}(${text('math')}1${text('system')}\x93${CALL}`;
    assert.deepEqual(importsOf(await inspect(pickle(marked))), ['os.system']);
  });

  it('reads names in every kind of string', async () => {
    const kinds = [`S'os'\n`, `S"os"\n`, 'Vos\n', 'U\x02os', 'T\x02\0\0\0os', 'X\x02\0\0\0os', '\x8c\x02os', '\x8d\x02\0\0\0\0\0\0\0os'];
    for (const kind of kinds) {
      assert.deepEqual(importsOf(await inspect(pickle(`${kind}${text('system')}\x93${CALL}`))), ['os.system'], kind);
    }
  });

  it('calls an import "?" where its names cannot be told', async () => {
    const unknown = {
      'a number in place of a name': `K\x01${text('system')}\x93`,
      'the result of a call': `cbuiltins\nstr\n${text('os')}\x85R${text('system')}\x93`,
      'an escape': `Vo\\u0073\n${text('system')}\x93`,
      'an index that Python may read otherwise': `${text('os')}p1_0\n0g10\n${text('system')}\x93`,
      'a name that is too long to keep': `X\0\x02\0\0${'m'.repeat(512)}${text('system')}\x93`,
      'a name with a control character': `${text('o\x01s')}${text('system')}\x93`,
    };
    for (const [what, opcodes] of Object.entries(unknown)) {
      assert(importsOf(await inspect(pickle(`${opcodes}${CALL}`))).includes('?.?'), what);
    }
    for (const extension of ['\x82\x01', '\x83\x01\0', '\x84\x01\0\0\0'])
      assert.deepEqual(importsOf(await inspect(pickle(`${extension}${CALL}`))), ['copyreg.?']);
  });

  it('lists every step of a chain of getattr', async () => {
    const chain = `cbuiltins\ngetattr\ncbuiltins\n__import__\n${text('os')}\x85R${text('system')}\x86R${CALL}`;
    assert.deepEqual(importsOf(await inspect(pickle(chain))), ['builtins.__import__', 'builtins.getattr']);
  });

  it('sees INST and OBJ, whose classes are in lines and on the stack', async () => {
    assert.deepEqual(importsOf(await inspect(pickle(`(${text('true')}ios\nsystem\n.`))), ['os.system']);
    assert.deepEqual(importsOf(await inspect(pickle(`(cos\nsystem\n${text('true')}o.`))), ['os.system']);
  });

  it('keeps the dots of attributes of attributes', async () => {
    assert.deepEqual((await inspect(pickle(`${text('torch')}${text('os.system')}\x93${CALL}`))).imports, [
      { module: 'torch', name: 'os.system' },
    ]);
  });

  it('counts what is imported before a byte that is no opcode', async () => {
    const found = await inspect(pickle(`cos\nsystem\n${text('true')}\x85R\xff\xff`));
    assert.deepEqual(importsOf(found), ['os.system']);
    assert.deepEqual(found.defects, [
      { code: 'pickle-malformed', message: 'the pickle has a byte that is no opcode', expected: 'an opcode', got: 'offset 23' },
    ]);
  });

  it('is not put off by numbers that other disassemblers refuse', async () => {
    for (const odd of ['I0x10\n0', 'Lnot a number\n0', 'Fnan?\n0', 'I\n0']) {
      assert.deepEqual(importsOf(await inspect(pickle(`${odd}cos\nsystem\n${CALL}`))), ['os.system'], odd);
    }
  });

  it('says where a pickle is cut off, at whatever byte', async () => {
    const whole = await readFile(join(fixtures, 'system-4.pkl'));
    for (let length = 3; length < whole.length; length++) {
      const found = await inspect(whole.subarray(0, length), 'x.pkl');
      if (found.type.format !== 'pickle') continue;
      assert.deepEqual(defectsOf(found), [{ code: 'pickle-malformed', message: 'the pickle ends before its STOP' }]);
    }
  });

  it('says where more is taken from the stack than is there, and reads on', async () => {
    const found = await inspect(pickle(`000cos\nsystem\n${CALL}`));
    assert.deepEqual(importsOf(found), ['os.system']);
    assert.deepEqual(defectsOf(found), [
      { code: 'pickle-malformed', message: 'the pickle takes more from its stack or memo than is there' },
    ]);
  });

  it('reads pickles that follow one another, and refuses other bytes after them', async () => {
    const two = await withFile(join(fixtures, 'two.pkl'), (file) => inspectContent(file));
    assert.deepEqual(importsOf(two), ['posix.system']);
    assert.deepEqual(two.defects, []);
    assert.deepEqual(importsOf(await inspect(Buffer.concat([pickle('.'), SYSTEM]))), ['os.system']);
    const followed = await inspect(Buffer.concat([pickle('.'), Buffer.alloc(8)]));
    assert.deepEqual(followed.defects, [
      { code: 'pickle-trailing-bytes', message: 'bytes follow the pickle', expected: '5 bytes', got: '13 bytes' },
    ]);
  });

  it('reads the five pickles of a checkpoint of PyTorch before 1.6', async () => {
    const whole = await readFile(join(fixtures, 'legacy.pt'));
    const found = await inspect(whole);
    assert.equal(found.type.format, 'pytorch-legacy');
    assert.deepEqual(importsOf(found), ['posix.system']);
    assert.deepEqual(found.defects, []);
    assert.deepEqual(defectsOf(await inspect(whole.subarray(0, 40))), [
      { code: 'pickle-malformed', message: 'the pickle ends before its STOP' },
    ]);
  });

  it('knows a pickle that begins like none, and text that is one', async () => {
    for (const odd of ['N0', 'I1\n0', '(1', "S'a b'\n0", '\x88', 'K\x010']) {
      const found = await inspect(`${odd}cos\nsystem\n(S'true'\ntR.`, 'model.bin');
      assert.equal(found.type.format, 'pickle', odd);
      assert.deepEqual(importsOf(found), ['os.system'], odd);
    }
    assert.equal((await inspect('import os\nclass A:\n  pass\n', 'notes.txt')).type.format, 'text');
    assert.equal((await inspect('class\nfoo\nbar\n', 'notes.txt')).type.format, 'text');
    // An index that no memo has room for, after what a real unpickler fails on.
    assert.equal((await inspect('import os\n\n(rzzzz', 'notes.txt')).type.format, 'text');
  });

  it('goes past the bytes of the arrays that joblib writes between opcodes, and reads them as opcodes too', async () => {
    const whole = await readFile(join(fixtures, 'array.joblib'));
    const found = await inspect(whole);
    assert.equal(found.type.format, 'joblib');
    assert.deepEqual(importsOf(found), ['joblib.numpy_pickle.NumpyArrayWrapper', 'numpy.dtype', 'numpy.ndarray', 'os.system']);
    assert.deepEqual([found.defects, found.isComplete], [[], true]);
    // Without padding, what stands in the array is what pickle.load() goes on with.
    const at = whole.indexOf(Buffer.from('03ffffff', 'hex'));
    const hidden = Buffer.concat([whole.subarray(0, at), Buffer.from('\x2e'.padStart(47, 'cposix\nsystem\n')), whole.subarray(at + 4)]);
    assert((await inspect(hidden)).imports.some(({ module }) => module === 'posix'));
  });

  it('leaves open what is in an array of objects of joblib', async () => {
    const whole = (await readFile(join(fixtures, 'array.joblib'))).toString('latin1');
    assert.equal((await inspect(whole.replace('X\x02\0\0\0f8', 'X\x02\0\0\0O8'))).isComplete, false);
  });

  it('sees an import whose last line ends with the file, which Python itself runs', async () => {
    for (const [bytes, imported] of [
      ["(S'id'\nios\nsystem.", 'os.system'],
      [`(S'id'\nios\n${'x'.repeat(2000)}`, '?.?'],
      ["(S'id'\nios.", '?.?'],
    ] as const) {
      const found = await inspect(bytes);
      assert.deepEqual([found.type.format, importsOf(found), found.runsCode], ['pickle', [imported], true], bytes.slice(0, 30));
    }
  });

  it('is not called what begins like one by chance', async () => {
    const weights = Buffer.alloc(3000, 0xfe).toString('latin1');
    for (const bytes of [
      // A name that is no UTF-8, however long; an import by number alone; a byte that is no opcode, or the end, before any import.
      `c\xfe\n\xfe\n${CALL}`,
      `c${weights}\n${weights}\n${CALL}`,
      `Nc${weights}\n\xfe\n${CALL}`,
      '\x84\x01\0\0\0)R.',
      '(i\0\0\0\0',
      `(i\0\n\0\n${CALL}`,
      '\x84\xff\xff\xff\xff)R.',
      `\x80\x04]${weights}`,
      '\x80\x04B\xff\xff\xff\x7fweights',
      `Nr\xff\xff\xff\xff${weights}`,
    ]) {
      const { type, runsCode, parts, defects, isComplete } = await inspect(`${bytes}${weights}`);
      const seen = { format: type.format, runsCode, parts, defects, isComplete };
      assert.deepEqual(seen, { format: 'unknown', runsCode: false, parts: [], defects: [], isComplete: true }, bytes.slice(0, 30));
    }
  });

  it('skips what a pickle embeds without reading it', async () => {
    const size = 64 * 1024 * 1024;
    const head = pickle('\x8e\0\0\0\0\0\0\0\0');
    head.writeUInt32LE(size, head.length - 8);
    const file = memoryFile(Buffer.concat([head, Buffer.alloc(size), Buffer.from(`0cos\nsystem\n${CALL}`, 'latin1')]));
    const found = await inspectContent(file);
    assert.deepEqual(importsOf(found), ['os.system']);
    assert(file.bytesRead < 1024 * 1024, `${file.bytesRead} bytes read`);
  });

  it('does not finish what is beyond its limits, and says so', async () => {
    assert.equal((await inspect(pickle(`(${'N'.repeat(1_100_000)}t.`))).isComplete, false);
    const put = (index: number) => `r${Buffer.from(Uint32Array.of(index).buffer).toString('latin1')}`;
    assert.equal((await inspect(pickle(`N${put(0xffffffff)}.`))).isComplete, true);
    const sparse = Array.from({ length: 100_001 }, (_, i) => put(0xf0000000 + i)).join('');
    assert.equal((await inspect(pickle(`N${sparse}.`))).isComplete, false);
    const imports = Array.from({ length: 1200 }, (_, i) => `cm\nn${i}\n0`).join('');
    const found = await inspect(pickle(`${imports}N.`));
    assert.equal(found.isComplete, false);
    assert(found.imports.length <= 1200);
  });

  it('answers for any opcodes, and never forgets an import before them', async () => {
    const opcode = fc.constantFrom(
      ...'(.012FIJKLMNPQRSTUVXabcdeghilopqrstu]})B\x80\x81\x82\x83\x84\x85\x86\x87\x88\x89\x8a\x8b\x8c\x8d\x8e\x8f\x90\x91\x92\x93\x94\x95\x96\x97\x98C\n\0\x01',
    );
    await fc.assert(
      fc.asyncProperty(fc.array(opcode, { maxLength: 60 }), async (opcodes) => {
        const found = await inspect(pickle(`cos\nsystem\n${CALL.slice(0, -1)}${opcodes.join('')}`));
        assert(importsOf(found).includes('os.system'));
      }),
      { numRuns: 500 },
    );
  });
});
