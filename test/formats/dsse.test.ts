import assert from 'node:assert/strict';
import { createPublicKey, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { parseBundle, preAuthEncoding } from '../../src/formats/index.ts';

const FIXTURES = new URL('../../fixtures/interop/', import.meta.url);

describe('preAuthEncoding', () => {
  it("is the encoding of the protocol's own example", () => {
    const encoded = preAuthEncoding('http://example.com/HelloWorld', Buffer.from('hello world'));
    assert.equal(Buffer.from(encoded).toString(), 'DSSEv1 29 http://example.com/HelloWorld 11 hello world');
  });

  it('counts bytes, not characters', () => {
    assert.equal(Buffer.from(preAuthEncoding('é', Buffer.from('ü\n'))).toString(), 'DSSEv1 2 é 3 ü\n');
    assert.equal(Buffer.from(preAuthEncoding('', new Uint8Array())).toString(), 'DSSEv1 0  0 ');
  });

  it('is what the reference implementation signs', () => {
    const { envelope } = parseBundle(readFileSync(new URL('bundles/1.1.1/key-p256.sig', FIXTURES)), 'key-p256.sig');
    const key = createPublicKey(readFileSync(new URL('trust/p256.pub', FIXTURES)));
    const data = preAuthEncoding(envelope.payloadType, envelope.payload);
    assert.ok(verify('sha256', data, key, envelope.signature));
    assert.equal(verify('sha256', preAuthEncoding('application/x', envelope.payload), key, envelope.signature), false);
  });
});
