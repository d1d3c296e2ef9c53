/**
 * Starts every server: `node test/servers/up.ts FOLDER`. The folder is made; `. FOLDER/env.sh` then puts the programs on the
 * PATH and says where the servers are. They run until this process is interrupted.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join, resolve } from 'node:path';
import { type Installed, installAll } from './install.ts';
import { MINISTACK_ROOT, startMinistack } from './ministack.ts';
import { SIGSTORE_FILES, startSigstore } from './sigstore.ts';
import type { SigstoreUrls } from './trust-config.ts';

/** What runs, and where. */
export interface Servers {
  readonly sigstoreFolder: string;
  readonly urls: SigstoreUrls & { readonly kms: string };
  /** For shells and programs that are told by their environment. */
  readonly variables: Readonly<Record<string, string>>;
  /** Ends all of them. */
  close(): Promise<void>;
}

/**
 * Starts a private Sigstore and an emulator of KMS, which keep their files below a new folder.
 *
 * @throws Error with the log of the server that does not start; those that did are ended
 */
export async function startServers(installed: Installed, folder: string): Promise<Servers> {
  await mkdir(folder);
  const sigstoreFolder = join(folder, 'sigstore');
  const sigstore = await startSigstore(installed, sigstoreFolder);
  try {
    const ministack = await startMinistack(installed, join(folder, 'ministack'));
    const urls = { ...sigstore.urls, kms: ministack.url };
    const variables = { ...variablesOf(sigstoreFolder, urls), PATH: await programs(installed, join(folder, 'bin')) };
    const close = async (): Promise<void> => {
      await ministack.close();
      await sigstore.close();
    };
    return { sigstoreFolder, urls, variables, close };
  } catch (error) {
    await sigstore.close();
    throw error;
  }
}

function variablesOf(folder: string, urls: Servers['urls']): Readonly<Record<string, string>> {
  return {
    ISSUER: urls.issuer,
    TIMESTAMP_URL: `${urls.timestamp}/api/v1/timestamp`,
    KMS_URL: urls.kms,
    TRUST_CONFIG: join(folder, SIGSTORE_FILES.clientTrustConfig),
    TRUSTED_ROOT: join(folder, SIGSTORE_FILES.trustedRoot),
    SIGNING_CONFIG: join(folder, SIGSTORE_FILES.signingConfig),
    AWS_REGION: 'eu-central-1',
    AWS_ACCESS_KEY_ID: MINISTACK_ROOT.accessKeyId,
    AWS_SECRET_ACCESS_KEY: MINISTACK_ROOT.secretAccessKey,
    PYTHONWARNINGS: 'ignore',
  };
}

/** A PATH on which mlsign, cosign, model_signing and `assume_role.py` are; the scripts are for POSIX shells. */
async function programs({ cosign, reference, ministackPython }: Installed, folder: string): Promise<string> {
  await mkdir(folder);
  const mlsign = resolve(import.meta.dirname, '..', '..', 'bin', 'run.js');
  const commands = {
    mlsign: [process.execPath, mlsign],
    cosign: [cosign],
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
