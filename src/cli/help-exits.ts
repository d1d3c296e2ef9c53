import type { Command } from '@oclif/core';

/** How commands end that do something, and those that give a verdict; `EXIT` in words. */
const ACT = { 0: 'done', 1: 'refused', 2: 'wrong flags', 3: 'not done', 130: 'interrupted' } as const;
const VERIFIED_ACT = { ...ACT, 0: 'verified', 1: 'rejected' } as const;
const VERDICT = { ...VERIFIED_ACT, 3: 'undetermined' } as const;

/** Those of which something else is to be said. */
const EXITS: Readonly<Record<string, Readonly<Partial<Record<keyof typeof ACT, string>>>>> = {
  affected: { ...ACT, 0: 'complete', 3: 'incomplete' },
  autocomplete: { 0: ACT[0], 2: ACT[2], 3: ACT[3] },
  bom: { ...VERDICT, 0: ACT[0] },
  diff: { ...VERDICT, 0: 'the same', 1: 'they differ' },
  explain: { 0: ACT[0], 2: 'no such code', 3: ACT[3] },
  gc: { ...ACT, 3: 'not all done' },
  history: { ...VERDICT, 0: ACT[0] },
  lineage: { ...VERDICT, 0: ACT[0] },
  locate: VERDICT,
  'policy check': { ...ACT, 0: 'valid', 1: 'warned of or not trusted', 2: 'not valid', 3: 'not read' },
  'policy init': { ...VERDICT, 0: 'written' },
  'policy test': { ...ACT, 0: 'as expected', 1: 'not so', 2: 'wrong cases/policy' },
  promote: { ...VERIFIED_ACT, 0: 'promoted' },
  pull: VERIFIED_ACT,
  push: { ...VERIFIED_ACT, 0: 'pushed' },
  renew: { ...VERIFIED_ACT, 0: 'renewed' },
  restore: { ...VERIFIED_ACT, 0: 'restored' },
  rollback: { ...VERIFIED_ACT, 0: 'rolled back' },
  unpack: VERIFIED_ACT,
  verify: VERDICT,
};

/** The exit codes that a command can end with, in one line. */
export function exitsOf({ id, flags }: Pick<Command.Cached, 'id' | 'flags'>): string {
  const exits = EXITS[id.replaceAll(':', ' ')] ?? ACT;
  return Object.entries(exits)
    .map(([code, meaning]) => `${code} ${meaning}${meaning === ACT[2] && flags.policy !== undefined ? '/policy' : ''}`)
    .join(', ');
}
