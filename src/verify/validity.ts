import type { KeyObject } from 'node:crypto';
import type { Check, Finding } from '../core/index.ts';
import { NO_PROOF, type Proof, type ProvenTime } from './evidence.ts';
import type { SignerQuestion } from './signer.ts';

/** Whether a signer may be believed, and when the signature is known to have existed. */
export interface Judgement {
  /** Why not. */
  readonly finding?: Finding | undefined;
  readonly proof: Proof;
  /** The proven times at which the signer was valid. */
  readonly times: readonly ProvenTime[];
  /** What the answer rests on, where that is not the present. */
  readonly checks: readonly Check[];
}

// Findings that another time may take away.
const ABOUT_TIME = new Set([
  'certificate-expired',
  'certificate-not-yet-valid',
  'trusted-certificate-expired',
  'trusted-certificate-not-yet-valid',
  'key-retired',
]);

/**
 * Judges a signer's validity: now, or at a time at which the signature is proven to have existed. Evidence is looked at only
 * where it is needed or asked for; having more of it never makes a signer less valid.
 *
 * @param key the key that made the signature; undefined where it cannot be read
 * @param problemAt why the signer is not valid at a time; undefined where it is
 */
export async function judge(
  question: SignerQuestion,
  key: KeyObject | undefined,
  certificate: Uint8Array | undefined,
  problemAt: (at: Date) => Finding | undefined | Promise<Finding | undefined>,
): Promise<Judgement> {
  const problem = await problemAt(question.now);
  const needsProof = problem === undefined ? question.wantsProof : ABOUT_TIME.has(problem.code);
  if (!needsProof) return { finding: problem, proof: NO_PROOF, times: [], checks: [] };
  const proof = key === undefined ? NO_PROOF : await question.prove(key, certificate);
  const times: ProvenTime[] = [];
  for (const proven of proof.times) if ((await problemAt(proven.time)) === undefined) times.push(proven);
  if (problem === undefined) return { proof, times, checks: [] };
  const [first] = times;
  if (first === undefined) return { finding: withProof(problem, proof), proof, times, checks: [] };
  const detail = `${question.where}: valid at ${first.time.toISOString()}, when the signature existed, says ${first.authority}`;
  return { proof, times, checks: [{ name: 'validity', status: 'passed', detail }] };
}

/** Says why a signer that was valid once cannot be believed now. */
function withProof(problem: Finding, { ignored, times, unavailable }: Proof): Finding {
  if (unavailable !== undefined) {
    const { message, suggestions } = unavailable;
    const why = `${problem.message}, and whether the signature is older cannot be told: ${message}`;
    return { ...problem, severity: 'undetermined', message: why, suggestion: suggestions[0] };
  }
  const [first] = ignored;
  if (first !== undefined)
    return { ...problem, message: `${problem.message}; what the bundle has to prove an earlier time was ignored: ${first.reason}` };
  const [time] = times;
  if (time !== undefined) return { ...problem, message: `${problem.message}; the signature is proven for ${time.time.toISOString()} only` };
  return problem;
}
