/**
 * Starts every server: `node test/servers/up.ts FOLDER`. The folder is made; `. FOLDER/env.sh` then puts the programs on the
 * PATH and says where the servers are. They run until this process is interrupted.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join, resolve } from 'node:path';
import { REGION, ROOT } from './credentials.ts';
import { type Installed, installAll } from './install.ts';
import { startMinio } from './minio.ts';
import { startMinistack } from './ministack.ts';
import type { ServerProcess } from './server-process.ts';
import { SIGSTORE_FILES, startSigstore } from './sigstore.ts';
import type { SigstoreUrls } from './trust-config.ts';
import { startVersitygw } from './versitygw.ts';

/** What runs, and where. */
export interface Servers {
  readonly sigstoreFolder: string;
  readonly urls: SigstoreUrls & { readonly kms: string; readonly minio: string; readonly versitygw: string };
  /** Who certified MinIO: a file, PEM. */
  readonly minioCa: string;
  /** For shells and programs that are told by their environment. */
  readonly variables: Readonly<Record<string, string>>;
  /** Ends all of them. */
  close(): Promise<void>;
}

/**
 * Starts a private Sigstore, an emulator of KMS and two servers of S3, which keep their files below a new folder.
 *
 * @throws Error with the log of the server that does not start; those that did are ended
 */
export async function startServers(installed: Installed, folder: string): Promise<Servers> {
  await mkdir(folder);
  const sigstoreFolder = join(folder, 'sigstore');
  const started: ServerProcess[] = [];
  const keep = async <T extends ServerProcess>(starting: Promise<T>): Promise<T> => {
    const server = await starting;
    started.push(server);
    return server;
  };
  const close = async (): Promise<void> => {
    for (const server of started.splice(0).reverse()) await server.close();
  };
  try {
    const sigstore = await keep(startSigstore(installed, sigstoreFolder));
    const ministack = await keep(startMinistack(installed, join(folder, 'ministack')));
    const minio = await keep(startMinio(installed, join(folder, 'minio')));
    const versitygw = await keep(startVersitygw(installed, join(folder, 'versitygw')));
    const urls = { ...sigstore.urls, kms: ministack.url, minio: minio.url, versitygw: versitygw.url };
    const path = await programs(installed, join(folder, 'bin'));
    const variables = { ...variablesOf(sigstoreFolder, urls), NODE_EXTRA_CA_CERTS: minio.ca, AWS_CA_BUNDLE: minio.ca, PATH: path };
    return { sigstoreFolder, urls, minioCa: minio.ca, variables, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function variablesOf(folder: string, urls: Servers['urls']): Readonly<Record<string, string>> {
  return {
    ISSUER: urls.issuer,
    TIMESTAMP_URL: `${urls.timestamp}/api/v1/timestamp`,
    KMS_URL: urls.kms,
    MINIO_URL: urls.minio,
    VERSITYGW_URL: urls.versitygw,
    AWS_ENDPOINT_URL_S3: urls.minio,
    TRUST_CONFIG: join(folder, SIGSTORE_FILES.clientTrustConfig),
    TRUSTED_ROOT: join(folder, SIGSTORE_FILES.trustedRoot),
    SIGNING_CONFIG: join(folder, SIGSTORE_FILES.signingConfig),
    AWS_REGION: REGION,
    AWS_ACCESS_KEY_ID: ROOT.accessKeyId,
    AWS_SECRET_ACCESS_KEY: ROOT.secretAccessKey,
    PYTHONWARNINGS: 'ignore',
  };
}

/** A PATH on which mlsign, cosign, model_signing, aws and the makers of roles are; the scripts are for POSIX shells. */
async function programs({ cosign, reference, ministackPython, aws }: Installed, folder: string): Promise<string> {
  await mkdir(folder);
  const mlsign = resolve(import.meta.dirname, '..', '..', 'bin', 'run.js');
  const commands = {
    mlsign: [process.execPath, mlsign],
    cosign: [cosign],
    aws: [aws],
    assume_s3_role: [process.execPath, join(import.meta.dirname, 'assume-role.ts')],
    model_signing: [reference.python, '-m', 'model_signing'],
    assume_role: [ministackPython, join(import.meta.dirname, 'assume_role.py')],
  };
  for (const [name, words] of Object.entries(commands)) {
    await writeFile(join(folder, name), `#!/bin/sh\nexec ${words.map(quoted).join(' ')} "$@"\n`, { mode: 0o755 });
  }
  return [folder, dirname(process.execPath), process.env.PATH ?? ''].join(delimiter);
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

if (import.meta.main) {
  const [, , folder] = process.argv;
  try {
    if (folder === undefined) throw new Error('usage: node test/servers/up.ts FOLDER');
    const { variables, close } = await startServers(await installAll((line) => process.stderr.write(`${line}\n`)), resolve(folder));
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, close);
    const lines = Object.entries(variables).map(([name, value]) => `export ${name}=${quoted(value)}\n`);
    await writeFile(join(resolve(folder), 'env.sh'), lines.join(''));
    process.stdout.write(`the servers run; in a shell: . ${folder}/env.sh\n`);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
    process.exitCode = 1;
  }
}
