import assert from 'node:assert/strict';
import type { Finding } from '../../src/core/index.ts';
import { type PathOptions, type PathResult, validatePath } from '../../src/verify/certificate.ts';
import { type TestCertificate, type TestChain, VALID_AT } from './certificates.ts';

type Certificates = readonly (TestCertificate | Uint8Array)[];

const bytesOf = (certificates: Certificates): Uint8Array[] => certificates.map((one) => (one instanceof Uint8Array ? one : one.der));

/** Validates leaf and helpers against roots. */
export function validate(chain: Certificates, roots: Certificates, at: Date = VALID_AT, options?: PathOptions): Promise<PathResult> {
  return validatePath(bytesOf(chain), bytesOf(roots), at, options);
}

/** Asserts that a path is valid, and gives the subjects on it, leaf first. */
export async function accept(chain: Certificates, roots: Certificates, at?: Date, options?: PathOptions): Promise<readonly string[]> {
  const result = await validate(chain, roots, at, options);
  assert.ok(result.ok, result.ok ? '' : `${result.finding.code}: ${result.finding.message} (got ${result.finding.got})`);
  return result.path.map(({ subject }) => subject);
}

/** Asserts that a path is rejected with this code and message, and gives the finding. */
export async function reject(
  chain: Certificates,
  roots: Certificates,
  code: string,
  message: string | RegExp,
  at?: Date,
): Promise<Finding> {
  const result = await validate(chain, roots, at);
  assert.ok(!result.ok, 'a path that must not be valid');
  const { finding } = result;
  assert.equal(finding.code, code, finding.message);
  if (typeof message === 'string') assert.equal(finding.message, message);
  else assert.match(finding.message, message);
  assert.equal(finding.severity, 'rejected');
  assert.ok(finding.expected, 'says what was expected');
  assert.ok(finding.got, 'says what was there');
  return finding;
}

export function acceptChain(made: TestChain, at?: Date): Promise<readonly string[]> {
  return accept(made.chain, [made.root], at);
}

export function rejectChain(made: TestChain, code: string, message: string | RegExp, at?: Date): Promise<Finding> {
  return reject(made.chain, [made.root], code, message, at);
}
