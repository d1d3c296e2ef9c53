import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';

/** The licences of every package whose code is in the bundle, as one text. */
export async function thirdPartyNotices(root: string, { outputs }: Metafile): Promise<string> {
  const inputs = Object.values(outputs).flatMap((output) => Object.keys(output.inputs));
  const folders = new Set(inputs.flatMap((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []));
  const notices = await Promise.all([...folders].sort().map((folder) => notice(join(root, folder))));
  return `mlsign contains code of these packages.\n\n${notices.join('\n')}`;
}

async function notice(folder: string): Promise<string> {
  const { name, version, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  const texts = [];
  for await (const file of glob('{LICEN[CS]E,NOTICE}*', { cwd: folder })) texts.push((await readFile(join(folder, file), 'utf8')).trim());
  return `${'='.repeat(80)}\n${name} ${version} (${license})\n\n${texts.join('\n\n')}\n`;
}
