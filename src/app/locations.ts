import { readdir, realpath } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { compareCodePoints, fileError, systemErrorCode } from '../core/index.ts';
import type { Source } from '../model/index.ts';

/** The signature's name inside a model directory; never part of a manifest. */
export const SIGNATURE_NAME = 'model.sig';

/** Where a model's signature lies unless another place is named: inside a directory, beside a single file. */
export function defaultSignaturePath(source: Pick<Source, 'kind' | 'path'>): string {
  return source.kind === 'directory' ? join(source.path, SIGNATURE_NAME) : `${resolve(source.path)}.sig`;
}

/** The directory beside a model for everything else that travels with it: `<model>.mlsign`. */
export function companionDirectory(source: Pick<Source, 'path'>): string {
  return `${resolve(source.path)}.mlsign`;
}

/** The companion directory of the model that a signature is for, from where the signature goes. */
export function companionOfSignature(signature: string): string {
  const path = resolve(signature);
  const model = basename(path) === SIGNATURE_NAME ? dirname(path) : path.replace(/\.sig$/, '');
  return `${model}.mlsign`;
}

/** Further signatures of a model, from its companion directory, in name order. */
export async function companionSignatures(source: Pick<Source, 'path'>): Promise<readonly string[]> {
  const directory = companionDirectory(source);
  try {
    const names = await readdir(directory);
    return names
      .filter((name) => name.endsWith('.sig'))
      .sort(compareCodePoints)
      .map((name) => join(directory, name));
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemErrorCode(error) ?? '')) return [];
    throw fileError(error, 'list the further signatures', directory);
  }
}

/** The path relative to a model's root, with `/`, where it lies inside it. */
export function nameInside(source: Pick<Source, 'kind' | 'path'>, path: string): string | undefined {
  if (source.kind !== 'directory') return undefined;
  const name = relative(resolve(source.path), resolve(path));
  return name === '' || name === '..' || name.startsWith(`..${sep}`) || resolve(name) === name ? undefined : name.split(sep).join('/');
}

/** The names that a file has inside a model, as its path is written and without the links that lead there. It need not be there yet. */
export async function namesInside(source: Pick<Source, 'kind' | 'path'>, path: string): Promise<readonly string[]> {
  const written = resolve(path);
  const real = join(await withoutLinks(dirname(written)), basename(written));
  const root = { kind: source.kind, path: await withoutLinks(source.path) };
  return [...new Set([nameInside(source, written), nameInside(root, real)])].filter((name) => name !== undefined);
}

/** Where a path leads when all links are followed; as it is written where nothing is there. */
export function withoutLinks(path: string): Promise<string> {
  return realpath(path).catch(() => resolve(path));
}
