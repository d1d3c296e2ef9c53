import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import fc from 'fast-check';
import { MlsignError } from '../../src/core/index.ts';
import {
  MAX_PEM_BYTES,
  parseCertificates,
  parsePem,
  parsePrivateKeyBlock,
  parseTrustedPem,
  publicKeyHint,
} from '../../src/formats/index.ts';
import { makeChain, toPem } from '../helpers/certificates.ts';
import { KEY_NAMES, keyFile, mlsignError } from '../helpers/keys.ts';

const PUBLIC = keyFile('ec-p256.pub').toString();
const PRIVATE = keyFile('ec-p256.key').toString();

describe('pem: blocks', () => {
  it('reads a block whatever its line ends, with a byte order mark, with text around it', () => {
    const { der } = parsePem(PUBLIC, 'a.pub')[0] ?? {};
    const forms = [
      PUBLIC.replaceAll('\n', '\r\n'),
      PUBLIC.replaceAll('\n', '\r'),
      `\uFEFF${PUBLIC}`,
      `Bag Attributes\n    friendlyName: test\n${PUBLIC}\nsome words after it\n`,
      PUBLIC.replaceAll('\n', '  \n'),
      PUBLIC.trimEnd(),
    ];
    for (const form of forms) {
      for (const input of [form, Buffer.from(form)]) {
        const [block, ...others] = parsePem(input, 'a.pub');
        assert.equal(others.length, 0);
        assert.deepEqual(block, { label: 'PUBLIC KEY', der, encrypted: false, text: PUBLIC });
      }
    }
  });

  const body = PUBLIC.split('\n').slice(1, -2).join('\n');
  const begin = '-----BEGIN PUBLIC KEY-----';
  const end = '-----END PUBLIC KEY-----';
  const faults: readonly (readonly [name: string, text: string, message: RegExp])[] = [
    ['no end', `${begin}\n${body}\n`, /begins at line 1 has no line "-----END PUBLIC KEY-----"/],
    ['the end of another block', `${begin}\n${body}\n-----END PRIVATE KEY-----\n`, /has no line "-----END PUBLIC KEY-----"/],
    ['a block within a block', `${begin}\n${begin}\n${body}\n${end}\n`, /has no line/],
    ['an end alone', `${end}\n${PUBLIC}`, /line 1 is not a PEM boundary/],
    ['a boundary that is indented', ` ${PUBLIC}`, /line 1 is not a PEM boundary/],
    ['a boundary with lower case', PUBLIC.replaceAll('PUBLIC', 'Public'), /line 1 is not a PEM boundary/],
    ['no content', `${begin}\n${end}\n`, /content of the block that begins at line 1 is not base64/],
    ['junk in the content', PUBLIC.replace('M', '*'), /is not base64/],
    ['base64 with other padding bits', `${begin}\nMAB=\n${end}\n`, /is not base64/],
    ['bytes after the DER', toPem(Buffer.concat([derOf(PUBLIC), Buffer.alloc(3)]), 'PUBLIC KEY'), /is cut off or has bytes after its end/],
    ['DER that is cut off', toPem(derOf(PUBLIC).subarray(0, -3), 'PUBLIC KEY'), /is cut off or has bytes after its end/],
    [
      'a DER length that is not the shortest',
      toPem(Buffer.concat([Buffer.from('308101', 'hex'), Buffer.alloc(1)]), 'PUBLIC KEY'),
      /is cut off/,
    ],
    ['headers', `${begin}\nComment: hello\n\n${body}\n${end}\n`, /has headers/],
    ['no block', 'hello\n', /the file is not PEM/],
    ['nothing', '', /the file is not PEM/],
  ];
  for (const [name, text, message] of faults) {
    it(`refuses ${name}`, () => {
      assert.throws(
        () => parsePem(text, 'a.pub'),
        (error) => {
          mlsignError('pem-malformed', message, { outcome: 'refused', subject: 'a.pub' })(error);
          return error instanceof MlsignError && error.suggestions.length === 1;
        },
      );
    });
  }

  it('refuses a large file before reading it', () => {
    const expected = mlsignError('pem-too-large', 'the PEM file is larger than mlsign reads', {
      expected: `at most ${MAX_PEM_BYTES} bytes`,
    });
    assert.throws(() => parsePem(Buffer.alloc(MAX_PEM_BYTES + 1, '-'), 'a.pub'), expected);
  });

  it('tells what a file is that is not PEM', () => {
    const got = (input: Buffer) => {
      try {
        parsePem(input, 'a');
      } catch (error) {
        if (error instanceof MlsignError) return error.got;
      }
      return undefined;
    };
    assert.equal(got(keyFile('ec-p256.der')), 'binary data, perhaps DER');
    assert.equal(got(Buffer.from(`\uFEFF${PUBLIC}`, 'utf16le')), 'UTF-16 text');
    assert.equal(got(Buffer.from('ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA me')), 'a public key of OpenSSH');
    assert.equal(got(Buffer.from('hello')), 'no PEM block');
  });

  it('refuses a file that is cut off at any byte', () => {
    for (let length = 0; length < PUBLIC.length - 1; length++) {
      assert.throws(() => parseTrustedPem(PUBLIC.slice(0, length), 'a.pub'), mlsignError('pem-malformed', /./), `${length} bytes`);
    }
  });

  it('reads back what it is given, and anything else is an error with a code', () => {
    const labels = fc.constantFrom('PUBLIC KEY', 'CERTIFICATE', 'PRIVATE KEY');
    const der = fc.uint8Array({ maxLength: 120 }).map((content) => Buffer.from([0x30, content.length, ...content]));
    fc.assert(
      fc.property(fc.array(fc.tuple(labels, der), { minLength: 1, maxLength: 4 }), (blocks) => {
        const read = parsePem(blocks.map(([label, bytes]) => toPem(bytes, label)).join('\n'), 'a');
        assert.deepEqual(
          read.map((block) => [block.label, Buffer.from(block.der)]),
          blocks,
        );
      }),
    );
    fc.assert(
      fc.property(fc.nat(PUBLIC.length), fc.string({ maxLength: 8 }), (at, text) => {
        try {
          parseTrustedPem(PUBLIC.slice(0, at) + text + PUBLIC.slice(at + text.length), 'a');
        } catch (error) {
          assert.ok(error instanceof MlsignError, String(error));
        }
      }),
    );
  });
});

describe('pem: the private key', () => {
  it('is found in each of its forms, and known to be encrypted', () => {
    const forms = [
      ['ec-p256.key', 'PRIVATE KEY', false],
      ['ec-p256.encrypted.key', 'ENCRYPTED PRIVATE KEY', true],
      ['ec-p256.sec1.key', 'EC PRIVATE KEY', false],
      ['ec-p256.sec1-encrypted.key', 'EC PRIVATE KEY', true],
      ['rsa-2048.pkcs1.key', 'RSA PRIVATE KEY', false],
      ['rsa-2048.pkcs1-encrypted.key', 'RSA PRIVATE KEY', true],
    ] as const;
    for (const [name, label, encrypted] of forms) {
      const block = parsePrivateKeyBlock(keyFile(name), name);
      assert.deepEqual([block.label, block.encrypted], [label, encrypted], name);
    }
  });

  it('is not a public key: the error names the private one', () => {
    const expected = mlsignError('key-is-public', 'this is a public key; signing needs the private key', {
      subject: 'dir/a.key.pub',
      suggestions: ['give the private key: dir/a.key'],
    });
    assert.throws(() => parsePrivateKeyBlock(PUBLIC, 'dir/a.key.pub'), expected);
    assert.throws(
      () => parsePrivateKeyBlock(makeChain().leafPem, 'a.crt'),
      mlsignError('key-is-public', 'this is a certificate; signing needs the private key'),
    );
  });

  it('is alone in its file', () => {
    const message = 'the file must hold one private key and nothing else';
    const suggestions = ['put each key or certificate into a file of its own'];
    const expected = (got: string) =>
      mlsignError('key-malformed', message, { subject: 'a.key', expected: 'one private key', got, suggestions });
    assert.throws(() => parsePrivateKeyBlock(PRIVATE + PRIVATE, 'a.key'), expected('private key, private key'));
    assert.throws(() => parsePrivateKeyBlock(PRIVATE + PUBLIC, 'a.key'), expected('private key, public key'));
    assert.throws(() => parsePrivateKeyBlock(toPem(Buffer.from('3000', 'hex'), 'PKCS7'), 'a.key'), expected('pkcs7'));
    assert.throws(() => parsePrivateKeyBlock(toPem(Buffer.from('0601', 'hex'), 'EC PARAMETERS'), 'a.key'), expected(''));
  });

  it('in the format of OpenSSH comes with the command that converts it', () => {
    const expected = mlsignError('key-malformed', 'the key is in the format of OpenSSH', {
      suggestions: ['convert a copy of it: ssh-keygen -p -m PKCS8 -f COPY'],
    });
    assert.throws(() => parsePrivateKeyBlock(toPem(Buffer.from('openssh-key-v1\0'), 'OPENSSH PRIVATE KEY'), 'id_ed25519'), expected);
  });
});

describe('pem: what is trusted', () => {
  it('is a public key or a certificate', () => {
    for (const name of KEY_NAMES) assert.equal(parseTrustedPem(keyFile(`${name}.pub`), name).kind, 'key');
    const { leafPem, leaf } = makeChain();
    assert.deepEqual(parseTrustedPem(leafPem, 'a.crt'), { kind: 'certificate', der: leaf.der });
  });

  it('may be a public key as PKCS#1', () => {
    const trusted = parseTrustedPem(keyFile('rsa-2048.pkcs1.pub'), 'a.pub');
    assert.ok(trusted.kind === 'key' && trusted.key.equals(createPublicKey(keyFile('rsa-2048.pub'))));
  });

  it('is never a private key: the error names the .pub file', () => {
    for (const name of ['ec-p256.key', 'ec-p256.encrypted.key', 'ec-p256.sec1.key', 'rsa-2048.pkcs1.key']) {
      assert.throws(
        () => parseTrustedPem(keyFile(name), name),
        (error: unknown) => {
          mlsignError('key-is-private', 'this is a private key; verifying needs the public key only', { subject: name })(error);
          assert.ok(error instanceof MlsignError && error.suggestions[0]?.includes(`${name}.pub`));
          return true;
        },
      );
    }
  });

  it('is one key, not several', () => {
    const expected = mlsignError('key-malformed', 'the file must hold one public key or certificate and nothing else', {
      got: 'public key, public key',
    });
    assert.throws(() => parseTrustedPem(PUBLIC + PUBLIC, 'a.pub'), expected);
  });

  it('is refused where it cannot be read', () => {
    const empty = Buffer.from('3000', 'hex');
    const unreadable = mlsignError('key-malformed', 'the public key cannot be read', {
      suggestions: ['get the key again from its owner, or make it from the private key: openssl pkey -in KEY -pubout'],
    });
    assert.throws(() => parseTrustedPem(toPem(empty, 'PUBLIC KEY'), 'a'), unreadable);
    const malformed = mlsignError('certificate-malformed', 'the certificate cannot be read', {
      suggestions: ['copy the file again: it was cut off or changed on the way'],
    });
    assert.throws(() => parseTrustedPem(toPem(empty), 'a'), malformed);
  });

  it('an ML-DSA key that Node cannot read gives one clear line', () => {
    // What a Node without ML-DSA makes of a good key, this one makes of one with a damaged body.
    const der = derOf(keyFile('ml-dsa-65.pub').toString());
    const damaged = Buffer.concat([Buffer.from('3011', 'hex'), der.subarray(4, 17), Buffer.from('03020000', 'hex')]);
    const expected = mlsignError('ml-dsa-unavailable', 'ml-dsa needs Node 24.7 or later', { outcome: 'unavailable', subject: 'a.pub' });
    assert.throws(() => parseTrustedPem(toPem(damaged, 'PUBLIC KEY'), 'a.pub'), expected);
  });
});

describe('pem: certificates', () => {
  it('are read in the order of the file, with the text that openssl puts around them', () => {
    const { chainPem, leafPem, rootPem, chain, root } = makeChain({ intermediates: [{}] });
    const read = parseCertificates(`Certificate:\n    Data:\n${leafPem}\n${chainPem}${rootPem}`, 'chain.pem');
    assert.deepEqual(read, [...chain, root.der]);
  });

  it('are alone in their file', () => {
    const expected = mlsignError('certificate-malformed', 'the file holds something that is not a certificate', { got: 'private key' });
    assert.throws(() => parseCertificates(makeChain().rootPem + PRIVATE, 'ca.pem'), expected);
  });
});

describe('pem: hints', () => {
  it('are the SHA-256 of the SPKI PEM, whatever form the key is given in', () => {
    // sha256sum fixtures/keys/ec-p256.pub
    const hint = 'c961a3db4ac7f20a0bb9c442c590428c698012fdba3f0603eb2198921dc7e1c7';
    for (const form of [PUBLIC, PRIVATE, PUBLIC.replaceAll('\n', '\r\n')]) assert.equal(publicKeyHint(createPublicKey(form)), hint);
  });
});

function derOf(pem: string): Buffer {
  return Buffer.from(pem.split('\n').slice(1, -2).join(''), 'base64');
}
