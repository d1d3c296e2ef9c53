import assert from 'node:assert/strict';
import { refused } from '../../src/core/index.ts';
import { openStatement, VerifiedStatement } from '../../src/verify/index.ts';
import { sealed, trustKeys } from '../helpers/bundles.ts';
import { VALID_AT } from '../helpers/certificates.ts';
import { fixtureSigner } from '../helpers/keys.ts';

const PAYLOAD = Buffer.from('{"any":"document"}');
const OPTIONS = { now: VALID_AT };

describe('open statement', () => {
  const read = (payload: Uint8Array): string => Buffer.from(payload).toString();
  const never = (): never => assert.fail('the payload was read before its signature was verified');

  it('gives what was read, and who signed it', async () => {
    const bytes = await sealed(await fixtureSigner('ec-p256'), PAYLOAD);
    const { verified, findings } = await openStatement(bytes, 'x.json', [trustKeys('ec-p256')], read, OPTIONS);
    assert.deepEqual(findings, []);
    assert.ok(verified && VerifiedStatement.is(verified));
    assert.equal(verified.statement, '{"any":"document"}');
    assert.deepEqual(
      verified.signedBy.map(({ principal }) => principal.name),
      ['key ec-p256.pub'],
    );
  });

  it('reads nothing whose signature is not verified', async () => {
    const bytes = await sealed(await fixtureSigner('ec-p256'), PAYLOAD);
    const untrusted = await openStatement(bytes, 'x.json', [trustKeys('ed25519')], never, OPTIONS);
    assert.deepEqual([untrusted.verified, untrusted.findings[0]?.code], [undefined, 'signer-untrusted']);
    const other = await sealed(await fixtureSigner('ec-p256'), PAYLOAD, (bundle) => ({
      ...bundle,
      envelope: { ...bundle.envelope, payload: Buffer.from('{"any":"other"}') },
    }));
    const forged = await openStatement(other, 'x.json', [trustKeys('ec-p256')], never, OPTIONS);
    assert.deepEqual([forged.verified, forged.findings[0]?.code], [undefined, 'signature-invalid']);
  });

  it('asks for one of each group', async () => {
    const bytes = await sealed(await fixtureSigner('ec-p256'), PAYLOAD);
    const both = trustKeys('ec-p256', 'ed25519');
    assert.ok((await openStatement(bytes, 'x.json', [both, trustKeys('ec-p256')], read, OPTIONS)).verified);
    const { verified, findings } = await openStatement(bytes, 'x.json', [both, trustKeys('ed25519')], read, OPTIONS);
    assert.equal(verified, undefined);
    assert.deepEqual(
      findings.map(({ code, severity, message }) => [code, severity, message]),
      [['signer-missing', 'rejected', 'the signer is trusted by some of what must hold, and not by all of it']],
    );
    // Nobody is a member of a group without members.
    const nobody = await openStatement(bytes, 'x.json', [both, []], read, OPTIONS);
    assert.deepEqual([nobody.verified, nobody.findings[0]?.code], [undefined, 'signer-missing']);
    const none = await openStatement(bytes, 'x.json', [], never, OPTIONS);
    assert.deepEqual([none.verified, none.findings[0]?.code], [undefined, 'signer-untrusted']);
  });

  it('tells what is wrong with the statement as a finding', async () => {
    const bytes = await sealed(await fixtureSigner('ec-p256'), PAYLOAD);
    const parse = (): never => {
      throw refused('document-malformed', 'this is no document', { subject: 'x.json' });
    };
    const { verified, findings } = await openStatement(bytes, 'x.json', [trustKeys('ec-p256')], parse, OPTIONS);
    assert.equal(verified, undefined);
    assert.deepEqual(
      [findings[0]?.code, findings[0]?.severity, findings[0]?.message],
      ['document-malformed', 'rejected', 'this is no document'],
    );
  });
});
