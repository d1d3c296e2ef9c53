import assert from 'node:assert/strict';
import { certificateExtensions, FULCIO_ISSUER_V1, FULCIO_ISSUER_V2, fulcioIssuer } from '../../src/formats/index.ts';
import { makeCertificate } from '../helpers/certificates.ts';
import { integer, utf8 } from '../helpers/der.ts';
import { mlsignError } from '../helpers/keys.ts';

const ISSUER = 'https://issuer.example';

describe('certificateExtensions', () => {
  it('gives each extension by its identifier', () => {
    const { der } = makeCertificate({ extensions: [{ id: '1.2.3.4', value: Buffer.from('value') }] });
    const extensions = certificateExtensions(der, 'leaf');
    assert.deepEqual(extensions.get('1.2.3.4'), Buffer.from('value'));
    assert.ok(extensions.has('2.5.29.37'));
    assert.equal(extensions.get('1.2.3'), undefined);
  });

  it('finds none in a certificate of version 1', () => {
    assert.equal(certificateExtensions(makeCertificate({ version: 1 }).der, 'leaf').size, 0);
  });

  it('refuses an extension that stands twice, and a certificate that is cut off anywhere', () => {
    const twice = makeCertificate({ extensions: [1, 2].map(() => ({ id: '1.2.3.4', value: integer(1) })) });
    const malformed = mlsignError('certificate-malformed', /^the certificate cannot be read: /, { subject: 'leaf' });
    assert.throws(() => certificateExtensions(twice.der, 'leaf'), malformed);
    const { der } = makeCertificate({});
    for (let length = 0; length < der.length; length++)
      assert.throws(() => certificateExtensions(der.subarray(0, length), 'leaf'), malformed);
  });
});

describe('fulcioIssuer', () => {
  it('reads the newer extension before the older one', () => {
    const bare = Buffer.from('https://older.example');
    assert.equal(fulcioIssuer(new Map([[FULCIO_ISSUER_V1, bare]])), 'https://older.example');
    assert.equal(
      fulcioIssuer(
        new Map<string, Uint8Array>([
          [FULCIO_ISSUER_V1, bare],
          [FULCIO_ISSUER_V2, utf8(ISSUER)],
        ]),
      ),
      ISSUER,
    );
  });

  it('does not fall back from a newer one that is malformed', () => {
    for (const value of [Buffer.from(ISSUER), integer(1), Buffer.alloc(0)]) {
      const extensions = new Map<string, Uint8Array>([
        [FULCIO_ISSUER_V1, Buffer.from('https://older.example')],
        [FULCIO_ISSUER_V2, value],
      ]);
      assert.equal(fulcioIssuer(extensions), undefined);
    }
  });

  it('is undefined where the certificate names none', () => {
    assert.equal(fulcioIssuer(new Map()), undefined);
  });
});
