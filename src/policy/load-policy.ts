import type { SchemeName } from '../formats/index.ts';
import type { PolicyDocument } from './document.ts';
import type { Policy } from './policy.ts';
import type { KeyTrust } from './principal.ts';

/** What a policy file needs from outside. */
export interface LoadPolicyOptions {
  /**
   * Reads the public key of a KMS key by its ARN, for use with one scheme or its default; without it a policy that names one
   * is refused.
   */
  readonly resolveKms?: ((arn: string, scheme: SchemeName | undefined) => Promise<KeyTrust>) | undefined;
  /**
   * Judges the bytes of the policy file before anything in them is believed, and throws where nobody who is trusted has signed them.
   * Returns the files that this took: none of them may lie in the model either.
   */
  readonly authenticate?: ((bytes: Uint8Array, path: string) => Promise<readonly string[]>) | undefined;
}

/** A policy, and what its file says. */
export interface OpenedPolicy {
  readonly policy: Policy;
  readonly document: PolicyDocument;
}

/**
 * Reads a policy file (`mlsign.policy.yaml`) and every key and certificate that it names.
 *
 * @throws MlsignError `policy-invalid`, which names line, column and field of everything that is wrong, `policy-unreadable`, and what
 *   `resolveKms` and `authenticate` throw
 */
export async function loadPolicy(path: string, options: LoadPolicyOptions = {}): Promise<Policy> {
  return (await openPolicy(path, options)).policy;
}

/**
 * Reads a policy file as {@link loadPolicy} does, for those who also look at what it says.
 *
 * @param given the bytes, where they are not those of the file (yet)
 * @throws MlsignError as {@link loadPolicy}
 */
export async function openPolicy(path: string, options: LoadPolicyOptions = {}, given?: Uint8Array): Promise<OpenedPolicy> {
  // The YAML parser is a quarter of what a command without a policy would load.
  const { readPolicyFile } = await import('./policy-file.ts');
  return readPolicyFile(path, options, given);
}
