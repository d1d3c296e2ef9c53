import type { MlsignError } from '../core/index.ts';
import type { ArchiveLimits } from './limits.ts';
import { limitMet, memberRefused } from './refusals.ts';

/** The most characters of all paths together, which are kept until the end. */
export const MAX_PATH_CHARACTERS = 32 * 1024 * 1024;

type Kind = 'file' | 'directory';

interface Known {
  readonly name: string;
  readonly kind: Kind;
  /** Whether it has a member of its own; otherwise it is only on the way to one. */
  isMember: boolean;
}

/** Printable ASCII: one case conversion folds it. */
const PLAIN = /^[\x20-\x7e]*$/u;

/** The names of an archive so far: each once, on every file system. */
export class NameTree {
  readonly #limits: ArchiveLimits;
  /** By folded path. */
  readonly #known = new Map<string, Known>();
  #characters = 0;

  constructor(limits: ArchiveLimits) {
    this.#limits = limits;
  }

  /**
   * Takes the next member in, and the directories that it lies in.
   *
   * @throws MlsignError `archive-name-duplicate`, `archive-name-collision`, `archive-too-large`
   */
  add(name: string, kind: Kind): void {
    let depth = 0;
    for (let end = name.indexOf('/'); end !== -1; end = name.indexOf('/', end + 1)) {
      if (++depth > this.#limits.depth) throw limitMet('depth', 'a member lies deeper than allowed', this.#limits.depth, name);
      this.#enter(name.slice(0, end), 'directory', name);
    }
    const known = this.#enter(name, kind, name);
    if (known.isMember) {
      throw memberRefused(
        'archive-name-duplicate',
        'two members have one name, and of them some readers take the first and others the last',
        {
          member: name,
        },
      );
    }
    known.isMember = true;
  }

  #enter(path: string, kind: Kind, member: string): Known {
    const key = fold(path);
    const known = this.#known.get(key);
    if (known === undefined) {
      const entry: Known = { name: path, kind, isMember: false };
      this.#known.set(key, entry);
      this.#characters += path.length;
      // Directories count where they have no member of their own, too: each has to be made, and remembered.
      const { members } = this.#limits;
      if (this.#known.size > members) throw limitMet('members', 'it has more files and directories than allowed', members, member);
      if (this.#characters > MAX_PATH_CHARACTERS) {
        throw memberRefused('archive-too-large', 'the names of its members are longer in all than mlsign keeps', {
          member,
          expected: `at most ${MAX_PATH_CHARACTERS} characters`,
        });
      }
      return entry;
    }
    if (known.name !== path)
      throw collision(
        member,
        known.name,
        'two names differ only in case, in Unicode form or in what some file systems pass over: elsewhere they are one',
      );
    if (known.kind !== kind) throw collision(member, known.name, 'a file is also the directory of other members');
    return known;
  }
}

/**
 * One form for all names that some file system takes for one: HFS+ passes over what is invisible, Windows over dots and spaces at
 * the end of a segment and over the name of a stream.
 */
function fold(name: string): string {
  if (PLAIN.test(name)) return (WINDOWS.test(name) ? name.replace(WINDOWS_ALL, '') : name).toLowerCase();
  const visible = name.replace(INVISIBLE, '').replace(WINDOWS_ALL, '');
  return visible.normalize('NFC').toUpperCase().toLowerCase().normalize('NFC');
}

const INVISIBLE = /\p{Default_Ignorable_Code_Point}/gu;
const WINDOWS = /[. ](?:\/|$)|:/u;
const WINDOWS_ALL = /(?::[^/]*|[. ]+)(?=\/|$)/gu;

function collision(member: string, other: string, reason: string): MlsignError {
  return memberRefused('archive-name-collision', reason, { member, got: other, suggestion: 'rename one of them, and pack the model anew' });
}
