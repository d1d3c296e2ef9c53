import { type Check, errorFinding, type Finding, MlsignError } from '../core/index.ts';
import { publicKeyHint, type SchemeName, schemeForKey } from '../formats/index.ts';
import type { AuthorityTrust } from '../policy/index.ts';
import { type PathResult, validatePath } from './certificate.ts';
import { publicKeyOf, wrongSignature } from './key-signer.ts';
import type { SignerMatch, SignerQuestion, SignerSearch } from './signer.ts';
import { describeTrust, isLeafOf, type Trusted } from './trust.ts';
import { type Judgement, judge } from './validity.ts';

type ValidPath = Extract<PathResult, { ok: true }>;

/** The signers among the leaves of trusted authorities: a valid path, the exact leaf that is meant, and its key's own signature. */
export async function matchAuthorities(
  question: SignerQuestion,
  chain: readonly Uint8Array[],
  authorities: readonly Trusted<AuthorityTrust>[],
): Promise<SignerSearch> {
  const matches: SignerMatch[] = [];
  const checks: Check[] = [];
  const findings: Finding[] = [];
  for (const { principal, trust } of authorities) {
    const { path, finding, ...judgement } = await judgePath(question, chain, trust);
    const result = path === undefined || finding !== undefined ? finding : matchLeaf(question, path, { principal, trust }, judgement);
    if (result === undefined) continue;
    if ('principal' in result) {
      matches.push(result);
      checks.push(...passed(question.where, result, trust), ...judgement.checks);
    } else {
      findings.push(result);
    }
  }
  if (matches.length > 0) return { matches, checks, findings: [] };
  // Where a path leads to one of the authorities, what is wrong with it says more than that it leads to no other.
  const telling = findings.filter(({ code }) => code !== 'certificate-untrusted');
  const shown = distinct(telling.length > 0 ? telling : findings);
  return {
    matches,
    checks: shown.map(({ message }) => ({ name: 'certificate', status: 'failed', detail: `${question.where}: ${message}` })),
    findings: shown,
  };
}

/** The path at the time for which the signer is judged. */
async function judgePath(
  question: SignerQuestion,
  chain: readonly Uint8Array[],
  { roots }: AuthorityTrust,
): Promise<Judgement & { readonly path: ValidPath | undefined }> {
  let valid: ValidPath | undefined;
  const authorities = new Set<string>();
  const [leaf] = chain;
  const judgement = await judge(question, publicKeyOf(leaf), leaf, async (at) => {
    const path = await validatePath(chain, roots, at);
    if (!path.ok) return path.finding;
    valid ??= path;
    for (const key of path.authorities) authorities.add(key);
    return undefined;
  });
  return { ...judgement, path: valid && { ...valid, authorities: [...authorities] } };
}

function matchLeaf(
  question: SignerQuestion,
  { leaf, publicKey, authorities }: ValidPath,
  { principal, trust }: Trusted<AuthorityTrust>,
  { proof, times }: Judgement,
): SignerMatch | Finding {
  const { isSignedBy, where } = question;
  if (!isLeafOf(trust, leaf)) {
    return {
      code: 'signer-untrusted',
      severity: 'rejected',
      message: 'the certificate is of a trusted authority, but for another signer',
      subject: where,
      expected: describeTrust([principal]),
      got: [leaf.subject, ...leaf.alternativeNames].filter((name) => name !== '').join(', '),
    };
  }
  let scheme: SchemeName;
  try {
    scheme = schemeForKey(publicKey, where, trust.scheme);
  } catch (error) {
    if (error instanceof MlsignError) return errorFinding(error, where);
    throw error;
  }
  if (!isSignedBy(publicKey, scheme))
    return wrongSignature(where, [{ key: publicKey, hint: publicKeyHint(publicKey), scheme }], isSignedBy);
  return { principal, trust, key: publicKey, scheme, certificate: leaf, authorities, proof, times };
}

function passed(where: string, { key, certificate }: SignerMatch, trust: AuthorityTrust): readonly Check[] {
  return [
    {
      name: 'certificate',
      status: 'passed',
      detail: `${where}: ${certificate?.subject || 'a certificate without subject'} leads to ${trust.where}`,
    },
    { name: 'signature', status: 'passed', detail: `${where}: made by key ${publicKeyHint(key)}` },
  ];
}

function distinct(findings: readonly Finding[]): readonly Finding[] {
  return [...new Map(findings.map((finding) => [JSON.stringify(finding), finding])).values()];
}
