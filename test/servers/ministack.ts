import { mkdir } from 'node:fs/promises';
import { ROOT } from './credentials.ts';
import type { Installed } from './install.ts';
import { freePorts, type ServerProcess, startServer } from './server-process.ts';

/** A running ministack: AWS's KMS with real RSA and EC keys, IAM and STS; signatures of requests and policies are enforced. */
export interface Ministack extends ServerProcess {
  readonly url: string;
}

/**
 * Starts ministack on a free port of loopback.
 *
 * @throws Error with the end of its log where it does not start
 */
export async function startMinistack({ ministackPython }: Installed, folder: string): Promise<Ministack> {
  await mkdir(folder);
  const [port = 0] = await freePorts(1);
  const url = `http://127.0.0.1:${port}`;
  const env = {
    // Its own default is every interface, and a broker of messages besides.
    BIND_HOST: '127.0.0.1',
    GATEWAY_PORT: `${port}`,
    SERVICES: 'kms,iam,sts',
    IOT_MTLS_ENABLED: '0',
    SFTP_ENABLED: '0',
    AUTH: 'true',
    AWS_ACCESS_KEY_ID: ROOT.accessKeyId,
    AWS_SECRET_ACCESS_KEY: ROOT.secretAccessKey,
    PYTHONUTF8: '1',
  };
  const args = ['-m', 'ministack'];
  const server = await startServer({
    name: 'ministack',
    command: ministackPython,
    args,
    folder,
    env,
    readyUrl: `${url}/_ministack/health`,
  });
  return { url, close: () => server.close() };
}
