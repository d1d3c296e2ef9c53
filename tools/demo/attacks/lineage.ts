import { PROVENANCE_TYPE, provenancePayload } from '../../../src/formats/index.ts';
import { UNDER_GATE } from '../pipeline.ts';
import { CODE } from '../policies.ts';
import { key } from '../workshop.ts';
import type { Attack, Campaign } from './attack.ts';
import { attach, material, provenance, retell, takeAway, without } from './forge.ts';

const gate = ['verify', 'reviews', ...UNDER_GATE];

const attacks: readonly Attack[] = [
  {
    deed: 'somebody deletes the statement of what the model was made from',
    arrange: (workshop) => {
      takeAway(workshop, PROVENANCE_TYPE);
    },
    gate,
    exit: 3,
    finding: 'provenance-missing',
  },
  {
    deed: "the trainer's stolen key leaves the base model out",
    arrange: (workshop) => retell(workshop, without('base-model')),
    gate,
    exit: 1,
    finding: 'lineage-base-missing',
  },
  {
    deed: 'it passes the base model off as a dataset',
    arrange: (workshop) =>
      retell(workshop, ({ materials }) => ({
        materials: materials.map((one) => (one.role === 'base-model' ? { ...one, role: 'dataset' } : one)),
      })),
    gate,
    exit: 1,
    finding: 'lineage-signer-missing',
  },
  {
    deed: 'it names what the data team signed as the base model',
    arrange: (workshop) =>
      retell(workshop, ({ materials }) => ({
        materials: materials.map((one) => (one.role === 'dataset' ? { ...one, role: 'base-model' } : one)),
      })),
    gate,
    exit: 1,
    finding: 'lineage-signer-missing',
  },
  {
    deed: 'it names a base model that nobody has',
    arrange: (workshop) =>
      retell(workshop, ({ materials }) => ({ materials: [...materials, material('5'.repeat(64), 'base-model', 'secret')] })),
    gate,
    exit: 3,
    finding: 'lineage-parent-missing',
  },
  {
    deed: 'it names a hundred thousand base models',
    arrange: (workshop) => retell(workshop, ({ materials }) => ({ materials: [...materials, ...many(100_000)] })),
    gate,
    exit: 3,
    finding: 'provenance-missing',
  },
  {
    deed: 'it names ten thousand',
    arrange: (workshop) => retell(workshop, ({ materials }) => ({ materials: [...materials, ...many(10_000)] })),
    gate,
    exit: 3,
    finding: 'lineage-too-large',
  },
  {
    deed: "upstream's stolen key says that the base was made from the model: a circle",
    arrange: async (workshop) => {
      const told = provenance(workshop);
      const base = told.materials.find(({ role }) => role === 'base-model')?.digests.mlsignModel ?? '';
      const made = {
        ...told,
        subject: { name: 'words', modelId: base },
        materials: [material(told.subject.modelId, 'base-model', 'reviews')],
      };
      await attach(workshop, 'words', 'upstream', provenancePayload(made));
    },
    gate,
    exit: 1,
    finding: 'lineage-cycle',
  },
  {
    deed: 'the trainer trains on a laptop, and says so',
    arrange: (workshop) => retell(workshop, () => ({ builder: 'https://laptop.example/mallory' })),
    gate,
    exit: 1,
    finding: 'builder-not-allowed',
  },
  {
    deed: 'the evaluator, who may not say it, states a builder that is allowed',
    arrange: async (workshop) => {
      const told = provenance(workshop);
      takeAway(workshop, PROVENANCE_TYPE);
      await attach(workshop, 'reviews', 'evaluator', provenancePayload(told));
    },
    gate,
    exit: 3,
    finding: 'provenance-missing',
  },
  {
    deed: 'the training code comes from another repository',
    arrange: (workshop) =>
      retell(workshop, ({ materials }) => ({
        materials: materials.map((one) => (one.role === 'code' ? { ...one, uri: CODE.replace('acme', 'mallory').split('@')[0] } : one)),
      })),
    gate,
    exit: 1,
    finding: 'lineage-place-not-allowed',
  },
  {
    deed: 'two stories are told, with different base models',
    arrange: async (workshop) => {
      const told = provenance(workshop);
      const other = told.materials.map((one) => (one.role === 'base-model' ? material('5'.repeat(64), 'base-model', 'words') : one));
      await attach(workshop, 'reviews', 'trainer', provenancePayload({ ...told, materials: other }));
    },
    gate,
    exit: 1,
    finding: 'provenance-contradicts',
  },
  {
    deed: 'the provenance of another model is put in the place of its own',
    arrange: (workshop) => retell(workshop, () => ({ subject: { name: 'reviews', modelId: '5'.repeat(64) } })),
    gate,
    exit: 3,
    finding: 'provenance-missing',
  },
  {
    deed: 'the base model turns out to have a backdoor, and is revoked',
    arrange: ({ shell }) => shell.quietly('revoke', 'words', '--reason', 'backdoor', ...UNDER_GATE, '--key', key('revoker')),
    gate,
    exit: 1,
    finding: 'revoked-ancestor',
  },
  {
    deed: 'the model is to be loaded with another base than the one that it was made from',
    gate: [...gate, '--with-base', 'corpus'],
    exit: 1,
    finding: 'base-differs',
  },
];

export const LINEAGE: Campaign = { name: 'What the model was made from', attacks };

function many(count: number) {
  return Array.from({ length: count }, (_, i) => material(i.toString(16).padStart(64, '0'), 'base-model', `m${i}`));
}
