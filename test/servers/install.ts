/** Installs what the integration suite runs against, once, into the cache folder: `node test/servers/install.ts`. */
import { dirname, join } from 'node:path';
import { installReference, type Reference } from '../interop/reference.ts';
import { GO_PROGRAMS, installGoProgram } from './go.ts';
import { installEnvironment } from './python.ts';

/** Where everything was installed. */
export interface Installed {
  readonly fulcio: string;
  readonly timestampServer: string;
  readonly rekor: string;
  readonly cosign: string;
  readonly minio: string;
  readonly versitygw: string;
  /** The interpreter of the environment that ministack is in. */
  readonly ministackPython: string;
  /** The command line of AWS, which knows nothing of mlsign. */
  readonly aws: string;
  readonly reference: Reference;
}

/**
 * Installs every server and client of the integration suite.
 *
 * @param say is told what is done, for it can take long
 * @throws Error in words, naming what the machine lacks
 */
export async function installAll(say: (line: string) => void): Promise<Installed> {
  const timed = async <T>(what: string, install: () => Promise<T>): Promise<T> => {
    const started = performance.now();
    const result = await install();
    const seconds = Math.round((performance.now() - started) / 1000);
    if (seconds > 0) say(`${what}: installed in ${seconds} s`);
    return result;
  };
  const reference = await timed('model-signing', installReference);
  const ministackPython = await timed('ministack', () => installRequirements('ministack', '1.5.33'));
  const aws = join(dirname(await timed('awscli', () => installRequirements('awscli', '1.46.0'))), 'aws');
  // One after the other: they share most of what they are built from.
  const build = (key: keyof typeof GO_PROGRAMS): Promise<string> =>
    timed(`${GO_PROGRAMS[key].name} ${GO_PROGRAMS[key].version}`, () => installGoProgram(GO_PROGRAMS[key]));
  const fulcio = await build('fulcio');
  const timestampServer = await build('timestampServer');
  const rekor = await build('rekor');
  const cosign = await build('cosign');
  const minio = await build('minio');
  const versitygw = await build('versitygw');
  return { fulcio, timestampServer, rekor, cosign, minio, versitygw, ministackPython, aws, reference };
}

function installRequirements(name: string, version: string): Promise<string> {
  return installEnvironment({ name: `${name}-${version}`, requirements: join(import.meta.dirname, 'requirements', `${name}.txt`) });
}

if (import.meta.main) {
  try {
    process.stdout.write(`${JSON.stringify(await installAll((line) => process.stderr.write(`${line}\n`)), undefined, 2)}\n`);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
    process.exitCode = 1;
  }
}
