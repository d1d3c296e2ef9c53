import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { type FileInspection, identify, inspectContent, withFile } from '../../src/filetypes/index.ts';
import { type EndSpec, type MemberSpec, memoryFile, SYSTEM, zipBytes } from '../helpers/inspect-files.ts';

const fixtures = join(import.meta.dirname, '../../fixtures/formats');
const data: MemberSpec = { name: 'archive/data.pkl', content: SYSTEM };
const version: MemberSpec = { name: 'archive/version', content: Buffer.from('3\n') };

const inspect = (members: readonly MemberSpec[], end?: EndSpec): Promise<FileInspection> =>
  inspectContent(memoryFile(zipBytes(members, end)));
const importsOf = ({ imports }: FileInspection): readonly string[] => imports.map(({ module, name }) => `${module}.${name}`);

/** What must be said of a ZIP file that readers see differently; its pickle is listed all the same. */
async function assertMalformed(members: readonly MemberSpec[], message: string, where: string | undefined, end?: EndSpec): Promise<void> {
  const found = await inspect(members, end);
  const defect = found.defects.find((candidate) => candidate.message === message);
  assert(defect !== undefined, `${message}: ${JSON.stringify(found.defects)}`);
  assert.equal(defect.code, 'zip-malformed');
  assert.equal(defect.where, where);
  assert.deepEqual(importsOf(found), ['os.system']);
  assert.equal(found.runsCode, true);
}

describe('ZIP files, read strictly', () => {
  it('finds the pickle of a PyTorch checkpoint, stored or compressed', async () => {
    for (const name of ['checkpoint.pt', 'deflated.pt']) {
      const found = await withFile(join(fixtures, name), (file) => inspectContent(file));
      assert.equal(found.type.format, 'pytorch');
      assert.deepEqual(importsOf(found), ['posix.system']);
      assert.deepEqual(found.parts, [
        { format: 'pytorch', where: 'archive/data.pkl', what: 'unpickling it calls whatever it imports', runsCode: true },
      ]);
      assert.deepEqual([found.defects, found.isComplete], [[], true]);
    }
  });

  it('finds pickles by their bytes, however they are named and nested', async () => {
    const found = await withFile(join(fixtures, 'nested.zip'), (file) => inspectContent(file));
    assert.deepEqual(importsOf(found), ['posix.system']);
    assert.equal(found.parts[0]?.where, 'a.zip/notes.txt');
    assert.equal(found.parts[0]?.format, 'pickle');
  });

  it('takes names without regard to case, as PyTorch does', async () => {
    const found = await inspect([{ name: 'poc/DATA.PKL', content: SYSTEM }, version]);
    assert.equal(found.type.format, 'pytorch');
    assert.deepEqual(importsOf(found), ['os.system']);
    const twice = [data, { name: 'archive/DATA.pkl', content: Buffer.from('N.') }];
    await assertMalformed(twice, 'the ZIP member has the name of another one', 'archive/DATA.pkl');
  });

  it('reads on where flags say that a member is encrypted', async () => {
    const message = 'the ZIP member is marked as encrypted: some readers refuse it, others read it as it is';
    await assertMalformed([{ ...data, local: { flags: 1 }, central: { flags: 1 } }], message, data.name);
    await assertMalformed([{ ...data, central: { flags: 1 } }], 'the ZIP member has other flags in its own header', data.name);
  });

  it('says where a member has another name, method or size in its own header', async () => {
    await assertMalformed(
      [{ ...data, local: { name: 'archive/datb.pkl' } }],
      'the ZIP member has another name in its own header',
      data.name,
    );
    await assertMalformed([{ ...data, local: { method: 8 } }], 'the ZIP member has another compression in its own header', data.name);
    await assertMalformed([{ ...data, local: { size: 1 } }], 'the ZIP member has another size in its own header', data.name);
    await assertMalformed([{ ...data, local: { compressed: 1 } }], 'the ZIP member has another size in its own header', data.name);
    await assertMalformed(
      [{ ...data, local: { size: 99 }, central: { size: 99 } }],
      'the ZIP member is stored in other than its own size',
      data.name,
    );
  });

  it('does not go by checksums, which PyTorch does not compare', async () => {
    const found = await inspect([{ ...data, central: { crc: 1 }, local: { crc: 1 } }]);
    assert.deepEqual(importsOf(found), ['os.system']);
  });

  it('says where the offset of a member is not that of its header', async () => {
    const broken = [data, { ...version, offset: 5 }];
    await assertMalformed(broken, 'the ZIP member is not where the directory says', version.name);
  });

  it('says where bytes belong to no member, or to two', async () => {
    await assertMalformed(
      [data, { ...version, before: SYSTEM }],
      'the ZIP member has bytes before it that belong to no member',
      version.name,
    );
    await assertMalformed(
      [data, { ...version, offset: 0 }],
      'the ZIP member shares bytes with another one, or with the directory',
      data.name,
    );
  });

  it('says where names lead out of the archive', async () => {
    const message = 'the ZIP member has a name that leads out of the archive, or is none';
    for (const name of ['../evil.pkl', '/evil.pkl', 'C:evil.pkl', 'a\\evil.pkl', 'a/../../evil.pkl', 'a\0.pkl']) {
      await assertMalformed([{ name, content: SYSTEM }], message, name);
    }
  });

  it('says where there are two end records, or bytes after the last one', async () => {
    const inner = zipBytes([version]);
    const record = inner.subarray(inner.length - 22);
    await assertMalformed([data], 'the ZIP file is malformed: it has more than one end record', undefined, { comment: record });
    await assertMalformed([data], 'the ZIP file is malformed: bytes follow its end record', undefined, { after: Buffer.from('x') });
  });

  it('says where the directory has other members than the end record says, or is cut off', async () => {
    const message = 'the ZIP file is malformed: its directory does not have as many members as its end record says';
    await assertMalformed([data, version], message, undefined, { count: 1 });
    const cut = await inspect([data, version], { size: 80 });
    assert(cut.defects.length > 0);
    assert.deepEqual(importsOf(cut), ['os.system']);
  });

  it('reads both directories where one is found by its offset and another by its size', async () => {
    const evil = zipBytes([data]);
    const plain = zipBytes([{ name: 'archive/data.pkl', content: Buffer.from('\x80\x02}.', 'latin1') }]);
    // Python takes the second, which stands before the end record; a reader that goes by the offset takes the first.
    const body = Buffer.concat([evil.subarray(0, evil.length - 22), plain]);
    body.writeUInt32LE(data.content.length + 30 + data.name.length, body.length - 6);
    const found = await inspectContent(memoryFile(body));
    assert.deepEqual(importsOf(found), ['os.system']);
    assert.match(found.defects[0]?.message ?? '', /bytes stand before it, or between its directory and its end/);
  });

  it('finds a ZIP file behind other bytes, and a pickle before one', async () => {
    const prepended = Buffer.concat([Buffer.alloc(100, 0xff), zipBytes([data])]);
    const found = await inspectContent(memoryFile(prepended));
    assert.equal(found.type.format, 'unknown');
    assert.deepEqual(importsOf(found), ['os.system']);
    assert.deepEqual(found.defects[0], {
      code: 'format-ambiguous',
      message: 'the file can be read as a ZIP file too',
      expected: 'unknown',
      got: 'zip',
    });
    const before = await inspectContent(memoryFile(Buffer.concat([SYSTEM, zipBytes([version])])));
    assert.equal(before.type.format, 'pickle');
    assert.deepEqual(importsOf(before), ['os.system']);
    assert(before.defects.some(({ code }) => code === 'format-ambiguous'));
  });

  it('knows a ZIP file by the mark of one that was split', async () => {
    const found = await inspectContent(memoryFile(Buffer.concat([Buffer.from('PK\x07\x08', 'latin1'), zipBytes([data])])));
    assert.deepEqual(importsOf(found), ['os.system']);
    assert(found.defects.some(({ code }) => code === 'zip-malformed'));
  });

  it('leaves open what it cannot unpack', async () => {
    const found = await inspect([{ ...data, local: { method: 12 }, central: { method: 12 } }]);
    assert.equal(found.isComplete, false);
    const cut = await readFile(join(fixtures, 'checkpoint.pt'));
    const torn = await inspectContent(memoryFile(cut.subarray(0, cut.length - 30)));
    assert.equal(torn.isComplete, false);
    assert.deepEqual(torn.defects, [
      { code: 'zip-malformed', message: 'the ZIP file is malformed: it has no end record', expected: undefined, got: undefined },
    ]);
  });

  it('says where compressed bytes are malformed, and looks at the other members', async () => {
    const bad = { name: 'a.bin', content: Buffer.from('\x07not deflate'), local: { method: 8 }, central: { method: 8 } };
    const found = await inspect([bad, data]);
    assert.deepEqual(importsOf(found), ['os.system']);
    assert.deepEqual(
      found.defects.map(({ code, where }) => [code, where]),
      [['deflate-malformed', 'a.bin']],
    );
  });

  it('says where offsets lie beyond everything', async () => {
    const zip = zipBytes([data]);
    const record = Buffer.alloc(20);
    record.writeUInt32LE(0x07064b50);
    record.writeBigUInt64LE(0xffff_ffff_ffff_ffffn, 8);
    const bytes = Buffer.concat([zip.subarray(0, zip.length - 22), record, zip.subarray(zip.length - 22)]);
    const path = join(await mkdtemp(join(tmpdir(), 'mlsign-zip-')), 'x.pt');
    await writeFile(path, bytes);
    try {
      const found = await withFile(path, (file) => inspectContent(file));
      assert.equal(found.defects[0]?.message, 'the ZIP file is malformed: its ZIP64 end record is missing');
      assert.deepEqual(importsOf(found), ['os.system']);
      assert.equal((await identify(path)).format, 'pytorch');
    } finally {
      await rm(dirname(path), { recursive: true });
    }
  });

  it('reads a compressed ZIP of many members inside another', async () => {
    const members = Array.from({ length: 40 }, (_, i) => ({ name: `${i}.txt`, content: randomBytes(5000) }));
    const found = await inspect([{ name: 'inner.zip', content: zipBytes([...members, data]), deflate: true }]);
    assert.deepEqual(importsOf(found), ['os.system']);
    assert.deepEqual([found.defects, found.isComplete], [[], true]);
  });

  it('unpacks a bomb only up to its limit', async () => {
    const size = 70 * 1024 * 1024;
    const content = Buffer.concat([Buffer.from('\x80\x04\x8e', 'latin1'), Buffer.alloc(8), Buffer.alloc(size), Buffer.from('.')]);
    content.writeUInt32LE(size, 3);
    const bomb = { content, packed: deflateRawSync(content, { level: 1 }) };
    const found = await inspect([{ name: 'a', ...bomb }, { name: 'b', ...bomb }, data]);
    assert.equal(found.isComplete, false);
  }).timeout(120_000);

  it('answers for every beginning of a file, and every change of one byte', async () => {
    const whole = zipBytes([{ ...data, deflate: true }, version]);
    for (let at = 0; at < whole.length; at++) {
      assert.equal(typeof (await inspectContent(memoryFile(whole.subarray(0, at)))).runsCode, 'boolean');
      for (const value of [0, 0xff]) {
        const changed = Buffer.from(whole);
        changed[at] = value;
        assert.equal(typeof (await inspectContent(memoryFile(changed))).runsCode, 'boolean');
      }
    }
  }).timeout(60_000);
});
