// Measures lineages in a local store that is made for it: `npm run bench:lineage -- --help`.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { findAffected, traceLineage } from '../src/app/index.ts';
import { releasePlace } from '../src/lineage/index.ts';
import { policyFromFlags } from '../src/policy/index.ts';
import { openStore } from '../src/store/index.ts';
import { countReads, makeLineage, makeReleases, type SigningKey, signingKey } from './lineage-setup.ts';

const HELP = `npm run bench:lineage -- [options]
  --nodes LIST       sizes of the lineage, with commas between (default 100,1000,3000,10000)
  --releases N       in the store that is searched for what is affected (default 1000)
  --rounds N         how often each is measured; the fastest counts (default 3)
  --json             one JSON document instead of lines
`;

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '100,1000,3000,10000' },
    releases: { type: 'string', default: '1000' },
    rounds: { type: 'string', default: '3' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) process.stdout.write(HELP);
else await bench();

async function bench(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'mlsign-bench-lineage-'));
  try {
    const key = await signingKey();
    const lineages = [];
    for (const nodes of values.nodes.split(',').map(Number)) {
      const result = await measureLineage(join(folder, `lineage-${nodes}`), nodes, key);
      lineages.push(result);
      if (values.json) continue;
      const { milliseconds, cpuMilliseconds, bundles, edges } = result;
      print(
        `lineage of ${nodes} models, ${edges} edges: ${milliseconds.toFixed(0)} ms, ${(milliseconds / nodes).toFixed(2)} ms a model (of the processor ${(cpuMilliseconds / nodes).toFixed(2)} ms); ${bundles} bundles read, each once`,
      );
    }
    const affected = await measureAffected(join(folder, 'affected'), Number(values.releases), key);
    if (values.json) print(JSON.stringify({ lineages, affected }, null, 2));
    else {
      const { milliseconds, records, bundles, found } = affected;
      print(
        `affected over ${values.releases} releases: ${milliseconds.toFixed(0)} ms, ${found} found; ${records} records and ${bundles} bundles read, each once`,
      );
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Verifies a whole lineage: two signatures a model. */
async function measureLineage(root: string, nodes: number, key: SigningKey) {
  const { location, modelId } = await makeLineage(root, nodes, key);
  const policy = policyFromFlags({ trustKeys: [{ pem: key.publicPem, where: 'bench.pub' }] });
  const [rule] = policy.rules;
  if (rule === undefined) throw new TypeError('flags are a policy of one rule');
  const times: number[] = [];
  const cpuTimes: number[] = [];
  let bundles = 0;
  let edges = 0;
  for (let round = 0; round < Number(values.rounds); round++) {
    const { store, reads } = countReads(await openStore(location.store));
    const trust = { policy, rule, asksAll: true, evidence: { now: new Date() } };
    const start = performance.now();
    const cpu = process.cpuUsage();
    const lineage = await traceLineage({ modelId, place: releasePlace(store, location, { modelId }), location, store }, trust, {});
    times.push(performance.now() - start);
    const { user, system } = process.cpuUsage(cpu);
    cpuTimes.push((user + system) / 1000);
    const proven = lineage.nodes.filter(({ verdict }) => verdict === 'verified').length;
    if (lineage.verdict !== 'verified' || proven !== nodes)
      throw new Error(`${lineage.verdict}, ${proven} verified: ${JSON.stringify(lineage.findings.slice(0, 2))}`);
    bundles = expectOnce(reads);
    edges = lineage.edges.length;
  }
  return { nodes, edges, milliseconds: Math.min(...times), cpuMilliseconds: Math.min(...cpuTimes), bundles };
}

/** Searches releases of a hundred models for what descends from one dataset. */
async function measureAffected(root: string, releases: number, key: SigningKey) {
  const wanted = await makeReleases(root, releases, key);
  const times: number[] = [];
  let counts = { found: 0, records: 0, bundles: 0 };
  for (let round = 0; round < Number(values.rounds); round++) {
    const counted: ReadonlyMap<string, number>[] = [];
    const start = performance.now();
    const { models } = await findAffected(wanted, [`file:${root}`], {
      openStore: async ({ store: address }) => {
        const { store, reads } = countReads(await openStore(address));
        counted.push(reads);
        return store;
      },
    });
    times.push(performance.now() - start);
    for (const reads of counted) expectOnce(reads);
    const keys = counted.flatMap((reads) => [...reads.keys()]);
    counts = {
      found: models.reduce((sum, model) => sum + model.releases.length, 0),
      records: keys.filter((name) => name.includes('/releases/')).length,
      bundles: keys.filter((name) => name.includes('/bundles/')).length,
    };
  }
  return { releases, milliseconds: Math.min(...times), ...counts };
}

function expectOnce(reads: ReadonlyMap<string, number>): number {
  const twice = [...reads].find(([, count]) => count > 1);
  if (twice !== undefined) throw new Error(`${twice[0]} was read ${twice[1]} times`);
  return reads.size;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
