import type { Policy } from './policy.ts';

/**
 * Reads a policy file (`mlsign.policy.yaml`) and every key and certificate that it names.
 *
 * @throws MlsignError `policy-invalid`, which names line, column and field of everything that is wrong, or `policy-unreadable`
 */
export async function loadPolicy(path: string): Promise<Policy> {
  // The YAML parser is a quarter of what a command without a policy would load.
  const { readPolicyFile } = await import('./policy-file.ts');
  return readPolicyFile(path);
}
