import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { validatePath } from '../../src/verify/certificate.ts';
import { EKU } from '../helpers/certificates.ts';

interface Testcase {
  readonly id: string;
  readonly features: readonly string[];
  readonly validation_kind: 'SERVER' | 'CLIENT';
  readonly validation_time: string | null;
  readonly expected_result: 'SUCCESS' | 'FAILURE';
  readonly trusted_certs: readonly string[];
  readonly untrusted_intermediates: readonly string[];
  readonly peer_certificate: string;
}

const FIXTURE = new URL('../../fixtures/x509-limbo/limbo.json.gz', import.meta.url);

/** Not run, each with its reason. */
const NOT_APPLICABLE: Readonly<Record<string, string>> = {
  ...each('mlsign consults no revocation lists', [
    'crl::revoked-certificate-with-crl',
    'crl::crlnumber-missing',
    'crl::certificate-not-on-crl',
    'crl::certificate-serial-on-crl-different-issuer',
    'crl::crlnumber-critical',
    'crl::issuer-missing-crlsign',
    'crl::issuer-no-keyusage-extension',
    'crl::issuer-valid-crlsign-and-keycertsign',
  ]),
  ...each('the depth of a path is not for the caller to set; mlsign follows at most ten certificates', [
    'pathlen::max-chain-depth-0',
    'pathlen::max-chain-depth-0-exhausted',
    'pathlen::max-chain-depth-1',
    'pathlen::max-chain-depth-1-exhausted',
    'pathlen::max-chain-depth-1-self-issued',
  ]),
  ...each('about names of servers, which code signing does not have', [
    'rfc5280::san::underscore-dns',
    'rfc5280::san::ip-in-dns',
    'rfc5280::ca-as-leaf-wrong-san',
  ]),
};

/** Run, and answered otherwise than x509-limbo does: our answer (a code, or SUCCESS), and why. */
const DIFFERENT: Readonly<Record<string, readonly [answer: string, reason: string]>> = {
  'cve::cve-2024-0567': ['ca-not-root', 'its trusted certificate is a cross-signed one; mlsign asks for self-signed roots'],
  'rfc5280::root-and-intermediate-swapped': ['ca-not-root', 'an intermediate is trusted as root; mlsign asks for self-signed roots'],
  'pathlen::validation-ignores-pathlen-in-leaf': ['certificate-usage', 'the key usage of its leaf does not allow signatures'],
  'rfc5280::ca-as-leaf': ['certificate-usage', 'the key usage of its leaf does not allow signatures'],
  ...answeredYes(
    'RFC 5280 §6.1 does not ask for key identifiers: they help to choose between issuers, and certificates without them are common',
    [
      'rfc5280::aki::leaf-missing-aki',
      'rfc5280::aki::intermediate-missing-aki',
      'rfc5280::ski::root-missing-ski',
      'rfc5280::ski::intermediate-missing-ski',
    ],
  ),
  ...answeredYes('a CA should have marked the extension critical; mlsign processes it in either case, as RFC 5280 §6.1 does', [
    'rfc5280::nc::permitted-dns-match-noncritical',
    'rfc5280::pc::ica-noncritical-pc',
    'rfc5280::root-non-critical-basic-constraints',
  ]),
};

/**
 * The finding of every case that fails, so that none fails for another reason than it should. Some stop early for a reason of their own:
 * the key identifiers of `critical-ski` differ; `intermediate-ca-missing-basic-constraints` and `ica-ku-keycertsign` come without their intermediate;
 * the trusted certificates of `serial::negative` and `ca-empty-subject` are not self-signed. test/verify/certificate-form.test.ts has these.
 */
const CODES: Readonly<Record<string, readonly string[]>> = {
  'ca-not-root': ['rfc5280::aki::cross-signed-root-missing-aki', 'rfc5280::serial::negative', 'rfc5280::ca-empty-subject'],
  'certificate-critical-extension': [
    'rfc5280::aki::critical-aki',
    'rfc5280::unknown-critical-extension-ee',
    'rfc5280::unknown-critical-extension-root',
    'rfc5280::unknown-critical-extension-intermediate',
    'rfc5280::ee-critical-aia-invalid',
  ],
  'certificate-expired': [
    'rfc5280::validity::expired-root',
    'rfc5280::validity::expired-intermediate',
    'rfc5280::validity::expired-leaf',
    'rfc5280::validity::expired-1-second',
    'rfc5280::validity::expired-5-seconds',
  ],
  'certificate-malformed': [
    'pathological::nc-dos-1',
    'rfc5280::eku::ee-eku-empty',
    'rfc5280::nc::invalid-dnsname-wildcard',
    'rfc5280::nc::invalid-dnsname-leading-period',
    'rfc5280::nc::invalid-ipv4-address',
    'rfc5280::nc::invalid-ipv6-address',
    'rfc5280::nc::invalid-email-address',
    'rfc5280::nc::not-allowed-in-ee-noncritical',
    'rfc5280::nc::not-allowed-in-ee-critical',
    'rfc5280::san::malformed',
    'rfc5280::san::noncritical-with-empty-subject',
    'rfc5280::serial::too-long',
    'rfc5280::serial::zero',
    'rfc5280::duplicate-extensions',
    'rfc5280::mismatching-signature-algorithm',
  ],
  'certificate-name-constraint': [
    'cve::cve-2025-61727',
    'cve::cve-2025-61727-nc-permits-variant',
    'pathological::nc-dos-2',
    'pathological::nc-dos-3',
    'rfc5280::nc::permitted-dns-mismatch',
    'rfc5280::nc::excluded-dns-match',
    'rfc5280::nc::excluded-dns-match-second',
    'rfc5280::nc::permitted-ip-mismatch',
    'rfc5280::nc::excluded-ipv4-match',
    'rfc5280::nc::excluded-ipv6-match',
    'rfc5280::nc::permitted-dn-mismatch',
    'rfc5280::nc::excluded-dn-match',
    'rfc5280::nc::permitted-dn-match-subject-san-mismatch',
    'rfc5280::nc::excluded-dn-match-sub-mismatch',
    'rfc5280::nc::excluded-self-issued-leaf',
    'rfc5280::nc::excluded-match-permitted-and-excluded',
    'rfc5280::nc::intermediate-with-san-rejected-by-intermediate-nc',
    'rfc5280::nc::intermediate-with-san-rejected-by-root-nc',
    'rfc5280::nc::restrictive-permits-in-intermediates-narrows',
    'rfc5280::nc::restrictive-permits-in-intermediates-widens',
    'rfc5280::nc::nc-permits-invalid-dns-san',
    'rfc5280::nc::nc-permits-invalid-ip-san',
    'rfc5280::nc::nc-permits-invalid-email-san',
    'rfc5280::nc::nc-permits-email-literal-asterisk-rejects-user',
    'rfc5280::nc::nc-permits-email-literal-asterisk-rejects-subdomain',
    'rfc5280::nc::nc-permits-email-literal-double-asterisk-rejects-single',
    'rfc5280::nc::nc-forbids-othername',
    'rfc5280::nc::nc-forbids-dnsname-wildcard-san',
  ],
  'certificate-not-ca': ['rfc5280::intermediate-ca-without-ca-bit', 'rfc5280::root-missing-basic-constraints'],
  'certificate-not-yet-valid': [
    'rfc5280::validity::notbefore-fractional',
    'rfc5280::validity::not-yet-valid-1-second',
    'rfc5280::validity::not-yet-valid-5-seconds',
  ],
  'certificate-path-length': ['pathlen::intermediate-violates-pathlen-0', 'pathlen::intermediate-pathlen-too-long'],
  'certificate-weak': ['invalid::invalid-issuer-key'],
  'certificate-untrusted': [
    'pathological::intermediate-cycle-distinct-cas',
    'pathological::intermediate-cycle-distinct-cas-max-depth',
    'pathological::intermediate-cycle-same-logical-ca',
    'pathological::pathological-chain-distinct-subject-distinct-key',
    'pathological::pathological-chain-same-subject-distinct-key',
    'pathological::pathological-chain-distinct-subject-same-key',
    'pathological::pathological-chain-same-subject-same-key',
    'rfc5280::ski::critical-ski',
    'rfc5280::ee-empty-issuer',
    'rfc5280::chain-untrusted-root',
    'rfc5280::intermediate-ca-missing-basic-constraints',
    'rfc5280::ica-ku-keycertsign',
  ],
  'certificate-usage': ['rfc5280::eku::ee-wrong-eku', 'rfc5280::root-inconsistent-ca-extensions', 'rfc5280::leaf-ku-keycertsign'],
};

function each(reason: string, ids: readonly string[]): Record<string, string> {
  return Object.fromEntries(ids.map((id) => [id, reason]));
}

function answeredYes(reason: string, ids: readonly string[]): Record<string, readonly ['SUCCESS', string]> {
  return Object.fromEntries(ids.map((id) => [id, ['SUCCESS', reason] as const]));
}

function expectedAnswer({ id, expected_result }: Testcase): string {
  const different = DIFFERENT[id];
  if (different !== undefined) return different[0];
  if (expected_result === 'SUCCESS') return expected_result;
  return Object.entries(CODES).find(([, ids]) => ids.includes(id))?.[0] ?? 'a code in the table above';
}

async function answer(testcase: Testcase): Promise<string> {
  const der = (pem: string): Buffer => Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64');
  const result = await validatePath(
    [testcase.peer_certificate, ...testcase.untrusted_intermediates].map(der),
    testcase.trusted_certs.map(der),
    new Date(testcase.validation_time ?? '2026-01-01T00:00:00Z'),
    { extendedKeyUsage: testcase.validation_kind === 'CLIENT' ? EKU.clientAuth : EKU.serverAuth },
  );
  return result.ok ? 'SUCCESS' : result.finding.code;
}

describe('x509-limbo', () => {
  const { testcases }: { testcases: readonly Testcase[] } = JSON.parse(gunzipSync(readFileSync(FIXTURE)).toString());
  const applicable = testcases.filter(({ id }) => NOT_APPLICABLE[id] === undefined);

  for (const testcase of applicable) {
    const reason = DIFFERENT[testcase.id]?.[1];
    it(`${testcase.id}: ${expectedAnswer(testcase)}${reason === undefined ? '' : `, unlike x509-limbo: ${reason}`}`, async () => {
      assert.equal(await answer(testcase), expectedAnswer(testcase));
    });
  }

  it('is run but for the cases that do not apply, which the fixture holds by name only', () => {
    const left = testcases.filter(({ peer_certificate }) => peer_certificate === undefined).map(({ id }) => id);
    assert.deepEqual(left.toSorted(), Object.keys(NOT_APPLICABLE).toSorted());
    assert.equal(testcases.length, 138);
    assert.equal(applicable.length, 122);
  });

  it('disagrees with mlsign only where a reason is written down', () => {
    const disagreeing = applicable.filter(
      (testcase) => (expectedAnswer(testcase) === 'SUCCESS') !== (testcase.expected_result === 'SUCCESS'),
    );
    assert.deepEqual(disagreeing.map(({ id }) => id).toSorted(), Object.keys(DIFFERENT).toSorted());
  });
});
