import { sha256Hex, usage, type Verdict } from '../core/index.ts';
import {
  isUri,
  MAX_INPUTS,
  parseVsa,
  type SummarizedAncestor,
  type SummarizedSigner,
  type SummaryInput,
  serializeBundle,
  type VerificationSummary,
  vsaPayload,
} from '../formats/index.ts';
import { DIGEST } from '../lineage/index.ts';
import { dirHash } from '../model/index.ts';
import type { VerifiedStatement } from '../verify/index.ts';
import { partiesOf, sealPayload } from './seal-payload.ts';
import { type SigningParty, whileSignersGetReady } from './signers.ts';
import type { Verification } from './verify-model.ts';

/** Who says that a verification came to this, and of what. */
export interface SummarizeOptions extends SigningParty {
  /** A URI: in whose name. */
  readonly verifier: string;
  /** Of mlsign. */
  readonly version: string;
  /** When it began: what is revoked later it does not know. */
  readonly timeVerified: Date;
  /** Where the model is: a URI. */
  readonly resource: string;
  /** Where the policy file is: a URI. */
  readonly policyUri: string;
  readonly signal?: AbortSignal | undefined;
}

/** A signed summary, or why there is none. */
export type SealedSummary =
  | { readonly bytes: Uint8Array; readonly digest: string; readonly result: VerificationSummary['result'] }
  | { readonly reason: string };

/**
 * Refuses what no summary can be made with, before anything is verified.
 *
 * @throws MlsignError `vsa-verifier-invalid`, `vsa-without-policy`
 */
export function checkSummary(verifier: string | undefined, policyDigest: string | undefined): string {
  if (verifier === undefined || !isUri(verifier)) {
    throw usage('vsa-verifier-invalid', 'a verification summary is made in the name of a verifier: a URI', {
      subject: '--verifier',
      got: verifier ?? 'nothing',
      suggestions: ['--verifier https://example.com/gate'],
    });
  }
  if (policyDigest === undefined) {
    throw usage('vsa-without-policy', 'a verification summary names the policy file that was asked, and there is none', {
      suggestions: ['--policy mlsign.policy.yaml'],
    });
  }
  return verifier;
}

/**
 * Signs a SLSA verification summary: PASSED for what is verified and for nothing else. Where the answer is open, or no trusted
 * signature says which model it is, there is none.
 *
 * @throws MlsignError what the signer and the witnesses throw
 */
export async function summarizeVerification(verification: Verification, options: SummarizeOptions): Promise<SealedSummary> {
  const { verdict, signed, policy, formats, checks } = verification;
  if (verdict === 'undetermined') return { reason: 'the answer is open, and a summary says PASSED or FAILED' };
  if (signed === undefined || policy.digest === undefined) return { reason: 'no trusted signature says which model it is' };
  // Whoever accepts the summary looks at no formats again.
  if (verdict === 'verified' && formats?.by !== 'any' && checks.some(({ name, status }) => name === 'formats' && status === 'skipped'))
    return { reason: 'formats were not looked at, and a summary stands in for them: verify without --attested' };
  const inputs = inputsOf(verification);
  if (inputs.length > MAX_INPUTS) return { reason: `more than ${MAX_INPUTS} signed statements were verified, and a summary names each` };
  const directory = dirHash(signed.manifest);
  const { verifier, version, timeVerified, resource, policyUri, signal } = options;
  const result = RESULTS[verdict];
  const payload = vsaPayload({
    subject: { name: signed.name, modelId: signed.modelId, ...(directory === undefined ? {} : { dirHash: directory }) },
    verifier,
    version: { mlsign: version },
    timeVerified,
    resource,
    policy: { uri: policyUri, sha256: policy.digest },
    inputs,
    ancestors: ancestorsOf(verification),
    revocations: verification.revocations.map(({ name, issued }) => ({ name, issued })),
    result,
  });
  // What nobody could read must not be signed.
  parseVsa(payload, signed.name);
  const parties = partiesOf(options);
  const [, signers] = await whileSignersGetReady(parties, signal, async () => undefined);
  const [{ bundle }] = await sealPayload(payload, parties, signers, signal);
  const bytes = Buffer.from(serializeBundle(bundle));
  return { bytes, digest: sha256Hex(bytes), result };
}

const RESULTS: Readonly<Record<Exclude<Verdict, 'undetermined'>, VerificationSummary['result']>> = {
  verified: 'PASSED',
  rejected: 'FAILED',
};

/** Every signed statement that the verification opened and counted, once: of the model, of what it was made from, and about both. */
function inputsOf({ signatures, stored, revocations, lineage, attestations = [] }: Verification): readonly SummaryInput[] {
  const counted = signatures.flatMap(({ path, statement, counted }): readonly SummaryInput[] =>
    statement === undefined || !counted ? [] : [{ uri: uriOf(path), sha256: statement.bundleDigest, signer: signerOf(statement) }],
  );
  const documents = [
    ...(stored?.release === undefined ? [] : [stored.release]),
    ...(stored?.channel === undefined ? [] : [stored.channel]),
    ...revocations,
  ];
  const stated = attestations.flatMap(({ looked }) =>
    looked.flatMap(({ bundle, sha256, statement, by, reason }) =>
      reason === undefined ? [{ uri: uriOf(bundle), sha256, statement, signer: signerOf(by) }] : [],
    ),
  );
  const ancestral = (lineage?.nodes ?? []).flatMap(({ evidence }) =>
    evidence.map(({ bundle, bundleDigest: sha256, statement, ...by }) => ({ uri: uriOf(bundle), sha256, statement, signer: signerOf(by) })),
  );
  const all = [...counted, ...stated, ...ancestral, ...documents.map(({ digest }): SummaryInput => ({ sha256: digest }))];
  return [...new Map(all.toReversed().map((input) => [input.sha256, input])).values()].reverse();
}

/** Everything that the model was followed back to, by each digest that binds it. */
function ancestorsOf({ lineage }: Verification): readonly SummarizedAncestor[] | undefined {
  if (lineage === undefined) return undefined;
  const named = lineage.edges.flatMap(({ material: { name, uri, digests } }) =>
    Object.entries(digests).map(([algorithm, value]): readonly [string, string] => {
      const digest = `${algorithm === 'mlsignModel' ? 'sha256' : algorithm}:${value}`;
      return [digest, name ?? uri ?? digest];
    }),
  );
  // What no list can revoke need not be known.
  return [...new Map(named)].filter(([digest]) => DIGEST.test(digest)).map(([digest, name]) => ({ name, digest }));
}

function signerOf({ signer, times }: Pick<VerifiedStatement, 'signer' | 'times'>): SummarizedSigner {
  const { hint, authorities = [], identity, certificate } = signer;
  return {
    key: hint,
    authorities,
    ...(identity === undefined ? {} : { identity }),
    ...(certificate === undefined ? {} : { certificate }),
    times: times.map(({ time }) => time),
  };
}

/** What a bundle is called: the folders of whoever verified are nobody's business. */
function uriOf(path: string): string {
  const name = path.startsWith('s3://') ? path : (path.split(/[\\/]/).at(-1) ?? path);
  return encodeURI(name.toWellFormed());
}
