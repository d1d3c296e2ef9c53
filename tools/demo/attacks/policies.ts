import { UNDER_GATE } from '../pipeline.ts';
import type { Person } from '../policies.ts';
import { key, type Workshop } from '../workshop.ts';
import type { Attack, Campaign } from './attack.ts';

const gate = ['verify', 'reviews', ...UNDER_GATE];

const attacks: readonly Attack[] = [
  {
    deed: 'somebody edits the policy: one approval is enough',
    arrange: (workshop) => edit(workshop, '2 of [security]', '1 of [security]'),
    gate,
    exit: 1,
    finding: 'policy-not-trusted',
  },
  {
    deed: "the trainer's stolen key signs the edited policy",
    arrange: (workshop) => edit(workshop, '2 of [security]', '1 of [security]', 'trainer'),
    gate,
    exit: 1,
    finding: 'policy-not-trusted',
  },
  {
    deed: 'the signature of the policy is deleted',
    arrange: (workshop) => workshop.remove('gate.yaml.sig'),
    gate,
    exit: 3,
    finding: 'policy-signature-missing',
  },
  {
    deed: 'another policy that the owner signed, with its signature, takes its place',
    arrange: (workshop) => {
      workshop.write('gate.yaml', workshop.read('deploy.yaml'));
      workshop.write('gate.yaml.sig', workshop.read('deploy.yaml.sig'));
    },
    gate,
    exit: 1,
    finding: 'policy-not-trusted',
  },
  {
    deed: 'the owner writes "atestations", and would ask for none',
    arrange: (workshop) => edit(workshop, '    attestations:', '    atestations:', 'owner'),
    gate,
    exit: 2,
    finding: 'policy-invalid',
  },
  {
    deed: 'the owner asks for a metric "greater than 0.9"',
    arrange: (workshop) => edit(workshop, '">= 0.9"', '"greater than 0.9"', 'owner'),
    gate,
    exit: 2,
    finding: 'policy-invalid',
  },
  {
    deed: 'the owner empties the list of signers',
    arrange: (workshop) => edit(workshop, 'signed-by: upstream\n', 'signed-by: []\n', 'owner'),
    gate,
    exit: 2,
    finding: 'policy-invalid',
  },
  {
    deed: 'the owner asks for four approvals of three people',
    arrange: (workshop) => edit(workshop, '2 of [security]', '4 of [security]', 'owner'),
    gate,
    exit: 2,
    finding: 'policy-invalid',
  },
  {
    deed: 'the owner names somebody whom the policy does not know',
    arrange: (workshop) => edit(workshop, 'signed-by: evaluator', 'signed-by: evaluators', 'owner'),
    gate,
    exit: 2,
    finding: 'policy-invalid',
  },
  {
    deed: 'the owner writes a rule twice: nobody knows which one counts',
    arrange: (workshop) => edit(workshop, '"**/words"', '"**/reviews"', 'owner'),
    gate,
    exit: 2,
    finding: 'policy-invalid',
  },
  {
    deed: 'the owner writes two rules of which none is more specific',
    arrange: (workshop) => edit(workshop, '"**/words"', '"store/**"', 'owner'),
    gate: ['verify', 'file:store/reviews@1', ...UNDER_GATE],
    exit: 2,
    finding: 'policy-rules-tie',
  },
  {
    deed: 'a model lies where no rule is for it',
    arrange: ({ shell }) => shell.quietly('sign', 'gate.att', '--key', key('trainer')),
    gate: ['verify', 'gate.att', ...UNDER_GATE],
    exit: 1,
    finding: 'policy-no-rule',
  },
  {
    deed: 'the model brings a policy of its own',
    arrange: (workshop) => {
      workshop.write('reviews/gate.yaml', workshop.read('gate.yaml'));
      workshop.write('reviews/gate.yaml.sig', workshop.read('gate.yaml.sig'));
    },
    gate: ['verify', 'reviews', '--policy', 'reviews/gate.yaml', '--policy-key', 'keys/owner.key.pub'],
    exit: 2,
    finding: 'policy-inside-model',
  },
  {
    deed: 'a flag would widen the policy',
    gate: [...gate, '--ignore-unsigned-files'],
    exit: 2,
    finding: 'flag-beside-policy',
  },
  {
    deed: 'a flag names another signer, which counts besides the policy and not instead of it',
    gate: [...gate, '--trust-key', 'keys/owner.key.pub'],
    exit: 1,
    finding: 'signer-missing',
  },
];

export const POLICIES: Campaign = { name: 'The policy itself', attacks };

/** Changes a text in the gate's policy, which has to be there, and signs that where somebody can. */
function edit(workshop: Workshop, from: string, to: string, signer?: Person): void {
  const policy = workshop.read('gate.yaml');
  if (!policy.includes(from)) throw new Error(`the policy does not say ${from}`);
  workshop.write('gate.yaml', policy.replace(from, to));
  if (signer !== undefined) workshop.shell.quietly('sign', 'gate.yaml', '--force', '--key', key(signer));
}
