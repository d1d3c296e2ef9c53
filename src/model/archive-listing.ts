import type { Finding } from '../core/index.ts';
import { DEFAULT_IGNORED } from '../formats/index.ts';
import { huggingFaceCache } from './directory-findings.ts';
import type { WalkOptions } from './directory-source.ts';
import { isIgnored } from './ignore.ts';

const HUGGING_FACE_CACHE = '.cache/huggingface';

/** What of an archive is content of the model, by names alone: the same as of the directory that it unpacks to. */
export class ArchiveListing {
  readonly findings: Finding[] = [];
  readonly #ignored = new Set<string>();
  readonly #ignorePaths: ReadonlySet<string>;
  readonly #signed: ReadonlySet<string>;
  readonly #excluded: ReadonlySet<string>;

  constructor({ ignorePaths, excluded, signed = [] }: Omit<WalkOptions, 'allowSymlinks'>) {
    this.#ignorePaths = new Set([...DEFAULT_IGNORED, ...ignorePaths]);
    this.#signed = new Set(signed);
    this.#excluded = excluded;
  }

  /** Ignored paths that there are. */
  get ignored(): readonly string[] {
    return [...this.#ignored];
  }

  /** Whether a file is content. */
  isContent(name: string): boolean {
    if (this.#excluded.has(name)) return false;
    return this.#signed.has(name) || this.#ignorePath(name) === undefined;
  }

  /** Whether a file is one that git keeps for itself. */
  isOfGit(name: string): boolean {
    return isIgnored(name, []);
  }

  /** Tells of a member that is, or leads to, what is ignored. */
  note(name: string, kind: 'file' | 'directory'): void {
    if (this.#excluded.has(name)) return;
    const ignored = this.#ignorePath(name);
    const isSignedFile = kind === 'file' && ignored === name && this.#signed.has(name);
    if (ignored !== undefined && !isSignedFile) this.#ignored.add(ignored);
    const isCache = name === HUGGING_FACE_CACHE || name.startsWith(`${HUGGING_FACE_CACHE}/`);
    if (isCache && ignored === undefined && this.findings.length === 0) this.findings.push(huggingFaceCache(HUGGING_FACE_CACHE));
  }

  /** The ignored path that a name is, or lies in. */
  #ignorePath(name: string): string | undefined {
    for (let end = name.indexOf('/'); end !== -1; end = name.indexOf('/', end + 1)) {
      const above = name.slice(0, end);
      if (this.#ignorePaths.has(above)) return above;
    }
    return this.#ignorePaths.has(name) ? name : undefined;
  }
}
