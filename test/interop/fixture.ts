import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type Link, writeModel } from './models.ts';

/** Models, certificates and bundles made by the reference implementation (`fixtures/interop/README.md`). */
export const FIXTURES = join(import.meta.dirname, '..', '..', 'fixtures', 'interop');

/** One bundle made by the reference implementation, and what must come of verifying it now. Paths are relative to {@link FIXTURES}. */
export interface FixtureCase {
  readonly name: string;
  /** The release that signed. */
  readonly by: string;
  readonly bundle: string;
  readonly model: string;
  readonly trust: { readonly key: string } | { readonly roots: string };
  /** Files and links that the model has besides; some could not be kept in a repository. */
  readonly add?: readonly { readonly path: string; readonly text: string }[];
  readonly links?: readonly Link[];
  readonly allowSymlinks?: boolean;
  readonly allowLegacy?: boolean;
  readonly verdict: 'verified' | 'rejected';
  /** The codes of our findings where it is rejected. */
  readonly codes?: readonly string[];
  /** What the current release of the reference makes of the same: `accepts`, or its error. */
  readonly reference: string;
  readonly note?: string;
}

/** Every case of `cases.json`. */
export async function fixtureCases(): Promise<readonly FixtureCase[]> {
  return JSON.parse(await readFile(join(FIXTURES, 'cases.json'), 'utf8'));
}

/** Copies the model of a case into a folder, with what it has besides; returns the path of the model. */
export async function prepareModel(fixture: FixtureCase, folder: string): Promise<string> {
  const model = join(folder, basename(fixture.model));
  await mkdir(folder, { recursive: true });
  await cp(join(FIXTURES, fixture.model), model, { recursive: true });
  for (const { path, text } of fixture.add ?? []) {
    await mkdir(dirname(join(model, path)), { recursive: true });
    await writeFile(join(model, path), text);
  }
  await writeModel(fixture.links === undefined ? folder : model, new Map(), fixture.links);
  return model;
}
