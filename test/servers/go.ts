import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { cacheFolder, isComplete, markComplete, runStep } from './cache.ts';

/** A program that is built from a Go module at a pinned version. */
export interface GoProgram {
  readonly name: string;
  readonly package: string;
  /** The newest that Go 1.26 builds. */
  readonly version: string;
  /** What `go install` calls the binary. */
  readonly binary: string;
}

/** The servers of Sigstore and its own client, and two of S3. */
export const GO_PROGRAMS = {
  fulcio: { name: 'fulcio', package: 'github.com/sigstore/fulcio', version: 'v1.8.8', binary: 'fulcio' },
  timestampServer: {
    name: 'timestamp-server',
    package: 'github.com/sigstore/timestamp-authority/v2/cmd/timestamp-server',
    version: 'v2.1.3',
    binary: 'timestamp-server',
  },
  rekor: {
    name: 'rekor-tiles-posix',
    package: 'github.com/sigstore/rekor-tiles/v2/cmd/rekor-server/posix',
    version: 'v2.3.0',
    binary: 'posix',
  },
  cosign: { name: 'cosign', package: 'github.com/sigstore/cosign/v3/cmd/cosign', version: 'v3.1.3', binary: 'cosign' },
  minio: { name: 'minio', package: 'github.com/minio/minio', version: 'v0.0.0-20260212201848-7aac2a2c5b7c', binary: 'minio' },
  versitygw: { name: 'versitygw', package: 'github.com/versity/versitygw/cmd/versitygw', version: 'v1.8.0', binary: 'versitygw' },
} as const satisfies Record<string, GoProgram>;

const GO_MINIMUM = [1, 26] as const;

/**
 * Builds a program in the cache folder, once, through the module proxy that the machine is set up with; minutes, when nothing of it was built before.
 *
 * @returns the path of the binary
 * @throws Error in words when there is no Go, an older one, or a build fails
 */
export async function installGoProgram(program: GoProgram): Promise<string> {
  const home = join(cacheFolder(), `${program.name}-${program.version}`);
  const binary = join(home, process.platform === 'win32' ? `${program.binary}.exe` : program.binary);
  if (isComplete(home)) return binary;

  await checkGo();
  const building = `${home}.${randomUUID()}`;
  try {
    await mkdir(building, { recursive: true });
    await runStep('go', ['install', `${program.package}@${program.version}`], `build ${program.name} ${program.version}`, {
      ...process.env,
      GOBIN: building,
      GOFLAGS: '-trimpath',
      // The version that is here, or an error: no other toolchain is fetched. Without cgo no C compiler is needed.
      GOTOOLCHAIN: 'local',
      CGO_ENABLED: '0',
      GOMAXPROCS: String(Math.max(1, availableParallelism() - 1)),
    });
    await markComplete(building, `${program.package}@${program.version}`);
    await publish(building, home);
  } finally {
    await rm(building, { recursive: true, force: true });
  }
  return binary;
}

async function publish(built: string, home: string): Promise<void> {
  try {
    await rename(built, home);
  } catch (error) {
    // Another run was faster.
    if (!isComplete(home)) throw error;
  }
}

async function checkGo(): Promise<void> {
  const needed = `Go ${GO_MINIMUM.join('.')} or later as go on the PATH, to build the servers (https://go.dev/dl)`;
  let found: string;
  try {
    found = (await runStep('go', ['env', 'GOVERSION'], 'run go', { ...process.env, GOTOOLCHAIN: 'local' })).trim();
  } catch (error) {
    throw new Error(`this needs ${needed}`, { cause: error });
  }
  const [, major = 0, minor = 0] = (/^go(\d+)\.(\d+)/.exec(found) ?? []).map(Number);
  if (major < GO_MINIMUM[0] || (major === GO_MINIMUM[0] && minor < GO_MINIMUM[1]))
    throw new Error(`this needs ${needed}, and found ${found}`);
}
