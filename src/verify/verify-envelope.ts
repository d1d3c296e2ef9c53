import type { KeyObject } from 'node:crypto';
import type { Check, Finding, MlsignError } from '../core/index.ts';
import { type Bundle, prepareSchemes } from '../formats/index.ts';
import type { EvidenceRequirement, Principal } from '../policy/index.ts';
import { countDistinct, keyDigest, missingEvidence, type Proof, type ProvenTime } from './evidence.ts';
import type { VerifiedSigner } from './open-statement.ts';
import { type Encoding, signatureCheck } from './public-key.ts';
import { findSigner, type SignerMatch, type SignerSearch } from './signer.ts';
import { provenTimes } from './times.ts';
import type { TrustedRootSource } from './trusted-root.ts';

/** Whom and what to believe about an envelope's signature. */
export interface EnvelopeOptions {
  /** The present. Signers that are not valid now must be proven to have signed while they were. */
  readonly now: Date;
  /** The trusted root of a Sigstore instance; asked for once, and only where an identity, a timestamp or a log entry needs it. */
  readonly trustedRoot?: (() => Promise<TrustedRootSource>) | undefined;
  /** Root certificates of further timestamp authorities, DER. */
  readonly timestampRoots?: readonly Uint8Array[] | undefined;
  /** How many authorities and logs must stand behind the signature, besides those that the signer needs. */
  readonly require?: EvidenceRequirement | undefined;
  /** How old the signature may be at most, in milliseconds; without a proven time nobody knows. */
  readonly maxAge?: number | undefined;
  /** Looks at timestamps and log entries also where nothing depends on them. */
  readonly checkEvidence?: boolean | undefined;
  /** Why a signer whose signature is good does not count after all: it is revoked. */
  readonly refuseSigner?: RefuseSigner | undefined;
  /** Why a statement whose signature is good does not count after all: it is revoked. */
  readonly refuseStatement?: RefuseStatement | undefined;
}

/** Judges a signer by the times that are proven for the signature, or why they could not be looked at. */
export type RefuseSigner = (
  signer: VerifiedSigner,
  times: readonly ProvenTime[],
  where: string,
  unavailable?: MlsignError,
) => Finding | undefined;

/** Judges a statement by the SHA-256 of its payload, and of the bundle around it, hex. */
export type RefuseStatement = (statement: string, bundle: string, where: string) => Finding | undefined;

/**
 * Finds the trusted signers of an envelope, and judges each at the time that timestamps and log entries prove, or now.
 *
 * @param where names the bundle
 */
export async function verifyEnvelope(
  bundle: Bundle,
  where: string,
  encoding: Encoding,
  principals: readonly Principal[],
  options: EnvelopeOptions,
): Promise<SignerSearch> {
  const { now, timestampRoots = [], require = { timestamps: 0, logs: 0 }, checkEvidence = false, maxAge } = options;
  await prepareSchemes(principals.flatMap(({ trust }) => trust.map((entry) => (entry.kind === 'identity' ? undefined : entry.scheme))));
  let root: Promise<TrustedRootSource> | undefined;
  const { trustedRoot: loadRoot } = options;
  const trustedRoot = loadRoot && (() => (root ??= loadRoot()));
  const proofs = new Map<string, Promise<Proof>>();
  const prove = (key: KeyObject, certificate: Uint8Array | undefined): Promise<Proof> => {
    const id = keyDigest(key);
    const subject = { envelope: bundle.envelope, key, certificate };
    const proof = proofs.get(id) ?? provenTimes(bundle, subject, { trustedRoot, timestampRoots, now }, where);
    proofs.set(id, proof);
    return proof;
  };
  const search = await findSigner({
    bundle,
    isSignedBy: signatureCheck(bundle.envelope, encoding),
    principals,
    now,
    where,
    trustedRoot,
    wantsProof: checkEvidence || timestampRoots.length > 0 || require.timestamps + require.logs > 0 || maxAge !== undefined,
    prove,
  });
  const evidence = (await Promise.all(proofs.values())).flatMap(({ checks }) => checks);
  const checks = [...(proofs.size === 0 ? untouched(bundle, where) : evidence), ...search.checks];
  const lacking = search.matches.map((match) => [...lack(match, require, where), ...tooOld(match, options, where)]);
  const matches = search.matches.filter((_, index) => lacking[index]?.length === 0);
  if (matches.length > 0 || search.matches.length === 0) return { ...search, matches, checks };
  const findings = lacking[0] ?? [];
  const failed = findings.map(({ code, message }): Check => ({ name: code, status: 'failed', detail: `${where}: ${message}` }));
  return { matches, checks: [...checks, ...failed], findings };
}

/** What a rule asks for and a signature does not have. */
function lack({ proof, times }: SignerMatch, { timestamps, logs }: EvidenceRequirement, where: string): readonly Finding[] {
  const findings: Finding[] = [];
  if (countDistinct(times.filter(({ by }) => by === 'timestamp-authority')) < timestamps) {
    findings.push(
      missingEvidence(proof, 'timestamp', {
        code: 'timestamp-missing',
        message: 'too few trusted authorities have timestamped the signature',
        subject: where,
        expected: `timestamps of ${timestamps} ${timestamps === 1 ? 'authority' : 'different authorities'}, while the signer was valid`,
        suggestion: 'sign with --timestamp, and name the authority with --timestamp-ca or --trusted-root',
      }),
    );
  }
  if (countDistinct(proof.logs) < logs) {
    findings.push(
      missingEvidence(proof, 'log-entry', {
        code: 'log-entry-missing',
        message: 'too few trusted transparency logs are proven to hold the signature',
        subject: where,
        expected: `an entry with an inclusion proof in ${logs} ${logs === 1 ? 'log' : 'different logs'}`,
        suggestion: 'sign with --rekor, and name the log with --trusted-root',
      }),
    );
  }
  return findings;
}

/** A signature whose age is not proven may be of any age. */
function tooOld({ proof }: SignerMatch, { maxAge, now }: EnvelopeOptions, where: string): readonly Finding[] {
  if (maxAge === undefined) return [];
  const times = proof.times.map(({ time }) => time.getTime());
  const oldest = Math.min(...times);
  if (times.length > 0 && now.getTime() - oldest <= maxAge) return [];
  const missing = {
    code: 'signature-too-old',
    message: times.length === 0 ? 'how old the signature is, no trusted time proves' : 'the signature is older than the policy accepts',
    subject: where,
    expected: `signed at ${new Date(now.getTime() - maxAge).toISOString()} or later`,
    suggestion: 'have the model looked at and signed again, with --timestamp or --rekor',
  };
  if (times.length === 0) return [missingEvidence(proof, 'timestamp', missing)];
  return [{ ...missing, severity: 'rejected', got: new Date(oldest).toISOString() }];
}

/** What a bundle brings that nothing here depends on. */
function untouched({ tlogEntries, timestamps }: Bundle, where: string): readonly Check[] {
  const skipped = (name: string, count: number, what: string): readonly Check[] =>
    count === 0 ? [] : [{ name, status: 'skipped', detail: `${where}: ${count} ${what}: not verified, because nothing depends on it` }];
  return [
    ...skipped('transparency-log', tlogEntries.length, tlogEntries.length === 1 ? 'log entry' : 'log entries'),
    ...skipped('timestamp', timestamps.length, timestamps.length === 1 ? 'timestamp' : 'timestamps'),
  ];
}
