/** Runs the integration suite: `npm run test:integration`. Further arguments go to mocha (`--grep`). */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installAll } from '../servers/install.ts';
import { type Servers, startServers } from '../servers/up.ts';
import { type Environment, VARIABLE } from './environment.ts';

const folder = await mkdtemp(join(tmpdir(), 'mlsign-integration-'));
let servers: Servers | undefined;
let mocha: ChildProcess | undefined;
// An interrupted run ends as any other: mocha first, then the servers.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => mocha?.kill('SIGTERM'));
process.exitCode = 1;
try {
  const installed = await installAll((line) => process.stdout.write(`${line}\n`));
  servers = await startServers(installed, join(folder, 'servers'));
  const { sigstoreFolder, urls, minioCa, variables } = servers;
  process.exitCode = await runMocha({ installed, folder, sigstoreFolder, urls, minioCa, variables });
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
} finally {
  await servers?.close().catch(fail);
  if (process.exitCode === 0) await rm(folder, { recursive: true, force: true });
  else process.stderr.write(`the logs of the servers, in servers/, and what the tests left are in ${folder}\n`);
}

/** A request that a strict server has not taken fails the run, although every test may have passed. */
function fail(reason: unknown): void {
  process.stderr.write(`${reason instanceof Error ? reason.message : reason}\n`);
  process.exitCode = 1;
}

async function runMocha(environment: Environment): Promise<number> {
  const path = createRequire(import.meta.url).resolve('mocha/bin/mocha.js');
  // Not named as those of `npm test` are, which could not run without the servers.
  const options = ['--no-config', '--parallel', '--jobs', '2', '--timeout', '120000'];
  const args = [path, ...options, '*.live.ts', ...process.argv.slice(2)];
  const env = { ...process.env, [VARIABLE]: JSON.stringify(environment), NODE_EXTRA_CA_CERTS: environment.minioCa };
  mocha = spawn(process.execPath, args, { cwd: import.meta.dirname, stdio: 'inherit', env });
  const [code] = await once(mocha, 'exit');
  return code ?? 1;
}
