import { type MlsignError, refused } from '../core/index.ts';

const REMAKE = 'pack the model anew, with mlsign pack or another tar that is up to date';

/** What is wrong with a member. */
export interface MemberFault {
  /** Its name, as far as it can be shown. */
  readonly member: string;
  readonly expected?: string | undefined;
  readonly got?: string | undefined;
  readonly suggestion?: string | undefined;
}

/** An error about one member: it names it and gives the reason. */
export function memberRefused(code: string, reason: string, { member, expected, got, suggestion = REMAKE }: MemberFault): MlsignError {
  return refused(code, `the archive is refused: ${reason}`, { subject: member, expected, got, suggestions: [suggestion] });
}

/** An error about a place in the archive, in bytes of the tar stream. */
export function placeRefused(code: string, reason: string, offset: number, details: Omit<MemberFault, 'member'> = {}): MlsignError {
  return memberRefused(code, reason, { ...details, member: `byte ${offset}` });
}

/** An error about a limit that is met. */
export function limitMet(limit: string, reason: string, most: number, member: string): MlsignError {
  return memberRefused('archive-too-large', reason, {
    member,
    expected: `at most ${most}`,
    suggestion: `if the archive is to be trusted so far, raise the limit: --archive-limit ${limit}=N`,
  });
}
