import assert from 'node:assert/strict';
import fc from 'fast-check';
import { DerError } from '../../src/formats/index.ts';
import { EvidenceError } from '../../src/verify/evidence.ts';
import { claimedGenerationTime, type TimestampTrust, trustInAuthority, trustInRoots, verifyTimestamp } from '../../src/verify/timestamp.ts';
import { EKU, makeCertificate, makeKey, type TestCertificate } from '../helpers/certificates.ts';
import { boolean, octets, oid, sequence } from '../helpers/der.ts';
import { authority } from '../helpers/forged-fulcio.ts';
import { SIGNED_AT, secondsLater } from '../helpers/forged-log.ts';
import { TimestampAuthority, type TimestampQuirks } from '../helpers/sigstore/index.ts';

const SIGNATURE = Buffer.from('a signature');
const PERIOD = { notBefore: secondsLater(-86_400), notAfter: secondsLater(86_400) };

describe('timestamp', () => {
  let tsa: TimestampAuthority;
  let trust: readonly TimestampTrust[];
  before(async () => {
    tsa = await TimestampAuthority.start();
    trust = [trustInRoots([tsa.root.der])];
  });
  after(() => tsa.server.close());

  const stamp = (quirks: TimestampQuirks = {}) => tsa.timestamp(SIGNATURE, { time: SIGNED_AT, ...quirks });

  async function rejects(response: Uint8Array, code: string, message: RegExp | string, by = trust): Promise<void> {
    await assert.rejects(verifyTimestamp(response, SIGNATURE, by), (error: unknown) => {
      assert.ok(error instanceof EvidenceError, String(error));
      assert.equal(error.code, code, error.message);
      if (typeof message === 'string') assert.equal(error.message, message);
      else assert.match(error.message, message);
      return true;
    });
  }

  it('proves a time under the roots of the user, or under a trusted root', async () => {
    for (const by of [
      trustInRoots([tsa.root.der]),
      trustInAuthority(authority(tsa.certificate, tsa.root)),
      trustInAuthority(authority(tsa.root)),
    ]) {
      const { time, by: kind, authority: name, id } = await verifyTimestamp(stamp(), SIGNATURE, [by]);
      assert.deepEqual([time, kind, name], [SIGNED_AT, 'timestamp-authority', 'CN=test tsa,O=mlsign test']);
      assert.match(id, /^[0-9a-f]{64}$/);
    }
  });

  it('to the millisecond', async () => {
    const { time } = await verifyTimestamp(stamp({ fraction: '.125' }), SIGNATURE, trust);
    assert.equal(time.getTime(), SIGNED_AT.getTime() + 125);
  });

  it('by a certificate that the token does not bring, where the trusted root has it', async () => {
    const bare = stamp({ certificates: [] });
    assert.ok(await verifyTimestamp(bare, SIGNATURE, [trustInAuthority(authority(tsa.certificate, tsa.root))]));
    await rejects(bare, 'timestamp-untrusted', 'the timestamp is not of a trusted authority');
  });

  it('over an intermediate that the token or the user brings', async () => {
    const intermediate = makeCertificate({ subject: 'intermediate', ...PERIOD }, tsa.root, 'ca');
    const certificate = timestampLeaf(intermediate);
    const response = stamp({ certificate, certificates: [certificate] });
    await rejects(response, 'timestamp-untrusted', /does not lead to a trusted root/);
    assert.ok(await verifyTimestamp(stamp({ certificate, certificates: [certificate, intermediate] }), SIGNATURE, trust));
    assert.ok(await verifyTimestamp(response, SIGNATURE, [trustInRoots([tsa.root.der, intermediate.der])]));
    // What is no root gives no trust, even where it is all that the user names.
    await rejects(response, 'timestamp-untrusted', /does not lead to a trusted root/, [trustInRoots([intermediate.der])]);
  });

  it('is not of an authority that nobody trusts', async () => {
    const stranger = await TimestampAuthority.start();
    await stranger.server.close();
    const response = stranger.timestamp(SIGNATURE, { time: SIGNED_AT });
    await rejects(response, 'timestamp-untrusted', /^the timestamp is not of a trusted authority: .* does not lead to a trusted root$/);
    await rejects(stamp(), 'timestamp-untrusted', 'the timestamp is not of a trusted authority', []);
    const pinned = [trustInAuthority(authority(stranger.certificate, tsa.root))];
    await rejects(stamp(), 'timestamp-untrusted', 'the timestamp is not of a trusted authority', pinned);
  });

  it('is not over other bytes, or by a hash that is not accepted', async () => {
    const other = 'the timestamp is over other bytes than the signature';
    await rejects(tsa.timestamp(Buffer.from('another'), { time: SIGNED_AT }), 'timestamp-mismatch', other);
    await rejects(stamp({ imprint: Buffer.alloc(32) }), 'timestamp-mismatch', other);
    const sha1 = replaced(stamp(), '608648016503040201', '608648016503040204');
    await rejects(sha1, 'timestamp-mismatch', 'the timestamp is over a digest that is not accepted');
  });

  it('is signed by the certificate that it names', async () => {
    await rejects(stamp({ key: makeKey().privateKey }), 'timestamp-signature', 'the signature of the timestamp does not verify');
    // Another certificate of the same key and name: the signed attributes name one of the two.
    const twin = timestampLeaf(tsa.root, { key: tsa.certificate });
    await rejects(stamp({ certificates: [twin] }), 'timestamp-untrusted', 'the timestamp is not of a trusted authority');
    const moved = replaced(stamp(), digits(SIGNED_AT), digits(secondsLater(-1000)));
    await rejects(moved, 'timestamp-signature', 'the timestamp was changed after it was signed');
  });

  it('is by a certificate for timestamps alone', async () => {
    const not = 'the timestamp is signed with a certificate that is not for timestamps alone';
    const wrong: readonly TestCertificate[] = [
      tsa.certify({ ...PERIOD, purpose: EKU.codeSigning }),
      tsa.certify({ ...PERIOD, purpose: EKU.any }),
      tsa.certify({ ...PERIOD, critical: false }),
      timestampLeaf(tsa.root, { extendedKeyUsage: null, extensions: [] }),
      timestampLeaf(tsa.root, { extensions: [usageOf(EKU.timeStamping, EKU.codeSigning)] }),
      timestampLeaf(tsa.root, { extensions: [usageOf(EKU.codeSigning, EKU.timeStamping)] }),
    ];
    for (const certificate of wrong) await rejects(stamp({ certificate }), 'timestamp-untrusted', not);
  });

  it('is by a certificate that is valid at the time that it gives, and from then on for ever', async () => {
    const certificate = tsa.certify({ notBefore: secondsLater(-100), notAfter: secondsLater(100) });
    for (const [seconds, reason] of [
      [-101, /is not valid before/],
      [101, /expired at/],
    ] as const) {
      await rejects(stamp({ certificate, time: secondsLater(seconds) }), 'timestamp-untrusted', reason);
    }
    assert.ok(await verifyTimestamp(stamp({ certificate, time: secondsLater(100) }), SIGNATURE, trust));
  });

  it('is by an authority that is trusted at that time, and does not borrow the time of another', async () => {
    const chain = authority(tsa.certificate, tsa.root);
    const until = (end: Date) => trustInAuthority({ ...chain, validFor: { start: undefined, end } });
    await rejects(stamp(), 'timestamp-untrusted', /: it is not one at the time that it gives$/, [until(secondsLater(-1))]);
    assert.ok(await verifyTimestamp(stamp(), SIGNATURE, [until(secondsLater(-1)), until(SIGNED_AT)]));
    const stranger = await TimestampAuthority.start();
    await stranger.server.close();
    const current = trustInAuthority(authority(stranger.certificate, stranger.root));
    await rejects(stamp(), 'timestamp-untrusted', /: it is not one at the time that it gives$/, [until(secondsLater(-1)), current]);
  });

  it('is a grant of one signer over a timestamp', async () => {
    await rejects(stamp({ status: 2 }), 'timestamp-malformed', 'the timestamp is malformed: it is a refusal');
    await rejects(stamp({ withoutToken: true }), 'timestamp-malformed', 'the timestamp is malformed: it is a refusal');
    await rejects(stamp({ status: 2, refusedToken: true }), 'timestamp-malformed', 'the timestamp is malformed: it is a refusal');
    assert.ok(await verifyTimestamp(stamp({ status: 1 }), SIGNATURE, trust));
    await rejects(stamp({ signers: 2 }), 'timestamp-malformed', 'the timestamp is malformed: it has no signer or several');
    const other = 'the timestamp is malformed: its signed attributes are about something else';
    await rejects(stamp({ signedType: '1.2.840.113549.1.7.1' }), 'timestamp-malformed', other);
    const data = 'the timestamp is malformed: it signs something else than a timestamp';
    await rejects(stamp({ contentType: '1.2.840.113549.1.7.1' }), 'timestamp-malformed', data);
    await rejects(stamp({ version: 2 }), 'timestamp-malformed', 'the timestamp is malformed: it is of another version');
  });

  it('has no critical extension', async () => {
    const extension = (...critical: readonly Buffer[]) => sequence(oid('1.2.3.4'), ...critical, octets(Buffer.from('0500', 'hex')));
    assert.ok(await verifyTimestamp(stamp({ extensions: extension() }), SIGNATURE, trust));
    const critical = stamp({ extensions: extension(boolean(true)) });
    await rejects(critical, 'timestamp-malformed', 'the timestamp is malformed: it has a critical extension');
  });

  it('is nothing when it is cut anywhere, and nothing else when a byte changes', async () => {
    const response = stamp();
    for (let length = 0; length < response.length; length++) {
      await assert.rejects(verifyTimestamp(response.subarray(0, length), SIGNATURE, trust), isReason);
      assert.equal(await claimedGenerationTime(response.subarray(0, length)), undefined);
    }
    await fc.assert(
      fc.asyncProperty(fc.nat(response.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const changed = Buffer.from(response);
        changed[at] = (changed[at] ?? 0) ^ change;
        try {
          const { time } = await verifyTimestamp(changed, SIGNATURE, trust);
          // Outside of what is signed there are bytes that say nothing: the issuer and the serial number of the signer.
          assert.deepEqual(time, SIGNED_AT);
        } catch (error) {
          isReason(error);
        }
      }),
      { numRuns: 300 },
    );
  });

  function timestampLeaf(issuer: TestCertificate, options: Parameters<typeof makeCertificate>[0] = {}): TestCertificate {
    const extensions = [usageOf(EKU.timeStamping)];
    return makeCertificate({ subject: 'timestamps', ...PERIOD, extendedKeyUsage: null, extensions, ...options }, issuer);
  }

  function usageOf(...purposes: readonly string[]) {
    return { id: '2.5.29.37', critical: true, value: sequence(...purposes.map(oid)) };
  }
});

function isReason(error: unknown): true {
  const isMlsign = error instanceof Error && 'code' in error && error.code === 'certificate-malformed';
  assert.ok(error instanceof EvidenceError || error instanceof DerError || isMlsign, String(error));
  return true;
}

function digits(time: Date): string {
  return Buffer.from(time.toISOString().replace(/[-:T]|\.\d+Z$/g, '')).toString('hex');
}

/** Bytes with the first run of others put in its place, both in hex. */
function replaced(bytes: Uint8Array, from: string, to: string): Buffer {
  const copy = Buffer.from(bytes);
  // The digest of the imprint stands behind that of the signer's list of algorithms.
  const at = copy.indexOf(Buffer.from(from, 'hex'), copy.indexOf('2a864886f70d0109100104', 'hex'));
  assert.notEqual(at, -1);
  Buffer.from(to, 'hex').copy(copy, at);
  return copy;
}
