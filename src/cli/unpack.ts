import { unpackModel } from '../app/index.ts';
import { unpackDocument, unpackText, verdictLine, verificationEvent } from '../report/index.ts';
import type { CommandReport, Session } from './base-command.ts';
import { exitCodeOfVerdict } from './exit-codes.ts';
import { findingWarnings } from './ports.ts';
import { openReports, withSarif } from './reports.ts';
import { type LocalFlags, localOptions } from './verify.ts';

/** Flags of `mlsign unpack`. */
export interface UnpackFlags extends LocalFlags {
  readonly force: boolean;
  readonly report?: readonly string[] | undefined;
}

/** Unpacks a model as flags say, and tells of it. */
export async function unpackByFlags(
  archive: string,
  directory: string,
  flags: UnpackFlags,
  version: string,
  session: Session,
): Promise<CommandReport> {
  const reports = await openReports(archive, flags.report ?? [], false);
  const unpack = async () => unpackModel(archive, directory, { ...(await localOptions(flags, session)), force: flags.force });
  const unpacked = await withSarif(archive, reports, version, unpack);
  const isUnpacked = unpacked.verdict === 'verified';
  return {
    document: () => unpackDocument(unpacked),
    text: (style) => unpackText(unpacked, style),
    complaint: isUnpacked ? undefined : verdictLine(unpacked),
    warnings: isUnpacked ? findingWarnings(unpacked.findings) : [],
    event: verificationEvent(unpacked),
    exitCode: exitCodeOfVerdict(unpacked.verdict),
  };
}
