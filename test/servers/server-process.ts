import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { get as getHttp } from 'node:http';
import { get as getHttps } from 'node:https';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** How a server is started. */
export interface ServerCommand {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Where `<name>.log` goes, and the server's working directory. */
  readonly folder: string;
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** An address that answers 200 once the server is ready. */
  readonly readyUrl: string;
  /** Who certified it, PEM, where that address is https. */
  readonly ca?: string;
}

/** A server that runs. */
export interface ServerProcess {
  /** Ends it with everything that it started, and waits for that. */
  close(): Promise<void>;
}

const READY_MS = 30_000;
const GRACE_MS = 5000;
const PORT_MS = 600_000;

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) signalGroup(child, 'SIGKILL');
});

/**
 * Starts a server in a process group of its own and waits until it answers; the group ends with this process at the latest.
 *
 * @throws Error with the end of its log, where it ends or does not answer in time
 */
export async function startServer({ name, command, args, folder, env, readyUrl, ca }: ServerCommand): Promise<ServerProcess> {
  const path = join(folder, `${name}.log`);
  const log = openSync(path, 'w');
  const child = spawn(command, args, { cwd: folder, detached: true, env: { ...process.env, ...env }, stdio: ['ignore', log, log] });
  closeSync(log);
  running.add(child);
  let failure: string | undefined;
  child.on('error', (error) => {
    failure = error.message;
  });
  child.on('exit', (code, signal) => {
    running.delete(child);
    failure ??= `it ended (${signal ?? code})`;
  });
  const deadline = Date.now() + READY_MS;
  while (!(await answers(readyUrl, ca))) {
    if (failure !== undefined || Date.now() > deadline) {
      await endProcess(child);
      const tail = readFileSync(path, 'utf8').trimEnd().split('\n').slice(-15).join('\n');
      throw new Error(`${name} did not start: ${failure ?? `no answer at ${readyUrl}`}\n${tail}`);
    }
    await delay(50);
  }
  return { close: () => endProcess(child) };
}

async function answers(url: string, ca: string | undefined): Promise<boolean> {
  const options = { agent: false, signal: AbortSignal.timeout(2000) };
  const request = ca === undefined ? getHttp(url, options) : getHttps(url, { ...options, ca });
  try {
    const [response] = await once(request, 'response');
    response.resume();
    await once(response, 'end');
    return response.statusCode === 200;
  } catch {
    return false;
  }
}

async function endProcess(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  signalGroup(child, 'SIGTERM');
  const timer = setTimeout(() => signalGroup(child, 'SIGKILL'), GRACE_MS);
  await ended;
  clearTimeout(timer);
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    // Windows has no process groups to signal.
    if (process.platform === 'win32') child.kill(signal);
    else process.kill(-child.pid, signal);
  } catch {
    // It has ended already.
  }
}

/** Ports on loopback that nothing listens on: all different, and free a moment ago. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  try {
    return await Promise.all(
      servers.map(async (server) => {
        await once(server, 'listening');
        const address = server.address();
        if (address === null || typeof address === 'string') throw new Error('no port');
        return address.port;
      }),
    );
  } finally {
    for (const server of servers) server.close();
  }
}

/** Waits until a port that cannot be chosen is free: another run of the suite ends within minutes. */
export async function waitForPort(port: number, say: (line: string) => void): Promise<void> {
  for (let waited = 0; waited < PORT_MS; waited += 1000) {
    const server = createServer().listen(port);
    try {
      await once(server, 'listening');
      const closed = once(server, 'close');
      server.close();
      await closed;
      return;
    } catch {
      if (waited === 0) say(`port ${port} is in use: waiting for it`);
      await delay(1000);
    }
  }
  throw new Error(`port ${port} is in use: end what listens there`);
}
