// A process that runs one command line after the other, for `warm.ts`: what a command loads is loaded once.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WarmAnswer, WarmOrder } from './warm.ts';

const root = join(import.meta.dirname, '..', '..');
const pjson = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const { main } = await import(join(root, 'dist', 'main.js'));

/** Events whose listeners a command may leave behind, as a process that ends may. */
const EVENTS = ['exit', 'uncaughtException', 'SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** How long a command that is done may keep its process from ending. */
const MAX_LINGER_MS = 10_000;

const output: { readonly stdout: Buffer[]; readonly stderr: Buffer[] } = { stdout: [], stderr: [] };
for (const name of ['stdout', 'stderr'] as const) {
  const write = (chunk: string | Uint8Array, encoding?: unknown, done?: unknown): boolean => {
    output[name].push(Buffer.from(chunk));
    const written = typeof encoding === 'function' ? encoding : done;
    if (typeof written === 'function') process.nextTick(written);
    return true;
  };
  Object.assign(process[name], { write });
}

process.on('message', (order: WarmOrder) => void run(order).then((answer) => process.send?.(answer)));
// Whoever asked is gone: so is the reason to go on.
process.on('disconnect', () => process.exit());
process.send?.('ready');

async function run({ args, cwd, env }: WarmOrder): Promise<WarmAnswer> {
  const home = process.cwd();
  const resting = busy();
  const before = EVENTS.map((event) => process.rawListeners(event));
  for (const name of Object.keys(process.env)) delete process.env[name];
  Object.assign(process.env, env);
  for (const pieces of Object.values(output)) pieces.length = 0;
  process.exitCode = undefined;
  if (cwd !== undefined) process.chdir(cwd);
  try {
    await main(args, root, pjson);
    await ending(resting);
    for (const listener of process.rawListeners('exit')) if (!before[0]?.includes(listener)) listener.call(process, process.exitCode ?? 0);
  } finally {
    process.chdir(home);
    for (const [index, event] of EVENTS.entries()) {
      for (const listener of process.rawListeners(event)) {
        if (!before[index]?.includes(listener)) process.removeListener(event, listener as () => void);
      }
    }
  }
  const code = Number(process.exitCode ?? 0);
  process.exitCode = undefined;
  return { code, stdout: Buffer.concat(output.stdout).toString(), stderr: Buffer.concat(output.stderr).toString() };
}

/** Waits for whatever would keep a process of its own from ending. */
async function ending(resting: number): Promise<void> {
  const started = performance.now();
  for (let wait = 1; busy() > resting; wait = Math.min(20, wait + 1)) {
    if (performance.now() - started > MAX_LINGER_MS) throw new Error(`still at work: ${process.getActiveResourcesInfo()}`);
    await sleep(wait, undefined, { ref: false });
  }
}

function busy(): number {
  return process.getActiveResourcesInfo().length;
}
