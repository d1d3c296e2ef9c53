import { basename, dirname, join, resolve } from 'node:path';
import { type Finding, usage } from '../core/index.ts';
import { RUNS_CODE } from '../filetypes/index.ts';
import { localAttestations } from '../lineage/index.ts';
import { type LoadPolicyOptions, openPolicy, type Policy } from '../policy/index.ts';
import { isStoreLocation, parseLocation } from '../store/index.ts';
import { composePolicy, type PolicyMaterial } from './compose-policy.ts';
import { companionDirectory } from './locations.ts';
import type { InitialTrust } from './policy-principals.ts';
import { type VerifyAnywhereOptions, verifyAnywhere } from './verify-anywhere.ts';
import type { Verification } from './verify-model.ts';

/** From what a policy is written. */
export interface InitPolicyOptions
  extends VerifyAnywhereOptions,
    Pick<PolicyMaterial, 'unsignedPaths' | 'ignoreUnsigned' | 'allowSymlinks' | 'allowLegacy'> {
  /** The same trust as `policy`, by name. */
  readonly trust: InitialTrust;
  /** Where the file goes; relative paths in it begin there. */
  readonly path: string;
  readonly loading: LoadPolicyOptions;
}

/** A policy that was written from a model, or why there is none. */
export interface InitialPolicy {
  /** Under what was written; under the flags where that already did not pass. */
  readonly verification: Verification;
  /** Absent where the model was not verified. */
  readonly text?: string | undefined;
}

/**
 * Verifies a model, and writes down what it shows as a policy that it is then verified under, too.
 *
 * @throws MlsignError `policy-init-unsuitable`, and what verifications throw
 */
export async function initPolicy(model: string, options: InitPolicyOptions): Promise<InitialPolicy> {
  const { path, trust, loading, unsignedPaths, ignoreUnsigned, allowSymlinks, allowLegacy, ...how } = options;
  const location = isStoreLocation(model) ? parseLocation(model).url.replace(/^file:/, '') : resolve(model);
  if (/[*?[\]{}!\\\p{Cc}]/u.test(location)) {
    throw usage('policy-init-unsuitable', 'the path of the model has characters that patterns do not have', {
      subject: model,
      expected: 'a path without \\ * ? [ ] { } !',
      suggestions: ['write the policy by hand, with a pattern for the directory above it'],
    });
  }
  const verification = await verifyAnywhere(model, { ...how, checkEvidence: true, policy: lookingAtCode(how.policy) });
  if (verification.verdict !== 'verified') return { verification };
  const attestations = isStoreLocation(model) ? [] : await attestationsOf(verification);
  const directory = dirname(resolve(path));
  const material = { verification, trust, directory, location, unsignedPaths, ignoreUnsigned, allowSymlinks, allowLegacy, attestations };
  let last = verification;
  // Names that do not say what a file is are refused only where formats are listed.
  for (const onlyFormats of [true, false]) {
    const text = composePolicy({ ...material, onlyFormats });
    const { policy } = await openPolicy(join(directory, 'mlsign.policy.yaml'), loading, Buffer.from(text));
    last = await verifyAnywhere(model, { ...how, policy: { ...policy, files: policy.files.slice(1) } });
    if (last.verdict === 'verified') return { verification: last, text };
  }
  return { verification: last };
}

/** Formats that run code are only told of under flags, and here they are counted. */
function lookingAtCode(policy: Policy): Policy {
  return { ...policy, rules: policy.rules.map((rule) => ({ ...rule, formats: { allowCode: [...RUNS_CODE], by: 'flags' } })) };
}

async function attestationsOf({ source }: Verification): Promise<readonly string[]> {
  const listing: Finding[] = [];
  const found = await localAttestations(companionDirectory(source), listing);
  return found.map(({ path }) => basename(path));
}
