import { join } from 'node:path';
import { installEnvironment } from '../servers/python.ts';

/** The release of the reference implementation that the suite runs against. */
export const CURRENT = '1.1.1';

/** Older releases, installed only to make fixtures. */
export const OLDER = ['1.0.1', '1.0.0', '0.3.1', '0.2.0'] as const;

/** An installed release of the Python reference implementation `model-signing`. */
export interface Reference {
  readonly version: string;
  /** Its Python interpreter. */
  readonly python: string;
}

/**
 * Installs a release of the reference implementation from PyPI, once: `test/servers/python.ts`.
 *
 * @throws Error in words when there is no Python 3 or an installation fails
 */
export async function installReference(version: string = CURRENT): Promise<Reference> {
  const requirements = join(import.meta.dirname, 'requirements', version === CURRENT ? 'current.txt' : 'older.txt');
  const packages = [`model-signing==${version}`];
  return { version, python: await installEnvironment({ name: `reference-${version}`, requirements, packages }) };
}
