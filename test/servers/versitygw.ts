import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { REGION, ROOT } from './credentials.ts';
import type { Installed } from './install.ts';
import { freePorts, type ServerProcess, startServer } from './server-process.ts';

/** A running versitygw: S3 over directories, with AWS's Object Lock and conditional deletes, and without checksums of parts. */
export interface Versitygw extends ServerProcess {
  readonly url: string;
}

/**
 * Starts versitygw on a free port of loopback, keeping versions.
 *
 * @throws Error with the end of its log where it does not start
 */
export async function startVersitygw({ versitygw }: Pick<Installed, 'versitygw'>, folder: string): Promise<Versitygw> {
  const [data, versions, users] = [join(folder, 'data'), join(folder, 'versions'), join(folder, 'users')];
  for (const path of [data, versions, users]) await mkdir(path, { recursive: true });
  const [port = 0] = await freePorts(1);
  const url = `http://127.0.0.1:${port}`;
  const env = { ROOT_ACCESS_KEY_ID: ROOT.accessKeyId, ROOT_SECRET_ACCESS_KEY: ROOT.secretAccessKey };
  const service = ['--port', `127.0.0.1:${port}`, '--region', REGION, '--health', '/healthz', '--quiet'];
  const iam = ['--iam-dir', users, '--iam-cache-disable'];
  const args = [...service, ...iam, 'posix', '--versioning-dir', versions, data];
  const server = await startServer({ name: 'versitygw', command: versitygw, args, folder, env, readyUrl: `${url}/healthz` });
  return { url, close: () => server.close() };
}
