import { readFileSync, writeFileSync } from 'node:fs';
import { APPROVAL_TYPE, approvalPayload, EVALUATION_TYPE, parseApproval, predicatePayload } from '../../../src/formats/index.ts';
import { UNDER_GATE } from '../pipeline.ts';
import { key, type Workshop } from '../workshop.ts';
import type { Attack, Campaign } from './attack.ts';
import { attach, provenance, statementsBeside, takeAway } from './forge.ts';

const DAY = 86_400_000;
const gate = ['verify', 'reviews', ...UNDER_GATE];

const attacks: readonly Attack[] = [
  {
    deed: 'alice approves twice, and nobody else does',
    arrange: async (workshop) => {
      const [approval] = takeAway(workshop, APPROVAL_TYPE);
      if (approval === undefined) return;
      const { reason, ...first } = parseApproval(approval.payload, approval.path);
      await attach(workshop, 'reviews', 'alice', approvalPayload({ ...first, reason }));
      await attach(workshop, 'reviews', 'alice', approvalPayload({ ...first, reason: `${reason} again` }));
    },
    gate,
    exit: 1,
    finding: 'attestation-signer-missing',
  },
  {
    deed: 'the trainer and the evaluator approve, who may not',
    arrange: async (workshop) => {
      takeAway(workshop, APPROVAL_TYPE);
      for (const who of ['trainer', 'evaluator'] as const) approve(workshop, 'security', who);
    },
    gate,
    exit: 1,
    finding: 'attestation-missing',
  },
  {
    deed: 'alice and bob approve in another role',
    arrange: (workshop) => {
      takeAway(workshop, APPROVAL_TYPE);
      for (const who of ['alice', 'bob'] as const) approve(workshop, 'legal', who);
    },
    gate,
    exit: 1,
    finding: 'attestation-missing',
  },
  {
    deed: 'the approvals are those of another model',
    arrange: (workshop) => rewriteApprovals(workshop, () => ({ subject: { name: 'reviews', modelId: '5'.repeat(64) } })),
    gate,
    exit: 1,
    finding: 'attestation-missing',
  },
  {
    deed: 'the approvals are 40 days old, where 30 are allowed',
    arrange: (workshop) => rewriteApprovals(workshop, (now) => ({ issued: new Date(now - 40 * DAY) })),
    gate,
    exit: 1,
    finding: 'attestation-too-old',
  },
  {
    deed: 'the approvals have expired',
    arrange: (workshop) => rewriteApprovals(workshop, (now) => ({ issued: new Date(now - 10 * DAY), expires: new Date(now - DAY) })),
    gate,
    exit: 1,
    finding: 'attestation-too-old',
  },
  {
    deed: 'an approval in the role legal is edited to say security',
    arrange: (workshop) => {
      takeAway(workshop, APPROVAL_TYPE);
      for (const who of ['alice', 'bob'] as const) approve(workshop, 'legal', who);
      for (const { path, payload, type } of statementsBeside(workshop, 'reviews')) {
        if (type !== APPROVAL_TYPE) continue;
        const edited = Buffer.from(Buffer.from(payload).toString().replace('"legal"', '"security"'));
        const bundle = readFileSync(path, 'utf8').replace(Buffer.from(payload).toString('base64'), edited.toString('base64'));
        writeFileSync(path, bundle);
      }
    },
    gate,
    exit: 1,
    finding: 'attestation-missing',
  },
  {
    deed: 'the weights change after the approvals, and the stolen key of the trainer signs them again',
    arrange: (workshop) => {
      const weights = readFileSync(workshop.path('reviews/model.safetensors'));
      weights.writeUInt8(0xc3, weights.length - 1);
      workshop.write('reviews/model.safetensors', weights);
      workshop.shell.quietly('sign', 'reviews', '--force', '--key', key('trainer'));
    },
    gate,
    exit: 1,
    finding: 'attestation-missing',
  },
  {
    deed: 'the trainer evaluates the model, instead of the evaluator',
    arrange: async (workshop) => {
      takeAway(workshop, EVALUATION_TYPE);
      await attach(workshop, 'reviews', 'trainer', evaluation(workshop, { accuracy: 1 }));
    },
    gate,
    exit: 1,
    finding: 'attestation-missing',
  },
  {
    deed: 'the evaluator measures again, and finds that it is worse than it must be',
    arrange: (workshop) => attach(workshop, 'reviews', 'evaluator', evaluation(workshop, { accuracy: 0.62 })),
    gate,
    exit: 1,
    finding: 'metric-not-met',
  },
  {
    deed: 'the evaluation does not tell the accuracy, but something else',
    arrange: async (workshop) => {
      takeAway(workshop, EVALUATION_TYPE);
      await attach(workshop, 'reviews', 'evaluator', evaluation(workshop, { recall: 0.99 }));
    },
    gate,
    exit: 1,
    finding: 'attestation-missing',
  },
];

export const APPROVALS: Campaign = { name: 'Who approved, and what was measured', attacks };

function approve({ shell }: Workshop, role: string, who: 'alice' | 'bob' | 'trainer' | 'evaluator'): void {
  shell.quietly('approve', 'reviews', '--role', role, '--key', key(who));
}

async function rewriteApprovals(
  workshop: Workshop,
  change: (now: number) => Partial<Parameters<typeof approvalPayload>[0]>,
): Promise<void> {
  for (const [i, { payload, path }] of takeAway(workshop, APPROVAL_TYPE).entries()) {
    const approval = parseApproval(payload, path);
    await attach(workshop, 'reviews', i === 0 ? 'alice' : 'bob', approvalPayload({ ...approval, ...change(approval.issued.getTime()) }));
  }
}

function evaluation(workshop: Workshop, metrics: Readonly<Record<string, number>>): Uint8Array {
  const predicate = Buffer.from(JSON.stringify({ issued: new Date().toISOString(), metrics }));
  return predicatePayload(provenance(workshop).subject, EVALUATION_TYPE, predicate);
}
