import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * The files to sign with, among those that `certificates.py` made in a folder: a key by its curve, or a certificate set.
 * The reference cannot sign with an empty chain, so it is then given the root.
 */
export async function signingKey(
  folder: string,
  key: string | undefined,
  set: string | undefined,
): Promise<{ key: string; certificate?: string; chain?: readonly string[] }> {
  if (set === undefined) return { key: join(folder, `${key}.pem`) };
  const chain = join(folder, set, 'chain.pem');
  const empty = (await readFile(chain, 'utf8')) === '';
  return {
    key: join(folder, set, 'key.pem'),
    certificate: join(folder, set, 'leaf.pem'),
    chain: [empty ? join(folder, set, 'root.pem') : chain],
  };
}
