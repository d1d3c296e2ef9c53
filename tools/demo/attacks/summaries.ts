import { parseBundle, parseVsa, type VerificationSummary, vsaPayload } from '../../../src/formats/index.ts';
import { UNDER_DEPLOY, UNDER_GATE } from '../pipeline.ts';
import { type Person, VERIFIER } from '../policies.ts';
import { key, publicKey, type Workshop } from '../workshop.ts';
import type { Attack, Campaign } from './attack.ts';
import { signed } from './forge.ts';
import { revoke } from './revocations.ts';

const FILE = 'gate.att';
const DAY = 86_400_000;
const PRODUCTION = 'file:store/reviews@production';
const gate = ['verify', PRODUCTION, ...UNDER_DEPLOY, '--vsa', FILE];
const BY_GATE = ['--report', `vsa=${FILE}`, '--verifier', VERIFIER, '--key', key('gate')];

const attacks: readonly Attack[] = [
  {
    deed: 'no gate has verified it',
    gate: ['verify', PRODUCTION, ...UNDER_DEPLOY],
    exit: 1,
    finding: 'signer-missing',
  },
  {
    deed: "the summary is from before the trainer's key was revoked",
    arrange: (workshop) => revoke(workshop, publicKey('trainer')),
    gate,
    exit: 1,
    finding: 'revoked-key',
  },
  {
    deed: 'it is from before the base model was revoked',
    arrange: (workshop) => revoke(workshop, 'words'),
    gate,
    exit: 1,
    finding: 'revoked-ancestor',
  },
  {
    deed: 'it was made under a policy that asks for no approvals',
    arrange: (workshop) => {
      workshop.write('gate.yaml', workshop.read('gate.yaml').replace(/ {6}- \{ type: approval.*\n/, ''));
      workshop.shell.quietly('verify', PRODUCTION, '--policy', 'gate.yaml', ...BY_GATE);
    },
    gate,
    exit: 1,
    finding: 'vsa-policy-differs',
  },
  {
    deed: 'it is about the same model in another place',
    arrange: ({ shell }) => {
      shell.quietly('push', 'reviews', 'file:playground/reviews', ...UNDER_GATE, '--key', key('releaser'));
      shell.quietly('verify', 'file:playground/reviews@1', '--search', 'file:store', ...UNDER_GATE, ...BY_GATE);
    },
    gate,
    exit: 1,
    finding: 'vsa-resource-differs',
  },
  {
    deed: 'it is about another model',
    arrange: ({ shell }) => shell.quietly('verify', 'file:store/words@1', ...UNDER_GATE, ...BY_GATE),
    gate,
    exit: 1,
    finding: 'vsa-model-differs',
  },
  {
    deed: 'it is two days old, where one is allowed',
    arrange: (workshop) => rewrite(workshop, 'gate', ({ timeVerified }) => ({ timeVerified: new Date(timeVerified.getTime() - 2 * DAY) })),
    gate,
    exit: 1,
    finding: 'vsa-too-old',
  },
  {
    deed: 'the gate signed it in the name of a test',
    arrange: (workshop) => rewrite(workshop, 'gate', () => ({ verifier: `${VERIFIER}/test` })),
    gate,
    exit: 1,
    finding: 'vsa-verifier-differs',
  },
  {
    deed: "the trainer's stolen key signs one",
    arrange: (workshop) => rewrite(workshop, 'trainer', () => ({})),
    gate,
    exit: 1,
    finding: 'signer-missing',
  },
  {
    deed: 'the gate says FAILED',
    arrange: (workshop) => rewrite(workshop, 'gate', () => ({ result: 'FAILED' })),
    gate,
    exit: 1,
    finding: 'vsa-failed',
  },
  {
    deed: 'FAILED is edited to PASSED',
    arrange: async (workshop) => {
      await rewrite(workshop, 'gate', () => ({ result: 'FAILED' }));
      const said = Buffer.from(parseBundle(Buffer.from(workshop.read(FILE)), FILE).envelope.payload);
      const edited = Buffer.from(said.toString().replace('"FAILED"', '"PASSED"'));
      workshop.write(FILE, workshop.read(FILE).replace(said.toString('base64'), edited.toString('base64')));
    },
    gate,
    exit: 1,
    finding: 'signer-missing',
  },
];

export const SUMMARIES: Campaign = { name: 'What the gate signed', attacks };

async function rewrite(workshop: Workshop, by: Person, change: (made: VerificationSummary) => Partial<VerificationSummary>): Promise<void> {
  const made = parseVsa(parseBundle(Buffer.from(workshop.read(FILE)), FILE).envelope.payload, FILE);
  workshop.write(FILE, await signed(workshop, by, vsaPayload({ ...made, ...change(made) })));
}
