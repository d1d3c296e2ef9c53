import { basename } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Flags } from '@oclif/core';
import { checkSummary, resourceOf, type SealedSummary, summarizeVerification, type Verification } from '../app/index.ts';
import { type Check, systemClock, usage } from '../core/index.ts';
import { isStoreLocation, parseLocation } from '../store/index.ts';
import type { Session } from './base-command.ts';
import { signerFlags } from './flags.ts';
import { giving, type Reports, writeReport } from './reports.ts';
import { loadSigners, type SignerFlags } from './signers.ts';
import { instanceFlags, sigstoreFlags } from './sigstore.ts';
import { refuseFlags } from './stored-model.ts';

const REPEATABLE = { multiple: true, multipleNonGreedy: true } as const;

/** Whose word may be taken. */
export const vsaFlag = Flags.string({
  summary: 'Verification summary that the policy may accept (repeatable), beside those that travel with the model.',
  helpValue: 'FILE',
  ...REPEATABLE,
  helpGroup: 'TRUST',
});

/** Who signs a verification summary, in whose name, and whose are accepted. */
export const summaryFlags = {
  ...signerFlags,
  ...sigstoreFlags,
  key: Flags.string({
    summary: 'The same as --trust-key; with --report vsa=FILE the private key that signs the summary.',
    helpValue: 'PEM',
    ...REPEATABLE,
    helpGroup: 'SIGNING',
  }),
  verifier: Flags.string({ summary: 'In whose name the summary is made, with --report vsa=FILE.', helpValue: 'URI', helpGroup: 'SIGNING' }),
  vsa: vsaFlag,
};

/** Flags that say so. */
export interface SummaryFlags extends Omit<SignerFlags, 'key'> {
  readonly key?: readonly string[] | undefined;
  readonly 'trust-key'?: readonly string[] | undefined;
  readonly policy?: string | undefined;
  readonly verifier?: string | undefined;
  readonly vsa?: readonly string[] | undefined;
}

/** Of no use where nothing is signed; what has a default is not told from what was given. */
const OF_SIGNERS = [...Object.keys({ ...signerFlags, ...sigstoreFlags }), 'verifier'].filter(
  (name) => !['key', 'rsa-padding', 'rekor-version', ...Object.keys(instanceFlags)].includes(name),
);

/** The flags as the trust in a model has them: `--key` trusts, unless it signs the summary. */
export function trustBesideSummary<T extends SummaryFlags>(flags: T, { vsa }: Reports): T {
  if (vsa !== undefined) return flags;
  const given: SummaryFlags = flags;
  refuseFlags({ ...given }, OF_SIGNERS, 'a verification without --report vsa=FILE');
  return { ...flags, 'trust-key': [...(flags['trust-key'] ?? []), ...(flags.key ?? [])] };
}

/**
 * Verifies, and signs a summary of it where that is asked for: PASSED or FAILED, and none where the answer is open.
 *
 * @param version of mlsign
 * @throws MlsignError `vsa-verifier-invalid`, `vsa-without-policy`, `one-signer`, `report-failed`, and what the verification throws
 */
export async function withSummary(
  model: string,
  flags: SummaryFlags,
  { vsa: file }: Reports,
  version: string,
  session: Session,
  verify: () => Promise<Verification>,
): Promise<Verification> {
  if (file === undefined) return verify();
  const { policy: policyFile, vsa = [] } = flags;
  const verifier = checkSummary(flags.verifier, policyFile);
  if (vsa.length > 0) {
    throw usage('vsa-from-vsa', 'a summary is only made of what was verified here, and not of another summary', { got: `--vsa ${vsa[0]}` });
  }
  const [key, ...others] = flags.key ?? [];
  const team = await loadSigners({ ...flags, key }, session.signal);
  try {
    if ((team.further ?? []).length + others.length > 0)
      throw usage('one-signer', 'a summary has one signer: give one of --key, --kms and --sigstore, once');
    const timeVerified = systemClock();
    const verification = await verify();
    const sealed = await giving(verification.verdict, file, () =>
      summarizeVerification(verification, {
        ...team,
        verifier,
        version,
        timeVerified,
        resource: resourceAt(model, verification),
        policyUri: encodeURI(basename(policyFile ?? '').toWellFormed()),
        signal: session.signal,
      }),
    );
    if ('bytes' in sealed) await writeReport(file, sealed.bytes, verification.verdict);
    return { ...verification, checks: [...verification.checks, summaryCheck(sealed, file)] };
  } finally {
    await team.close();
  }
}

function resourceAt(model: string, { stored }: Verification): string {
  if (!isStoreLocation(model)) return pathToFileURL(model).href;
  return resourceOf(parseLocation(model), stored?.release?.number ?? 0);
}

function summaryCheck(sealed: SealedSummary, file: string): Check {
  return 'bytes' in sealed
    ? { name: 'summary', status: 'passed', detail: `${file}: ${sealed.result}, signed; sha256 ${sealed.digest}` }
    : { name: 'summary', status: 'skipped', detail: `${file}: not written: ${sealed.reason}` };
}
