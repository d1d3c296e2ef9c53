import { errorFinding, type Finding, MlsignError, systemClock, throwIfAborted, type Verdict } from '../core/index.ts';
import { type LoadPolicyOptions, loadPolicy, type Policy, type PolicyCase, readPolicyCases } from '../policy/index.ts';
import { type VerifyAnywhereOptions, verifyAnywhere } from './verify-anywhere.ts';
import type { Verification } from './verify-model.ts';

/** How cases are run. */
export interface TestPolicyOptions extends Omit<VerifyAnywhereOptions, 'policy' | 'signatures' | 'clock'> {
  readonly loading: LoadPolicyOptions;
}

/** A case, and what became of it. */
export interface CaseResult {
  readonly name: string;
  readonly model: string;
  readonly expected: { readonly verdict: Verdict; readonly finding?: string | undefined; readonly rule?: string | undefined };
  /** The findings that decide, and the others; of an error in the place of a verdict, the error. */
  readonly got: { readonly verdict: Verdict; readonly rule?: string | undefined; readonly findings: readonly Finding[] };
  /** In what it is not as expected; nothing where it is. */
  readonly differences: readonly string[];
}

/** The cases of a policy, and what became of them. */
export interface PolicyTest {
  readonly source: string;
  readonly cases: readonly CaseResult[];
}

/**
 * Verifies the model of each case for real, and compares the answer. Nothing is remembered of channels.
 *
 * @throws MlsignError `policy-cases-invalid`, and what `loadPolicy` throws
 */
export async function testPolicy(path: string, options: TestPolicyOptions): Promise<PolicyTest> {
  const cases = await readPolicyCases(path);
  const policies = new Map<string, Policy>();
  for (const { policy } of cases) if (!policies.has(policy)) policies.set(policy, await loadPolicy(policy, options.loading));
  const results: CaseResult[] = [];
  for (const one of cases) {
    throwIfAborted(options.signal);
    const policy = policies.get(one.policy);
    if (policy !== undefined) results.push(await runCase(one, policy, options));
  }
  return { source: path, cases: results };
}

async function runCase(one: PolicyCase, policy: Policy, options: TestPolicyOptions): Promise<CaseResult> {
  const { name, model, expect: verdict, finding, rule } = one;
  const expected = { verdict, finding, rule };
  try {
    const verification = await verify(one, policy, options);
    const got = { verdict: verification.verdict, rule: verification.policy.rule, findings: verification.findings };
    return { name, model, expected, got, differences: compare(expected, got) };
  } catch (error) {
    if (!(error instanceof MlsignError) || error.outcome === 'interrupted' || error.outcome === 'bug') throw error;
    const found = errorFinding(error, model);
    const got = { verdict: error.outcome === 'unavailable' ? ('undetermined' as const) : ('rejected' as const), findings: [found] };
    // A model that is not there would pass for one that cannot be judged.
    const unnamed =
      finding === undefined ? [`no verdict, but an error: ${found.message} [${found.code}]; name its code if it is meant`] : [];
    return { name, model, expected, got, differences: [...compare(expected, got), ...unnamed] };
  }
}

function verify({ model, signatures, at }: PolicyCase, policy: Policy, { loading: _, ...how }: TestPolicyOptions): Promise<Verification> {
  return verifyAnywhere(model, { ...how, policy, signatures, clock: at === undefined ? systemClock : () => at });
}

function compare({ verdict, finding, rule }: CaseResult['expected'], got: CaseResult['got']): readonly string[] {
  // Of a verified model a warning may be meant; else one that decides.
  const codes = got.findings.filter(({ severity }) => got.verdict === 'verified' || severity === got.verdict).map(({ code }) => code);
  return [
    ...(verdict === got.verdict ? [] : [`the verdict is ${got.verdict}, and not ${verdict}`]),
    ...(finding === undefined || codes.includes(finding)
      ? []
      : [`no finding ${finding}; found: ${[...new Set(codes)].join(', ') || 'none'}`]),
    ...(rule === undefined || rule === got.rule ? [] : [`the rule is ${got.rule ?? 'none'}, and not ${rule}`]),
  ];
}
