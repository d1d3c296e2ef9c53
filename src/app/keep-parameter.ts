import type { Finding } from '../core/index.ts';
import { looksSecret } from '../lineage/index.ts';

/** As much as the trackers of experiments keep of one. */
const MOST_CHARACTERS = 8192;

/**
 * Keeps a parameter that another tool has written down, unless it looks like a secret.
 *
 * @param findings gets `secret-left-out`, `parameter-too-long`
 */
export function keepParameter(parameters: Record<string, string>, name: string, value: string, where: string, findings: Finding[]): void {
  if (looksSecret(name, value)) {
    findings.push({
      code: 'secret-left-out',
      severity: 'warning',
      message: 'a parameter looks like a secret, and is not attested',
      subject: `${where}: ${name}`,
      suggestion: 'have it replaced where it is one: others may have read it there',
    });
  } else if (value.length > MOST_CHARACTERS || !/^\P{Cc}{1,1024}$/u.test(name)) {
    findings.push({
      code: 'parameter-too-long',
      severity: 'warning',
      message: 'a parameter is longer than mlsign writes down, and is not attested',
      subject: `${where}: ${name.slice(0, 100)}`,
      expected: `at most ${MOST_CHARACTERS} characters`,
    });
  } else parameters[name] = value;
}
