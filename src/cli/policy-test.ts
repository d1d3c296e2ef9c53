import { testPolicy } from '../app/index.ts';
import { policyTestComplaint, policyTestDocument, policyTestText } from '../report/index.ts';
import type { CommandReport, Session } from './base-command.ts';
import { EXIT } from './exit-codes.ts';
import { searchOptions } from './lineage.ts';
import { type EngineFlags, engineOptions } from './ports.ts';
import { type StoreFlags, storeOpener } from './store.ts';
import { evidenceOfFlags, type PolicyFileFlags, policyFileOptions } from './trust.ts';

/** Flags of `mlsign policy test`. */
export interface PolicyTestFlags extends PolicyFileFlags, StoreFlags, EngineFlags {
  readonly search?: readonly string[] | undefined;
}

/** Runs the cases of a policy as flags say. */
export async function testPolicyByFlags(path: string, flags: PolicyTestFlags, session: Session): Promise<CommandReport> {
  const test = await testPolicy(path, {
    loading: await policyFileOptions(flags, session.signal),
    openStore: storeOpener(flags),
    ...(await evidenceOfFlags(flags)),
    ...searchOptions(flags.search),
    ...engineOptions(flags),
    ...session,
  });
  const complaint = policyTestComplaint(test);
  return {
    document: () => policyTestDocument(test),
    text: (style) => policyTestText(test, style),
    complaint,
    exitCode: complaint === undefined ? EXIT.done : EXIT.rejected,
  };
}
