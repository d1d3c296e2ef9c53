import { createHash } from 'node:crypto';
import { type Manifest, sortResources } from '../formats/index.ts';

/**
 * The digest of a directory that in-toto calls `dirHash` and Go `h1:`, hex: SHA-256 over a line `<sha256>  <name>` a file, in
 * byte order of the names. Undefined where the manifest is not of whole files in SHA-256.
 */
export function dirHash({ serialization: { method, hashType }, resources }: Manifest): string | undefined {
  // "." stands for a model that is one file, whose name it does not give.
  if (method !== 'files' || hashType !== 'sha256' || resources.some(({ name }) => name === '.')) return undefined;
  const hash = createHash('sha256');
  for (const { name, digest } of sortResources(resources)) hash.update(`${digest}  ${name}\n`);
  return hash.digest('hex');
}
