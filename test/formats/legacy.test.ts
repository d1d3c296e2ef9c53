import assert from 'node:assert/strict';
import { verify, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { legacyPreAuthEncoding, parseBundle, preAuthEncoding, pythonBytesRepr } from '../../src/formats/index.ts';

const FIXTURES = new URL('../../fixtures/interop/', import.meta.url);

function repr(...bytes: readonly number[]): string {
  return Buffer.from(pythonBytesRepr(Uint8Array.from(bytes))).toString('latin1');
}

/** What a Python bytes literal stands for. */
function readPythonBytes(literal: string): Uint8Array {
  const match = /^b(['"])(.*)\1$/s.exec(literal);
  assert.ok(match, literal);
  const [, quote, body = ''] = match;
  const bytes: number[] = [];
  for (const [token] of body.matchAll(/\\x[0-9a-f]{2}|\\[\\'"tnr]|[\x20-\x7e]/gs)) {
    assert.notEqual(token, quote, 'an unescaped quote');
    const named: Record<string, number> = { '\\t': 9, '\\n': 10, '\\r': 13, '\\\\': 92, "\\'": 39, '\\"': 34 };
    bytes.push(named[token] ?? (token.startsWith('\\x') ? Number.parseInt(token.slice(2), 16) : token.charCodeAt(0)));
  }
  return Uint8Array.from(bytes);
}

describe('pythonBytesRepr', () => {
  it('writes what Python writes', () => {
    // python3 -c 'print(repr(bytes([…])))'
    assert.equal(repr(), "b''");
    assert.equal(repr(0x61, 0x22, 0x62), `b'a"b'`);
    assert.equal(repr(0x61, 0x27, 0x62), `b"a'b"`);
    assert.equal(repr(0x27, 0x22), `b'\\'"'`);
    assert.equal(repr(0x09, 0x0a, 0x0d, 0x5c), "b'\\t\\n\\r\\\\'");
    assert.equal(repr(0x00, 0x07, 0x08, 0x0b, 0x0c, 0x1b, 0x1f), "b'\\x00\\x07\\x08\\x0b\\x0c\\x1b\\x1f'");
    assert.equal(repr(0x20, 0x7e, 0x7f, 0x80, 0xff), "b' ~\\x7f\\x80\\xff'");
  });

  it('stands for the same bytes again', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        assert.deepEqual([...readPythonBytes(repr(...bytes))], [...bytes]);
      }),
    );
  });
});

describe('legacyPreAuthEncoding', () => {
  it('counts the payload, not its repr', () => {
    const encoded = legacyPreAuthEncoding('application/vnd.in-toto+json', Buffer.from('{"a": "ü"}\n'));
    assert.equal(Buffer.from(encoded).toString(), `DSSEV1 28 application/vnd.in-toto+json 12 b'{"a": "\\xc3\\xbc"}\\n'`);
  });

  it('is what version 0.2.0 signed, with SHA-256 whatever the curve', () => {
    for (const name of ['certificate-p256', 'certificate-p384', 'certificate-p521']) {
      const { envelope, material } = parseBundle(readFileSync(new URL(`bundles/0.2.0/${name}.sig`, FIXTURES)), name);
      assert.equal(material.kind, 'certificate');
      const [leaf] = material.kind === 'certificate' ? material.chain : [];
      assert.ok(leaf);
      const key = new X509Certificate(leaf).publicKey;
      assert.ok(verify('sha256', legacyPreAuthEncoding(envelope.payloadType, envelope.payload), key, envelope.signature), name);
      assert.equal(verify('sha256', preAuthEncoding(envelope.payloadType, envelope.payload), key, envelope.signature), false, name);
    }
  });
});
