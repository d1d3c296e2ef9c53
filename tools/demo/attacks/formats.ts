import { readFileSync, rmSync } from 'node:fs';
import { APPROVAL_TYPE, PROVENANCE_TYPE } from '../../../src/formats/index.ts';
import { UNDER_GATE } from '../pipeline.ts';
import type { Person } from '../policies.ts';
import { key, type Workshop } from '../workshop.ts';
import type { Attack, Campaign } from './attack.ts';
import { attach, provenance, statementsBeside } from './forge.ts';

const gate = ['verify', 'reviews', ...UNDER_GATE];
/** `os.system('id')`, as a pickle of protocol 0 asks for it. */
const PICKLE = "cos\nsystem\n(S'id'\ntR.";

const attacks: readonly Attack[] = [
  {
    deed: 'the weights are a pickle by the name of safetensors',
    arrange: (workshop) => remake(workshop, 'model.safetensors', () => PICKLE),
    gate,
    exit: 1,
    finding: 'format-mismatch',
  },
  {
    deed: 'a pickle lies beside the weights',
    arrange: (workshop) => remake(workshop, 'optimizer.pt', () => PICKLE),
    gate,
    exit: 1,
    finding: 'format-runs-code',
  },
  {
    deed: 'Python code comes with the model, for trust_remote_code',
    arrange: (workshop) => remake(workshop, 'modeling_reviews.py', () => 'import os\n\n\nclass Reviews:\n    os.system("id")\n'),
    gate,
    exit: 1,
    finding: 'format-runs-code',
  },
  {
    deed: 'a tensor of the safetensors file lies over another one',
    arrange: (workshop) => remake(workshop, 'model.safetensors', overlapping),
    gate,
    exit: 1,
    finding: 'format-malformed',
  },
  {
    deed: 'the weights are in a format that can do no harm, but nobody allowed it',
    arrange: (workshop) => remake(workshop, 'notes.md', () => '# Notes\n\nHow it was made.\n'),
    gate,
    exit: 1,
    finding: 'format-not-allowed',
  },
];

export const FORMATS: Campaign = { name: 'What files are, where everybody signed and approved them unseen', attacks };

/** Changes a file of the model, and everybody signs the new model and says of it what they said of the old one. */
async function remake(workshop: Workshop, file: string, change: (bytes: Buffer) => string | Uint8Array): Promise<void> {
  const path = `reviews/${file}`;
  workshop.write(path, change(file === 'model.safetensors' ? readFileSync(workshop.path(path)) : Buffer.alloc(0)));
  const before = provenance(workshop).subject.modelId;
  const { stdout } = workshop.shell.run('sign', 'reviews', '--force', '--key', key('trainer'), '--json');
  const after: string = JSON.parse(stdout).model_id;
  const approvers: Person[] = ['alice', 'bob'];
  for (const { path: old, type, payload } of statementsBeside(workshop, 'reviews')) {
    rmSync(old);
    const who = type === PROVENANCE_TYPE ? 'trainer' : type === APPROVAL_TYPE ? approvers.shift() : 'evaluator';
    if (who !== undefined) await attach(workshop, 'reviews', who, Buffer.from(Buffer.from(payload).toString().replaceAll(before, after)));
  }
}

/** Lets the second tensor begin where the first one does. */
function overlapping(bytes: Buffer): Buffer {
  const end = 8 + Number(bytes.readBigUInt64LE(0));
  const header = bytes.toString('utf8', 8, end).replace(/"data_offsets":\[4,/, '"data_offsets":[0,');
  return Buffer.concat([bytes.subarray(0, 8), Buffer.from(header), bytes.subarray(end)]);
}
