import { lstatSync, readdirSync, readlinkSync, realpathSync, type Stats, statSync } from 'node:fs';
import { join, sep } from 'node:path';
import { decodeUtf8, type Finding, fileError, systemErrorCode } from '../core/index.ts';
import { type FileToHash, identityOf } from '../digest/index.ts';
import { checkResourceName, DEFAULT_IGNORED } from '../formats/index.ts';
import {
  huggingFaceCache,
  linkBroken,
  linkCycle,
  linkOutside,
  linkRefused,
  nameCollision,
  nameInvalid,
  specialFile,
  tooManyLinks,
  unreadable,
} from './directory-findings.ts';

/** A file of a model as it was listed. */
export interface ListedFile extends FileToHash {
  /** Relative to the model, `/` between segments. */
  readonly name: string;
}

/** What of a directory is listed. */
export interface WalkOptions {
  readonly allowSymlinks: boolean;
  /** Names of files and directories that are left out, and told of. Those ignored by default at the root are, too. */
  readonly ignorePaths: readonly string[];
  /** Names of files that are left out, and not told of: signatures. */
  readonly excluded: ReadonlySet<string>;
  /** Names of files that are listed even inside an ignored path: older signers signed what they should have left out. */
  readonly signed?: Iterable<string> | undefined;
}

interface Directory {
  /** `` for the root, else with `/` at the end. */
  readonly prefix: string;
  readonly path: string;
  /** Without links, and that of every directory on the way, so that a link back is seen; known only where links are followed. */
  readonly real: string;
  readonly parent: Directory | undefined;
  /** Whether it is ignored but for the signed files inside. */
  readonly ignored: boolean;
}

/** Plain names need no closer look: printable ASCII without backslash and colon. */
const PLAIN = /^[\x20-\x39\x3b-\x5b\x5d-\x7e]+$/u;
const HUGGING_FACE_CACHE = '.cache/huggingface';
/** Links to directories multiply: forty directories with two links each already make 2⁴⁰ paths. */
const MOST_LINKED_DIRECTORIES = 1000;

/**
 * Lists the files of a directory tree, and what stands in the way. It works synchronously, as that is several times
 * faster: consumers take a pause now and then between files.
 */
export class DirectoryWalk {
  readonly findings: Finding[] = [];
  /** Ignored paths that exist. */
  readonly ignored: string[] = [];
  readonly #root: string;
  readonly #realRoot: string;
  readonly #options: WalkOptions;
  readonly #ignorePaths: ReadonlySet<string>;
  readonly #signedInIgnored: ReadonlySet<string>;
  #linkedDirectories = 0;

  constructor(root: string, options: WalkOptions) {
    this.#root = root;
    this.#realRoot = realpathSync(root);
    this.#options = options;
    this.#ignorePaths = new Set([...DEFAULT_IGNORED, ...options.ignorePaths]);
    this.#signedInIgnored = withParents(options.signed ?? [], this.#ignorePaths);
  }

  /** Every file, in no order to rely on. */
  *files(): Generator<ListedFile> {
    const directories: Directory[] = [{ prefix: '', path: this.#root, real: this.#realRoot, parent: undefined, ignored: false }];
    for (let directory = directories.pop(); directory !== undefined; directory = directories.pop()) {
      for (const entry of this.#entries(directory)) {
        const found = this.#look(directory, entry);
        if (found === undefined) continue;
        if ('prefix' in found) directories.push(found);
        else yield found;
      }
    }
  }

  /** The names in a directory that are neither ignored nor impossible. */
  #entries(directory: Directory): readonly string[] {
    let entries: readonly string[];
    try {
      entries = readdirSync(directory.path);
    } catch (error) {
      const subject = directory.prefix === '' ? '.' : directory.prefix.slice(0, -1);
      this.findings.push(unreadable(subject, fileError(error, 'list the directory', directory.path)));
      return [];
    }
    // A replacement character stands for bytes that are not UTF-8, or for itself.
    if (entries.some((entry) => entry.includes('\ufffd'))) entries = this.#withoutInvalid(directory, entries);
    // In order, so that little is left to sort when all have been hashed and the other cores have nothing to do.
    const kept = entries.filter((entry) => this.#isKept(directory.prefix + entry, directory.ignored)).sort();
    this.#compareNames(directory, kept);
    return kept;
  }

  #withoutInvalid({ prefix, path }: Directory, entries: readonly string[]): readonly string[] {
    const valid = new Set<string>();
    for (const bytes of readdirSync(path, { encoding: 'buffer' })) {
      const entry = decodeUtf8(bytes);
      if (entry !== undefined) valid.add(entry);
      else this.findings.push(nameInvalid(prefix + bytes.toString('utf8'), 'is not valid UTF-8'));
    }
    return entries.filter((entry) => valid.has(entry));
  }

  #isKept(name: string, insideIgnored: boolean): boolean {
    if (this.#options.excluded.has(name)) return false;
    if (insideIgnored) return this.#signedInIgnored.has(name);
    if (this.#ignorePaths.has(name)) {
      if (this.#signedInIgnored.has(name)) return true;
      this.ignored.push(name);
      return false;
    }
    const reason = PLAIN.test(name) ? undefined : checkResourceName(name);
    if (reason !== undefined) this.findings.push(nameInvalid(name, reason));
    return reason === undefined;
  }

  /** Where two paths collide, two names in one directory do. */
  #compareNames({ prefix }: Directory, entries: readonly string[]): void {
    const seen = new Map<string, string>();
    for (const entry of entries) {
      const folded = fold(entry);
      const other = seen.get(folded);
      if (other === undefined) seen.set(folded, entry);
      else this.findings.push(nameCollision(prefix + entry, prefix + other));
    }
  }

  #look(directory: Directory, entry: string): ListedFile | Directory | undefined {
    const name = directory.prefix + entry;
    const path = directory.path.endsWith(sep) ? directory.path + entry : directory.path + sep + entry;
    let stats: Stats;
    try {
      stats = lstatSync(path);
    } catch (error) {
      this.findings.push(unreadable(name, fileError(error, 'read the file', path)));
      return undefined;
    }
    if (stats.isFile()) return { name, path, identity: identityOf(stats) };
    if (stats.isDirectory()) {
      if (name === HUGGING_FACE_CACHE) this.findings.push(huggingFaceCache(name));
      return { prefix: `${name}/`, path, real: join(directory.real, entry), parent: directory, ignored: this.#isIgnored(directory, name) };
    }
    if (stats.isSymbolicLink()) return this.#link(directory, name, path);
    this.findings.push(specialFile(name));
    return undefined;
  }

  #link(directory: Directory, name: string, path: string): ListedFile | Directory | undefined {
    if (!this.#options.allowSymlinks) {
      this.findings.push(linkRefused(name, targetOf(path)));
      return undefined;
    }
    let stats: Stats;
    let real: string;
    try {
      stats = statSync(path);
      real = realpathSync(path);
    } catch (error) {
      this.findings.push(brokenLink(error, name, path));
      return undefined;
    }
    if (!isInside(real, this.#realRoot)) this.findings.push(linkOutside(name, real));
    if (stats.isFile()) return { name, path, identity: identityOf(stats), followLink: true };
    if (stats.isDirectory())
      return this.#linkedDirectory({ prefix: `${name}/`, path, real, parent: directory, ignored: this.#isIgnored(directory, name) }, name);
    this.findings.push(specialFile(name));
    return undefined;
  }

  /** Whether a directory that is entered is so only for the signed files inside. */
  #isIgnored(parent: Directory, name: string): boolean {
    if (parent.ignored) return true;
    if (!this.#ignorePaths.has(name)) return false;
    this.ignored.push(name);
    return true;
  }

  #linkedDirectory(linked: Directory, name: string): Directory | undefined {
    for (let above = linked.parent; above !== undefined; above = above.parent) {
      if (above.real !== linked.real) continue;
      this.findings.push(linkCycle(name, linked.real));
      return undefined;
    }
    this.#linkedDirectories++;
    if (this.#linkedDirectories <= MOST_LINKED_DIRECTORIES) return linked;
    if (this.#linkedDirectories === MOST_LINKED_DIRECTORIES + 1) this.findings.push(tooManyLinks(name, MOST_LINKED_DIRECTORIES));
    return undefined;
  }
}

/** Those names that are ignored paths or lie inside one, with the directories on the way to them. */
function withParents(names: Iterable<string>, ignorePaths: ReadonlySet<string>): ReadonlySet<string> {
  const found = new Set<string>();
  for (const name of names) {
    let isInIgnored = false;
    const parts: string[] = [];
    for (let end = name.length; end > 0; end = name.lastIndexOf('/', end - 1)) {
      const part = name.slice(0, end);
      parts.push(part);
      isInIgnored ||= ignorePaths.has(part);
    }
    if (isInIgnored) for (const part of parts) found.add(part);
  }
  return found;
}

function brokenLink(error: unknown, name: string, path: string): Finding {
  switch (systemErrorCode(error)) {
    case 'ENOENT':
    case 'ENOTDIR':
      return linkBroken(name, targetOf(path));
    case 'ELOOP':
      return linkCycle(name, targetOf(path));
    default:
      return unreadable(name, fileError(error, 'follow the symbolic link', path));
  }
}

function targetOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

function isInside(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory.endsWith(sep) ? directory : directory + sep);
}

/** One form for all names that some file system takes for one. */
function fold(name: string): string {
  return PLAIN.test(name) ? name.toLowerCase() : name.normalize('NFC').toUpperCase().toLowerCase().normalize('NFC');
}
