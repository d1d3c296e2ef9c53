import assert from 'node:assert/strict';
import { cpSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { loadPolicy } from '../../src/policy/index.ts';
import { makeCertificate, type TestCertificate } from './certificates.ts';
import { keyUrl, mlsignError } from './keys.ts';
import { Sandbox } from './sandbox.ts';

/** The first half of a policy, without rules. */
export const PRINCIPALS = `version: 1
principals:
  ml-lead: { key: keys/ec-p256.pub }
  security: { key: keys/ed25519.pub }
  release-ci: { ca: root.pem, subject: "CN=release-ci,O=Example" }
roles:
  release: [ml-lead, release-ci]
`;

/** A policy with one rule for every model, whose other lines are given. */
export function policyYaml(lines: string): string {
  return `${PRINCIPALS}rules:\n  - model: "**"\n${lines.replaceAll(/^/gm, '    ')}\n`;
}

/** A directory with the test keys under `keys/`, the roots `root.pem` (and `reissued-root.pem`, with its name and key) and `other-root.pem`, and the policy of a test. */
export class PolicyFolder extends Sandbox {
  readonly rootCertificate: TestCertificate = makeCertificate({ subject: 'root' }, undefined, 'ca');
  readonly otherRootCertificate: TestCertificate = makeCertificate({ subject: 'other root' }, undefined, 'ca');

  constructor() {
    super();
    cpSync(fileURLToPath(keyUrl('')), this.path('keys'), { recursive: true });
    writeFileSync(this.path('root.pem'), this.rootCertificate.pem);
    writeFileSync(this.path('other-root.pem'), this.otherRootCertificate.pem);
    const again = makeCertificate(
      { subject: 'root', key: this.rootCertificate, notAfter: new Date('2040-01-01T00:00:00Z') },
      undefined,
      'ca',
    );
    writeFileSync(this.path('reissued-root.pem'), again.pem);
  }

  /** Writes the policy; returns its path. */
  policy(yaml: string | Uint8Array): string {
    const file = this.path('mlsign.policy.yaml');
    writeFileSync(file, yaml);
    return file;
  }

  /** Asserts that a policy is refused as `policy-invalid`. */
  async refuses(yaml: string | Uint8Array, message: string | RegExp): Promise<void> {
    const file = this.policy(yaml);
    await assert.rejects(loadPolicy(file), mlsignError('policy-invalid', message, { outcome: 'usage', subject: file }));
  }
}
