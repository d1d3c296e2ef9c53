import { mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { APPROVALS } from './attacks/approvals.ts';
import { attempt } from './attacks/attack.ts';
import { FORMATS } from './attacks/formats.ts';
import { LINEAGE } from './attacks/lineage.ts';
import { POLICIES } from './attacks/policies.ts';
import { REVOCATIONS } from './attacks/revocations.ts';
import { SUMMARIES } from './attacks/summaries.ts';
import { runPipeline } from './pipeline.ts';
import { say, title } from './shell.ts';
import { Workshop } from './workshop.ts';

const CAMPAIGNS = [LINEAGE, REVOCATIONS, APPROVALS, FORMATS, SUMMARIES, POLICIES];
const root = await mkdtemp(join(tmpdir(), 'mlsign-gate-'));
const workshop = new Workshop(root);
await mkdir(workshop.folder);
say(`Everything happens in ${workshop.folder}`);

await runPipeline(workshop);
await workshop.keep();

let attacks = 0;
let refused = 0;
for (const { name, attacks: all } of CAMPAIGNS) {
  title(name);
  for (const attack of all) {
    attacks++;
    if (await attempt(attack, workshop)) refused++;
  }
  process.stdout.write('\n');
}
await workshop.restore();

say(`${attacks} attacks, ${refused} refused as they must be.`);
say(`The files of this demo are in ${workshop.folder}; delete them when you like.`);
process.exitCode = refused === attacks ? 0 : 1;
