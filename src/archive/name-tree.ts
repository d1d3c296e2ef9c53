import type { MlsignError } from '../core/index.ts';
import type { ArchiveLimits } from './limits.ts';
import { limitMet, memberRefused } from './refusals.ts';

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
  #members = 0;

  constructor(limits: ArchiveLimits) {
    this.#limits = limits;
  }

  /**
   * Takes the next member in, and the directories that it lies in.
   *
   * @throws MlsignError `archive-name-duplicate`, `archive-name-collision`, `archive-too-large`
   */
  add(name: string, kind: Kind): void {
    this.#members++;
    if (this.#members > this.#limits.members) throw limitMet('members', 'it has more members than allowed', this.#limits.members, name);
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
      return entry;
    }
    if (known.name !== path)
      throw collision(member, known.name, 'two names differ only in case or in Unicode form: elsewhere they are one');
    if (known.kind !== kind) throw collision(member, known.name, 'a file is also the directory of other members');
    return known;
  }
}

/** One form for all names that some file system takes for one. */
function fold(name: string): string {
  return PLAIN.test(name) ? name.toLowerCase() : name.normalize('NFC').toUpperCase().toLowerCase().normalize('NFC');
}

function collision(member: string, other: string, reason: string): MlsignError {
  return memberRefused('archive-name-collision', reason, { member, got: other, suggestion: 'rename one of them, and pack the model anew' });
}
