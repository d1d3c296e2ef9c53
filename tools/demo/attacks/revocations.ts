import { parseBundle } from '../../../src/formats/index.ts';
import { parseRevocations, type RevocationList, revocationsPayload } from '../../../src/lineage/index.ts';
import { UNDER_GATE } from '../pipeline.ts';
import type { Person } from '../policies.ts';
import { key, publicKey, type Workshop } from '../workshop.ts';
import type { Attack, Campaign } from './attack.ts';
import { signed, statementsBeside } from './forge.ts';

const LIST = 'revocations.json';
const DAY = 86_400_000;
const gate = ['verify', 'file:store/reviews@production', ...UNDER_GATE];

const attacks: readonly Attack[] = [
  {
    deed: 'somebody hides the revocation list',
    arrange: (workshop) => workshop.remove(LIST),
    gate,
    exit: 3,
    finding: 'revocations-missing',
  },
  {
    deed: 'somebody puts back the list from before the trainer was revoked',
    arrange: async (workshop) => {
      const before = workshop.read(LIST);
      revoke(workshop, publicKey('trainer'));
      workshop.shell.run(...gate);
      workshop.write(LIST, before);
    },
    gate,
    exit: 1,
    finding: 'revocations-rolled-back',
  },
  {
    deed: 'a machine that has seen no list yet is shown an old one, which has expired',
    arrange: (workshop) => {
      workshop.forget();
      return rewrite(workshop, 'revoker', (list) => ({
        issued: new Date(list.issued.getTime() - 60 * DAY),
        expires: new Date(list.issued.getTime() - DAY),
      }));
    },
    gate,
    exit: 3,
    finding: 'revocations-expired',
  },
  {
    deed: "the trainer's stolen key signs a list of its own, in which nothing is revoked",
    arrange: (workshop) => rewrite(workshop, 'trainer', ({ sequence }) => ({ sequence: sequence + 1 })),
    gate,
    exit: 3,
    finding: 'revocations-wrong-signer',
  },
  {
    deed: 'the revoker signs two lists with one number, and shows each to others',
    arrange: (workshop) => rewrite(workshop, 'revoker', ({ expires }) => ({ expires: new Date(expires.getTime() - DAY) })),
    gate,
    exit: 1,
    finding: 'revocations-forked',
  },
  {
    deed: 'the list of another place, by the same revoker, is put here',
    arrange: (workshop) => rewrite(workshop, 'revoker', ({ sequence }) => ({ name: 'playground', sequence: sequence + 1 })),
    gate,
    exit: 3,
    finding: 'revocations-other-name',
  },
  {
    deed: 'the model was signed before the key of the trainer was stolen and revoked, but nobody can prove when',
    arrange: (workshop) => revoke(workshop, publicKey('trainer')),
    gate,
    exit: 1,
    finding: 'revoked-key',
  },
  {
    deed: 'the key of the releaser was stolen and revoked',
    arrange: (workshop) => revoke(workshop, publicKey('releaser')),
    gate,
    exit: 1,
    finding: 'revoked-key',
  },
  {
    deed: 'the model itself is revoked, and deployed all the same',
    arrange: (workshop) => revoke(workshop, 'file:store/reviews@1'),
    gate,
    exit: 1,
    finding: 'revoked-model',
  },
  {
    deed: 'alice, one of two who approved, was not alice: her key is revoked',
    arrange: (workshop) => revoke(workshop, publicKey('alice')),
    gate,
    exit: 1,
    finding: 'attestation-signer-missing',
  },
  {
    deed: 'an approval is withdrawn',
    arrange: (workshop) => {
      const [approval] = statementsBeside(workshop, 'reviews').filter(({ type }) => type.includes('approval'));
      revoke(workshop, approval?.path ?? '');
    },
    gate,
    exit: 1,
    finding: 'attestation-signer-missing',
  },
];

export const REVOCATIONS: Campaign = { name: 'What is revoked', attacks };

/** What the revoker does in their own right. */
export function revoke({ shell }: Workshop, target: string): void {
  shell.quietly('revoke', target, '--reason', 'INC-4711', ...UNDER_GATE, '--key', key('revoker'));
}

async function rewrite(workshop: Workshop, by: Person, change: (list: RevocationList) => Partial<RevocationList>): Promise<void> {
  const list = parseRevocations(parseBundle(Buffer.from(workshop.read(LIST)), LIST).envelope.payload, LIST);
  workshop.write(LIST, await signed(workshop, by, revocationsPayload({ ...list, ...change(list) })));
}
