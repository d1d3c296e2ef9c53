import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { compareCodePoints, decodeBase64, decodeUtf8, readCapped, sha256Hex } from '../../src/core/index.ts';

describe('decodeBase64', () => {
  it('gives back the bytes of every canonical text', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const decoded = decodeBase64(Buffer.from(bytes).toString('base64'));
        assert.ok(decoded);
        assert.deepEqual([...decoded], [...bytes]);
      }),
    );
  });

  it('reads no text but the one that encoding its bytes gives', () => {
    const unit = fc.constantFrom(...'ABCDwxyz019+/', '=', '-', '_', ' ', '\n', 'é', '\u0000');
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 12 }), (text) => {
        const decoded = decodeBase64(text);
        const canonical = Buffer.from(text, 'base64').toString('base64') === text;
        assert.equal(decoded !== undefined, canonical, JSON.stringify(text));
      }),
      { numRuns: 5000 },
    );
  });

  it('refuses junk, white space, the URL alphabet, missing and superfluous padding, and spare bits', () => {
    const texts = [
      'QUI',
      'QUI==',
      'QUJD\n',
      ' QUJD',
      'QU JD',
      'Q-JD',
      'Q_JD',
      'QUI=QUI=',
      '====',
      '=',
      'QR==',
      'QUJ=',
      'Q===',
      'QUJD!!!!',
      'QUJé',
    ];
    for (const text of texts) assert.equal(decodeBase64(text), undefined, JSON.stringify(text));
    assert.deepEqual(decodeBase64(''), Buffer.alloc(0));
  });
});

describe('compareCodePoints', () => {
  it('orders as the UTF-8 bytes do', () => {
    const text = fc.string({
      unit: fc.constantFrom('a', 'b', '/', '\u007f', 'ü', '\uffff', '\ue000', '\u{10000}', '\u{10ffff}'),
      maxLength: 6,
    });
    fc.assert(
      fc.property(text, text, (a, b) => {
        assert.equal(Math.sign(compareCodePoints(a, b)), Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
      { numRuns: 2000 },
    );
    assert.ok(compareCodePoints('\uffff', '\u{10000}') < 0, "JavaScript's own order has them the other way round");
  });
});

describe('decodeUtf8', () => {
  it('gives text for valid bytes only, and keeps a byte order mark', () => {
    assert.equal(decodeUtf8(Buffer.from('ü😀')), 'ü😀');
    assert.equal(decodeUtf8(Uint8Array.from([0xff])), undefined);
    assert.equal(decodeUtf8(Uint8Array.from([0xef, 0xbb, 0xbf])), '\ufeff');
  });
});

describe('sha256Hex', () => {
  it('is SHA-256 in lower-case hex', () => {
    assert.equal(sha256Hex('abc'), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
    assert.equal(sha256Hex(Buffer.from('abc')), sha256Hex('abc'));
  });
});

describe('readCapped', () => {
  const folder = mkdtempSync(join(tmpdir(), 'mlsign-bytes-'));
  after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'file');

  it('reads files up to its limit', async () => {
    for (const size of [0, 1, 99, 100]) {
      writeFileSync(file, Buffer.alloc(size, 7));
      assert.equal((await readCapped(file, 100, 'bundle')).length, size);
    }
  });

  it('refuses a larger file', async () => {
    writeFileSync(file, Buffer.alloc(101));
    await assert.rejects(readCapped(file, 100, 'bundle'), {
      outcome: 'refused',
      code: 'file-too-large',
      message: 'the bundle is larger than mlsign reads',
      subject: file,
      expected: 'at most 100 bytes',
      got: '101 bytes',
    });
  });

  it('refuses a directory, and says when there is no file', async () => {
    const directory = { code: /^(not-a-file|is-a-directory|permission-denied)$/, subject: folder };
    await assert.rejects(readCapped(folder, 100, 'bundle'), directory);
    await assert.rejects(readCapped(join(folder, 'none'), 100, 'bundle'), {
      outcome: 'unavailable',
      code: 'file-not-found',
      message: 'cannot read the bundle: no such file or directory',
    });
  });

  it('does not wait for a pipe', async function () {
    if (process.platform === 'win32') this.skip();
    const { execFileSync } = await import('node:child_process');
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    await assert.rejects(readCapped(pipe, 100, 'bundle'), { code: 'not-a-file', message: 'the bundle is not a regular file' });
  });
});
