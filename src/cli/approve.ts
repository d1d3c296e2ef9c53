import { Flags } from '@oclif/core';
import { expiryOf, type Lifetime } from '../app/index.ts';
import { systemClock, usage } from '../core/index.ts';
import { APPROVAL_REASON, APPROVAL_ROLE } from '../formats/index.ts';
import { approveDocument, approveText, attestEvent, attestLine } from '../report/index.ts';
import { attestContent } from './attest.ts';
import { type AttestingFlags, attestingFlags } from './attest-flags.ts';
import type { CommandReport, Session } from './base-command.ts';
import { expiresFlag } from './channel.ts';

/** Flags of `mlsign approve`. */
export const approveFlags = {
  role: Flags.string({ summary: 'In which role: security, legal … Policies ask for it.', helpValue: 'ROLE', required: true }),
  reason: Flags.string({ summary: 'Why, for those who audit it: one line.', helpValue: 'TEXT' }),
  expires: expiresFlag({ summary: 'How long the approval is good for: 90d, 12h, or a date; for ever unless given.' }),
  ...attestingFlags,
};

/** Flags of `mlsign approve`. */
export interface ApproveFlags extends AttestingFlags {
  readonly role: string;
  readonly reason?: string | undefined;
  readonly expires?: Lifetime | undefined;
}

/** Approves a model as flags say, and tells of it. */
export async function approveByFlags(model: string, flags: ApproveFlags, session: Session): Promise<CommandReport> {
  const { role, reason, expires } = flags;
  if (!APPROVAL_ROLE.test(role)) {
    throw usage('role-malformed', 'a role is a name of letters, digits, "-" and "_"', { subject: '--role', got: role });
  }
  if (reason !== undefined && !APPROVAL_REASON.test(reason)) {
    throw usage('reason-malformed', 'a reason is one line of at most 1,000 characters', { subject: '--reason' });
  }
  const issued = systemClock();
  const approval = { role, reason, issued, expires: expires && expiryOf(expires, issued) };
  return attestContent(
    model,
    async () => ({ kind: 'approval', ...approval }),
    flags,
    session,
    (attested) => {
      const isDone = attested.attestations.length + (attested.already ?? []).length > 0;
      return {
        document: () => approveDocument(attested, approval),
        text: (style) => approveText(attested, approval, style),
        complaint: isDone ? undefined : attestLine(attested),
        event: attestEvent(attested),
      };
    },
  );
}
