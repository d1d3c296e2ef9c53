import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { type ImportSite, importsOf } from './helpers/imports.ts';

const root = join(import.meta.dirname, '..');

/** What each room may import (docs: ARCHITECTURE, §3), in the order of the house: nothing imports a room below its own. */
const ROOMS: Readonly<Record<string, { readonly rooms: string; readonly packages?: string; readonly cloud?: true }>> = {
  core: { rooms: '' },
  filetypes: { rooms: 'core' },
  digest: { rooms: 'core filetypes', packages: 'hash-wasm' },
  formats: { rooms: 'core', packages: '@noble/curves' },
  model: { rooms: 'core filetypes digest formats' },
  archive: { rooms: 'core digest model', packages: 'tar-stream' },
  aws: { rooms: 'core', cloud: true },
  store: { rooms: 'core digest model aws', cloud: true },
  sign: { rooms: 'core formats aws', cloud: true },
  policy: { rooms: 'core filetypes formats', packages: 'yaml' },
  verify: { rooms: 'core formats aws policy', packages: 'pkijs asn1js', cloud: true },
  release: { rooms: 'core formats model store sign policy verify' },
  lineage: { rooms: 'core formats model store sign policy verify release' },
  gate: { rooms: 'core filetypes digest formats model archive store sign policy verify release lineage' },
  audit: { rooms: 'core aws', cloud: true },
  report: { rooms: 'core' },
  app: { rooms: 'core filetypes digest formats model archive aws store sign policy verify release lineage gate audit' },
  cli: {
    rooms: 'core filetypes digest formats model archive aws store sign policy verify release lineage gate audit report app',
    packages: '@oclif/core @inquirer/password',
  },
};

const CLOUD = /^(@aws-sdk|@smithy|@sigstore|@aws-crypto)\/|^sigstore$/;

interface SourceFile {
  /** From the root, with `/`. */
  readonly path: string;
  readonly room: string;
  readonly text: string;
  readonly imports: readonly ImportSite[];
}

function read(pattern: string): readonly SourceFile[] {
  return globSync(pattern, { cwd: root })
    .map((path) => path.replaceAll('\\', '/'))
    .sort()
    .map((path) => {
      const text = readFileSync(join(root, path), 'utf8');
      return { path, room: /^src\/([^/]+)\//.exec(path)?.[1] ?? '', text, imports: importsOf(text) };
    });
}

const sources = read('src/**/*.ts');
const commands = read('commands/**/*.ts');
const rooms = sources.filter(({ room }) => room !== '');

/** The file that a relative import names. */
function targetOf(file: SourceFile, specifier: string): string {
  return posix.join(dirname(file.path), specifier);
}

/** Where each rule is broken, one line a place. */
function breaches(files: readonly SourceFile[], rule: (file: SourceFile, site: ImportSite) => string | undefined): readonly string[] {
  return files.flatMap((file) =>
    file.imports.flatMap((site) => {
      const breach = rule(file, site);
      return breach === undefined ? [] : [`${file.path}: '${site.specifier}' ${breach}`];
    }),
  );
}

function words(text = ''): readonly string[] {
  return text.split(' ');
}

describe('the reader of imports', () => {
  it('sees every form that the sources use', () => {
    const source = `import 'a';
import b from 'b';
import { type C, c } from 'c';
import type { D } from 'd';
import {
  e,
} from 'e';
export * from 'f';
export type { G } from 'g';
// import 'no';
const h = await import('h');
const i = await import(file);
type J = import('j').J;
/* import 'no'; */
export const text = "import 'no'";`;
    const seen = importsOf(source).map(
      ({ specifier, isType, isDynamic }) => `${specifier}${isType ? ' type' : ''}${isDynamic ? ' dynamic' : ''}`,
    );
    assert.deepEqual(seen, ['a', 'b', 'c', 'd type', 'e', 'f', 'g type', 'h dynamic', '(computed) dynamic', 'j type dynamic']);
  });

  it('misses no import of the sources', () => {
    for (const { path, text, imports } of [...sources, ...commands]) {
      const lines = text.split('\n').filter((line) => /^import\b|^(export .*|\}) from '|\bimport\('/.test(line));
      assert.ok(imports.length >= lines.filter((line) => !/^import (type )?\{$/.test(line)).length, path);
    }
  });
});

describe('the house', () => {
  it('has only the rooms of the plan, each with a door', () => {
    for (const { room } of rooms) {
      assert.ok(room in ROOMS, `src/${room} is not in the plan`);
      assert.ok(existsSync(join(root, 'src', room, 'index.ts')), `src/${room}/index.ts`);
    }
  });

  it('lets each room import only the rooms above it, and report only their types', () => {
    const found = breaches(rooms, (file, { specifier, isType }) => {
      const other = /^src\/([^/]+)\//.exec(specifier.startsWith('.') ? targetOf(file, specifier) : '')?.[1];
      if (other === undefined || other === file.room) return undefined;
      if (file.room === 'report' && isType) return undefined;
      return words(ROOMS[file.room]?.rooms).includes(other) ? undefined : `is not for ${file.room}`;
    });
    assert.deepEqual(found, []);
  });

  it('goes from room to room through the doors', () => {
    const found = breaches([...sources, ...commands], (file, { specifier }) => {
      if (!specifier.startsWith('.')) return undefined;
      const target = targetOf(file, specifier);
      if (!existsSync(join(root, target))) return 'does not exist';
      if (file.room !== '' && dirname(target).startsWith(`src/${file.room}`)) return undefined;
      return /^src\/[^/]+\/index\.ts$/.test(target) ? undefined : 'passes by the door';
    });
    assert.deepEqual(found, []);
  });

  it('gives each package to the rooms that need it, and cloud SDKs to the cloud rooms when first used', () => {
    const found = breaches(rooms, (file, { specifier, isType, isDynamic }) => {
      if (specifier.startsWith('.') || specifier.startsWith('node:') || specifier === '(computed)') return undefined;
      const name = /^(@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier;
      const room = ROOMS[file.room];
      if (CLOUD.test(specifier)) return room?.cloud && (isType || isDynamic) ? undefined : `must be loaded when used, in a cloud room`;
      return words(room?.packages).includes(name) ? undefined : `is not for ${file.room}`;
    });
    assert.deepEqual(found, []);
  });

  it('computes the name of a module only where commands are loaded', () => {
    const found = breaches(sources, ({ path }, { specifier }) =>
      specifier === '(computed)' && path !== 'src/cli/main.ts' ? 'could be anything' : undefined,
    );
    assert.deepEqual(found, []);
  });

  it('has no circle of imports', () => {
    const files = new Map([...sources, ...commands].map((file) => [file.path, file]));
    const done = new Set<string>();
    const visit = (path: string, trail: readonly string[]): void => {
      assert.ok(!trail.includes(path), [...trail, path].join(' → '));
      if (done.has(path)) return;
      const file = files.get(path);
      for (const { specifier, isType } of file?.imports ?? []) {
        if (file !== undefined && !isType && specifier.startsWith('.')) visit(targetOf(file, specifier), [...trail, path]);
      }
      done.add(path);
    };
    for (const path of files.keys()) visit(path, []);
  });

  it('reads the environment, the working directory and the arguments in src/cli/wiring.ts alone', () => {
    for (const { path, text } of [...sources, ...commands]) {
      if (path === 'src/cli/wiring.ts') continue;
      assert.doesNotMatch(
        text,
        /\bprocess\s*(\.|\[')\s*(env|cwd|argv|chdir)\b|\{[^}]*\b(env|cwd|argv)\b[^}]*\}\s*=\s*process\b|'node:process'/,
        path,
      );
    }
  });

  it('tells the time by the clock that it is given', () => {
    for (const { path, text } of rooms) {
      if (path === 'src/core/clock.ts') continue;
      assert.doesNotMatch(text, /\bDate\.now\(|\bnew Date\(\)/, path);
    }
  });

  it('keeps files short enough to read: 300 lines, 80 for a command', () => {
    for (const [limit, files] of [
      [300, sources],
      [80, commands],
      [300, read('tools/*.ts')],
    ] as const) {
      for (const { path, text } of files) {
        const lines = text.split('\n').length - 1;
        assert.ok(lines <= limit, `${path} has ${lines} lines`);
      }
    }
  });

  it('silences no checker and leaves nothing to be done', () => {
    const own = 'test/architecture.test.ts';
    for (const { path, text } of [...sources, ...commands, ...read('{test,tools,bench}/**/*.ts')]) {
      if (path !== own) assert.doesNotMatch(text, /@ts-(ignore|expect-error|nocheck)|\bas unknown as\b|\bTODO\b|\bFIXME\b|\bXXX\b/, path);
    }
  });
});

describe('the repository', () => {
  it('names no machine and no registry', function () {
    if (!existsSync(join(root, '.git'))) this.skip();
    const machine =
      /(^|["'`\s=(:])\/(work|root|home\/\w+|Users\/\w+|tmp\/\w)\/|registry[.]npmjs|registry[.]yarnpkg|files[.]pythonhosted|pypi[.]org/m;
    const tracked = execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' })
      .split('\0')
      .filter((path) => path !== '');
    const found = tracked.filter((path) => existsSync(join(root, path)) && machine.test(readFileSync(join(root, path), 'latin1')));
    assert.deepEqual(found, []);
  });

  it('locks every package by its hash', () => {
    const lock: unknown = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
    assert.ok(typeof lock === 'object' && lock !== null && 'packages' in lock);
    for (const [path, entry] of Object.entries(lock.packages ?? {})) {
      if (path.includes('node_modules/') && !('link' in entry)) assert.match(String(entry.integrity), /^sha512-/, path);
    }
  });
});
