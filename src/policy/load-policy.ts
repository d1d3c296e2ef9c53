import type { SchemeName } from '../formats/index.ts';
import type { Policy } from './policy.ts';
import type { KeyTrust } from './principal.ts';

/** What a policy file needs from outside. */
export interface LoadPolicyOptions {
  /**
   * Reads the public key of a KMS key by its ARN, for use with one scheme or its default; without it a policy that names one
   * is refused.
   */
  readonly resolveKms?: ((arn: string, scheme: SchemeName | undefined) => Promise<KeyTrust>) | undefined;
}

/**
 * Reads a policy file (`mlsign.policy.yaml`) and every key and certificate that it names.
 *
 * @throws MlsignError `policy-invalid`, which names line, column and field of everything that is wrong, `policy-unreadable`, and what
 *   `resolveKms` throws
 */
export async function loadPolicy(path: string, options: LoadPolicyOptions = {}): Promise<Policy> {
  // The YAML parser is a quarter of what a command without a policy would load.
  const { readPolicyFile } = await import('./policy-file.ts');
  return readPolicyFile(path, options);
}
