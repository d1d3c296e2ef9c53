import assert from 'node:assert/strict';
import { constants, createPrivateKey, sign } from 'node:crypto';
import { sha256Hex } from '../../src/core/index.ts';
import { publicKeyHint, signData } from '../../src/formats/index.ts';
import { policyFromFlags } from '../../src/policy/index.ts';
import { VerifiedStatement } from '../../src/verify/index.ts';
import { forged, MANIFEST, open, rejects, STATEMENT, sealed, trustKeys, trustRoots } from '../helpers/bundles.ts';
import { makeChain } from '../helpers/certificates.ts';
import { ACCEPTED_KEYS, fixtureSigner, KEY_NAMES, keyFile } from '../helpers/keys.ts';

const privateKey = (name: string) => createPrivateKey(keyFile(`${name}.key`));

describe('open bundle: keys', () => {
  for (const name of KEY_NAMES) {
    it(`${name}: opens under its own key, and under no other`, async () => {
      const signer = await fixtureSigner(name);
      const bytes = await sealed(signer);
      const principals = trustKeys('ec-p256', 'ed25519', ...(name === 'ec-p256' || name === 'ed25519' ? [] : [name]));
      const { verified, checks, findings } = await open(bytes, principals);
      assert.deepEqual(findings, []);
      assert.ok(verified);
      assert.deepEqual(verified.statement.manifest, MANIFEST);
      assert.equal(verified.bundle, 'model.sig');
      assert.equal(verified.bundleDigest, sha256Hex(bytes));
      assert.deepEqual(
        verified.signedBy.map(({ principal }) => principal.name),
        [`key ${name}.pub`],
      );
      const hint = publicKeyHint(signer.publicKey);
      const { description } = signer;
      assert.deepEqual(verified.signer, {
        kind: 'key',
        id: hint,
        description,
        hint,
        authorities: undefined,
        certificate: undefined,
        scheme: ACCEPTED_KEYS[name],
      });
      assert.deepEqual(
        checks.map((check) => [check.name, check.status]),
        [
          ['bundle', 'passed'],
          ['signature', 'passed'],
          ['statement', 'passed'],
        ],
      );
      const others = KEY_NAMES.filter((other) => other !== name);
      rejects(await open(bytes, trustKeys(...others)), 'signer-untrusted', 'the bundle is signed with a key that is not trusted');
    });
  }

  it('names the hint of the signer and those that are trusted', async () => {
    const bytes = await sealed(await fixtureSigner('ec-p256'));
    const [finding] = (await open(bytes, trustKeys('ed25519'))).findings;
    assert.equal(finding?.got, 'key c961a3db4ac7f20a0bb9c442c590428c698012fdba3f0603eb2198921dc7e1c7');
    assert.match(finding?.expected ?? '', /^key [0-9a-f]{64} \(ed25519\.pub\)$/);
    assert.match(finding?.suggestion ?? '', /--trust-key/);
  });

  it('counts for every principal that has the key', async () => {
    const principals = [...trustKeys('ec-p256'), ...trustKeys('ed25519', 'ec-p256')];
    const { verified } = await open(await sealed(await fixtureSigner('ec-p256')), principals);
    assert.deepEqual(
      verified?.signedBy.map(({ principal }) => principal),
      [principals[0], principals[2]],
    );
  });

  it('refuses every bundle in which one bit is flipped', async () => {
    const principals = trustKeys('ed25519');
    const bytes = await sealed(await fixtureSigner('ed25519'));
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      const { verified, findings } = await open(changed, principals);
      assert.equal(verified, undefined, `byte ${at}`);
      assert.equal(findings[0]?.severity, 'rejected');
    }
  });

  it('refuses a bundle that is cut off at any byte', async () => {
    const principals = trustKeys('ed25519');
    const bytes = await sealed(await fixtureSigner('ed25519'));
    for (let length = 0; length < bytes.length - 1; length++)
      rejects(await open(bytes.subarray(0, length), principals), 'json-invalid', /^not JSON/);
  });
});

describe('open bundle: the hint selects, the signature decides', () => {
  const hintOf = async (name: string) => publicKeyHint((await fixtureSigner(name)).publicKey);

  it('a hint of a trusted key that did not sign', async () => {
    const hint = await hintOf('ec-p256');
    const bytes = forged({ kind: 'key', hint }, (encoded) => signData('ecdsa-p384-sha384', privateKey('ec-p384'), encoded));
    const opened = await open(bytes, trustKeys('ec-p256'));
    rejects(
      opened,
      'signature-invalid',
      'the signature does not verify: the bundle was changed after it was signed, or another key signed it',
    );
    assert.equal(opened.findings[0]?.expected, `a signature by key ${hint} (ecdsa-p256-sha256)`);
    rejects(await open(bytes, trustKeys('ec-p256', 'ec-p384')), 'signature-invalid', /does not verify/);
  });

  it('a hint in another form than that of a trusted key', async () => {
    const hint = await hintOf('ed25519');
    const signer = await fixtureSigner('ed25519');
    for (const other of [hint.toUpperCase(), hint.slice(0, 16), ` ${hint}`]) {
      const bytes = await sealed({ ...signer, material: { kind: 'key', hint: other } });
      rejects(await open(bytes, trustKeys('ed25519')), 'signer-untrusted', /not trusted/);
    }
  });

  it('a key that the bundle brings is never trusted', async () => {
    const attacker = await fixtureSigner('ec-p384');
    const embeddedKey = keyFile('ec-p384.pub');
    rejects(
      await open(await sealed({ ...attacker, material: { kind: 'key', embeddedKey } }), trustKeys('ec-p256')),
      'signature-invalid',
      /does not verify/,
    );
    const hint = await hintOf('ec-p256');
    rejects(
      await open(await sealed({ ...attacker, material: { kind: 'key', hint, embeddedKey } }), trustKeys('ec-p256')),
      'signature-invalid',
      /does not verify/,
    );
  });

  it('without a hint every trusted key is tried, whatever key the bundle brings', async () => {
    const signer = await fixtureSigner('ec-p256');
    for (const embeddedKey of [keyFile('ec-p256.pub'), keyFile('ec-p384.pub'), Buffer.from('junk')]) {
      const bytes = await sealed({ ...signer, material: { kind: 'key', embeddedKey } });
      const { verified } = await open(bytes, trustKeys('ed25519', 'ec-p521', 'ec-p256'));
      assert.equal(verified?.signer.hint, await hintOf('ec-p256'));
    }
    const bytes = await sealed({ ...signer, material: { kind: 'key', embeddedKey: Buffer.from('junk') } });
    assert.equal((await open(bytes, trustKeys('ed25519', 'ec-p521'))).findings[0]?.expected, 'a signature by one of 2 trusted keys');
  });

  it('where only authorities are trusted, a bare key is not', async () => {
    const opened = await open(await sealed(await fixtureSigner('ec-p256')), trustRoots(makeChain().rootPem));
    rejects(opened, 'signer-untrusted', 'the bundle is signed with a key that is not trusted');
    assert.equal(opened.findings[0]?.expected, 'a certificate of root-0.pem');
  });
});

describe('open bundle: the algorithm comes from the trust', () => {
  it('an ECDSA signature in IEEE P1363 form', async () => {
    const { material } = await fixtureSigner('ec-p256');
    const bytes = forged(material, (encoded) => sign('sha256', encoded, { key: privateKey('ec-p256'), dsaEncoding: 'ieee-p1363' }));
    rejects(await open(bytes, trustKeys('ec-p256')), 'signature-invalid', /does not verify/);
  });

  it('a weaker digest', async () => {
    const { material } = await fixtureSigner('ec-p384');
    const bytes = forged(material, (encoded) => sign('sha256', encoded, privateKey('ec-p384')));
    rejects(await open(bytes, trustKeys('ec-p384')), 'signature-invalid', /does not verify/);
  });

  it('an RSA-PSS salt of another length', async () => {
    const { material } = await fixtureSigner('rsa-2048');
    const padding = constants.RSA_PKCS1_PSS_PADDING;
    for (const saltLength of [0, 20, constants.RSA_PSS_SALTLEN_MAX_SIGN]) {
      const bytes = forged(material, (encoded) => sign('sha256', encoded, { key: privateKey('rsa-2048'), padding, saltLength }));
      rejects(await open(bytes, trustKeys('rsa-2048')), 'signature-invalid', /does not verify/);
    }
  });

  it('an RSA key has one padding; the other one is told apart, and still refused', async () => {
    const trust = (rsaPadding: 'pss' | 'pkcs1') =>
      policyFromFlags({ trustKeys: [{ pem: keyFile('rsa-2048.pub'), where: 'a.pub' }], rsaPadding }).principals;
    const bytes = await sealed(await fixtureSigner('rsa-2048', 'pkcs1'));
    assert.equal((await open(bytes, trust('pkcs1'))).verified?.signer.scheme, 'rsa-pkcs1-sha256');
    const opened = await open(bytes, trust('pss'));
    rejects(opened, 'signature-invalid', /does not verify/);
    assert.equal(opened.findings[0]?.got, 'a signature by that key with rsa-pkcs1-sha256');
    rejects(await open(await sealed(await fixtureSigner('rsa-2048')), trust('pkcs1')), 'signature-invalid', /does not verify/);
  });

  it('no signature, an empty one, or several', async () => {
    const bytes = await sealed(await fixtureSigner('ed25519'));
    const document = JSON.parse(bytes.toString());
    const [signature] = document.dsseEnvelope.signatures;
    for (const signatures of [[], [signature, signature], [{ sig: '' }], [{}], undefined]) {
      const changed = { ...document, dsseEnvelope: { ...document.dsseEnvelope, signatures } };
      rejects(await open(Buffer.from(JSON.stringify(changed)), trustKeys('ed25519')), 'bundle-malformed', /dsseEnvelope\.signatures/);
    }
  });
});

describe('open bundle: what is signed', () => {
  it('another payload type, in the bundle or in what was signed', async () => {
    const bytes = await sealed(await fixtureSigner('ed25519'));
    const swapped = Buffer.from(bytes.toString().replace('vnd.in-toto+json', 'vnd.in-toto-json'));
    rejects(await open(swapped, trustKeys('ed25519')), 'bundle-malformed', /dsseEnvelope\.payloadType/);
    const { material } = await fixtureSigner('ed25519');
    const other = forged(material, (encoded) =>
      signData('ed25519', privateKey('ed25519'), Buffer.from(encoded.toString().replace('in-toto', 'in_toto'))),
    );
    rejects(await open(other, trustKeys('ed25519')), 'signature-invalid', /does not verify/);
  });

  it('the payload alone, without its encoding', async () => {
    const { material } = await fixtureSigner('ed25519');
    const bytes = forged(material, () => signData('ed25519', privateKey('ed25519'), STATEMENT));
    rejects(await open(bytes, trustKeys('ed25519')), 'signature-invalid', /does not verify/);
  });

  it('a statement about something else, signed by a trusted key', async () => {
    const signer = await fixtureSigner('ed25519');
    const other = (change: (statement: Record<string, unknown>) => void) => {
      const statement = JSON.parse(STATEMENT.toString());
      change(statement);
      return sealed(signer, Buffer.from(JSON.stringify(statement)));
    };
    const cases = [
      [(s: Record<string, unknown>) => (s.predicateType = 'https://slsa.dev/provenance/v1'), 'predicate-type-unknown'],
      [(s: Record<string, unknown>) => (s._type = 'https://in-toto.io/Statement/v0.1'), 'statement-type-unknown'],
      [(s: Record<string, unknown>) => (s.predicate = {}), 'statement-malformed'],
      [(s: Record<string, unknown>) => (s.subject = [{ name: 'model', digest: { sha256: '0'.repeat(64) } }]), 'root-digest-wrong'],
    ] as const;
    for (const [change, code] of cases) {
      const opened = await open(await other(change), trustKeys('ed25519'));
      rejects(opened, code, /./);
      assert.equal(opened.checks.at(-1)?.name, 'statement');
      assert.equal(opened.checks.at(-1)?.status, 'failed');
    }
    rejects(await open(await sealed(signer, Buffer.from('{')), trustKeys('ed25519')), 'json-invalid', /^not JSON/);
  });

  it('is not read before the signature is verified', async () => {
    const bytes = await sealed(await fixtureSigner('ec-p256'), Buffer.from('not even JSON'));
    rejects(await open(bytes, trustKeys('ed25519')), 'signer-untrusted', /not trusted/);
    const { material } = await fixtureSigner('ed25519');
    const wrong = forged(material, () => Buffer.alloc(64), Buffer.from('not even JSON'));
    rejects(await open(wrong, trustKeys('ed25519')), 'signature-invalid', /does not verify/);
  });
});

describe('open bundle: what counts for nothing', () => {
  it('log entries and timestamps are listed as skipped', async () => {
    const signer = await fixtureSigner('ed25519');
    const tlogEntries = [{ integratedTime: '1', logIndex: '5' }];
    const bytes = await sealed(signer, STATEMENT, (bundle) => ({
      ...bundle,
      tlogEntries,
      timestamps: [Buffer.from('a'), Buffer.from('b')],
    }));
    const { verified, checks } = await open(bytes, trustKeys('ed25519'));
    assert.ok(verified);
    assert.deepEqual(
      checks.filter(({ status }) => status === 'skipped'),
      [
        { name: 'transparency-log', status: 'skipped', detail: 'model.sig: 1 log entry: not verified, because nothing depends on it' },
        { name: 'timestamp', status: 'skipped', detail: 'model.sig: 2 timestamps: not verified, because nothing depends on it' },
      ],
    );
  });

  it('a Sigstore identity is not trusted by anything that this version knows', async () => {
    const signer = await fixtureSigner('ec-p256');
    const bytes = await sealed({ ...signer, material: { kind: 'sigstore', certificate: Buffer.from('3000', 'hex') } });
    const message = 'the bundle is signed with a certificate whose key is not trusted';
    rejects(await open(bytes, trustKeys('ec-p256')), 'signer-untrusted', message);
  });
});

describe('a verified statement', () => {
  it('is made by opening a bundle alone', async () => {
    const { verified } = await open(await sealed(await fixtureSigner('ed25519')), trustKeys('ed25519'));
    assert.ok(verified);
    assert.equal(VerifiedStatement.is(verified), true);
    assert.equal(VerifiedStatement.is({ ...verified }), false);
    assert.equal(VerifiedStatement.is(Object.create(VerifiedStatement.prototype)), false);
  });
});
