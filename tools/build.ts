import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, glob, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Plugin } from '@oclif/core';
import { build } from 'esbuild';
import { lazyOclif } from './lazy-oclif.ts';
import { thirdPartyNotices } from './notices.ts';

const root = join(import.meta.dirname, '..');

const NOTICES = 'dist/THIRD-PARTY-NOTICES.txt';

/** What bundled CommonJS code needs in an ES module. */
const COMMONJS = `import { createRequire as $createRequire } from 'node:module';
const require = $createRequire(import.meta.url), __filename = import.meta.filename, __dirname = import.meta.dirname;`;

await Promise.all([bundle(), declarations()]);
await commandManifest();
await chmod(join(root, 'bin/run.js'), 0o755);

/** Bundles library, commands and worker into `dist/`: what they share goes into chunks beside them, and each command loads only what it needs. */
async function bundle(): Promise<void> {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: {
      index: 'src/index.ts',
      main: 'src/cli/main.ts',
      help: 'src/cli/help.ts',
      worker: 'src/digest/worker.ts',
      's3-hash-worker': 'src/store/s3-hash-worker.ts',
      ...(await commands('commands', '.ts')),
      ...(await commands('node_modules/@oclif/plugin-autocomplete/lib/commands', '.js')),
    },
    outdir: 'dist',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    // With CommonJS behind import() esbuild's splitting loses the names: the AWS SDK is taken in its ESM form.
    mainFields: ['module', 'main'],
    target: 'node22',
    metafile: true,
    plugins: [lazyOclif],
    // oclif would load semver at every start to compare the Node version, which bin/run.js has done.
    define: { 'process.env.OCLIF_DISABLE_ENGINE_WARNING': '"1"' },
    banner: { js: COMMONJS },
    legalComments: 'none',
    logLevel: 'warning',
  });
  await writeFile(join(root, NOTICES), await thirdPartyNotices(root, metafile));
  await removeOthers(new Set([...Object.keys(metafile.outputs), NOTICES]));
}

/** Removes what an earlier build left; emptying the folder first would break a command that runs meanwhile. */
async function removeOthers(written: ReadonlySet<string>): Promise<void> {
  for await (const file of glob('dist/**/*.*', { cwd: root, exclude: ['dist/types/**'] })) {
    if (!written.has(file.replaceAll('\\', '/'))) await rm(join(root, file));
  }
}

/** Entry points `commands/…` for each file in a folder of commands. */
async function commands(folder: string, extension: string): Promise<Record<string, string>> {
  const entries: Record<string, string> = {};
  for await (const file of glob(`**/*${extension}`, { cwd: join(root, folder), exclude: ['**/*.d.ts'] })) {
    entries[`commands/${file.slice(0, -extension.length)}`] = join(root, folder, file);
  }
  return entries;
}

/** Writes the types of the library. */
async function declarations(): Promise<void> {
  await rm(join(root, 'dist/types'), { recursive: true, force: true });
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const run = spawn(process.execPath, [tsc, '-p', 'tools/tsconfig.types.json'], { cwd: root, stdio: 'inherit' });
  const [code] = await once(run, 'exit');
  if (code !== 0) throw new Error('tsc failed');
}

/** Paragraphs as lines: the source breaks them where its own lines end, and help where the terminal's do. */
function unwrapped(text: string): string {
  return text.replaceAll(/(?<=\S)\n(?=\S)/g, ' ');
}

/** Writes `oclif.manifest.json`, from which help, completion and the start of a command are served without loading any. */
async function commandManifest(): Promise<void> {
  const pjson = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  const plugin = new Plugin({ root, pjson, isRoot: true, ignoreManifest: true, errorOnManifestCreate: true, respectNoCacheDefault: true });
  await plugin.load();
  for (const command of Object.values(plugin.manifest.commands)) {
    if (command.description !== undefined) command.description = unwrapped(command.description);
  }
  await writeFile(join(root, 'oclif.manifest.json'), `${JSON.stringify(plugin.manifest, null, 2)}\n`);
}
