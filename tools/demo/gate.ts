import { mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runPipeline } from './pipeline.ts';
import { say } from './shell.ts';
import { Workshop } from './workshop.ts';

const root = await mkdtemp(join(tmpdir(), 'mlsign-gate-'));
const workshop = new Workshop(root);
await mkdir(workshop.folder);
say(`Everything happens in ${workshop.folder}`);

await runPipeline(workshop);
await workshop.keep();
