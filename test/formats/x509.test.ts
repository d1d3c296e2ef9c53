import assert from 'node:assert/strict';
import { certificateInfo } from '../../src/formats/index.ts';
import { makeCertificate } from '../helpers/certificates.ts';
import { oid, sequence, set, utf8 } from '../helpers/der.ts';

describe('certificateInfo', () => {
  it('tells what a certificate says, from DER and from PEM', () => {
    const root = makeCertificate(
      {
        subject: [
          ['C', 'DE'],
          ['O', 'Models'],
          ['CN', 'root'],
        ],
        serial: 0x0abcn,
      },
      undefined,
      'ca',
    );
    const leaf = makeCertificate(
      { subject: 'leaf', serial: 255n, notBefore: new Date('2026-01-02T03:04:05Z'), notAfter: new Date('2055-12-31T23:59:59Z') },
      root,
    );
    const info = certificateInfo(leaf.der);
    assert.deepEqual(info, {
      subject: 'CN=leaf',
      issuer: 'CN=root,O=Models,C=DE',
      serial: 'ff',
      notBefore: new Date('2026-01-02T03:04:05Z'),
      notAfter: new Date('2055-12-31T23:59:59Z'),
      fingerprint: info.fingerprint,
      alternativeNames: [],
    });
    assert.match(info.fingerprint, /^[0-9a-f]{64}$/);
    assert.deepEqual(certificateInfo(Buffer.from(leaf.pem)), info);
    assert.equal(certificateInfo(root.der).serial, '0abc');
  });

  it('escapes what would make one name look like another, or move a cursor', () => {
    const subject = (value: string): string => certificateInfo(makeCertificate({ subject: value }).der).subject;
    assert.equal(subject('a,b+c="d";<e>'), 'CN=a\\,b\\+c\\=\\"d\\"\\;\\<e\\>'.replace('\\=', '='));
    assert.equal(subject('a\nCN=root'), 'CN=a\\0ACN=root');
    assert.equal(subject('\u001b[31mred'), 'CN=\\1B[31mred');
    assert.equal(subject('ab\u202egnitset'), 'CN=ab\\E2\\80\\AEgnitset');
    assert.equal(subject('a\u0085b'), 'CN=a\\C2\\85b');
    assert.equal(subject('Größe 模型'), 'CN=Größe 模型');
  });

  it('joins the values of one part of a name with a plus, and leaves an empty name empty', () => {
    const pair = (id: string, value: string): Buffer => sequence(oid(id), utf8(value));
    const name = sequence(set(pair('2.5.4.3', 'x + y'), pair('2.5.4.10', 'z')));
    assert.equal(certificateInfo(makeCertificate({ subject: name }).der).subject, 'O=z+CN=x \\+ y');
    assert.equal(certificateInfo(makeCertificate({ subject: sequence() }).der).subject, '');
  });

  it('keeps alternative names apart even where one holds a comma or a quote', () => {
    const leaf = makeCertificate({
      subjectAlternativeNames: {
        dns: ['example.com', 'a, DNS:evil.example', 'q"uote'],
        email: ['a@example.com'],
        ip: [Buffer.of(192, 0, 2, 1)],
        uri: ['https://example.com/x?y'],
      },
    });
    assert.deepEqual(certificateInfo(leaf.der).alternativeNames, [
      'email:a@example.com',
      'DNS:example.com',
      'DNS:a, DNS:evil.example',
      'DNS:q"uote',
      'URI:https://example.com/x?y',
      'IP Address:192.0.2.1',
    ]);
  });

  it('refuses bytes that are not a certificate, wherever one is cut off', () => {
    const { der: bytes } = makeCertificate({});
    for (let length = 0; length < bytes.length; length++) {
      assert.throws(() => certificateInfo(bytes.subarray(0, length), 'a.pem'), {
        code: 'certificate-malformed',
        message: 'the certificate cannot be read',
        subject: 'a.pem',
        outcome: 'refused',
      });
    }
  });

  it('refuses a validity that is no date', () => {
    const good = makeCertificate({ notBefore: new Date('2026-01-01T00:00:00Z') }).der;
    const bad = Buffer.from(good);
    bad.write('261301000000Z', bad.indexOf('260101000000Z'), 'latin1');
    assert.throws(() => certificateInfo(bad), { code: 'certificate-malformed' });
  });
});
