import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cp, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PEOPLE, type Person, policyFile } from './policies.ts';
import { Shell } from './shell.ts';

/** The folder in which the pipeline works, and a copy of it from which every attack begins. */
export class Workshop {
  readonly folder: string;
  readonly shell: Shell;
  readonly #copy: string;

  constructor(root: string) {
    // Attacks happen in the same place: what is signed names it.
    this.folder = join(root, 'acme');
    this.#copy = join(root, 'acme-before');
    this.shell = new Shell(this.folder);
  }

  path(...names: readonly string[]): string {
    return join(this.folder, ...names);
  }

  read(...names: readonly string[]): string {
    return readFileSync(this.path(...names), 'utf8');
  }

  write(name: string, content: string | Uint8Array): void {
    writeFileSync(this.path(name), content);
  }

  remove(name: string): void {
    rmSync(this.path(name));
  }

  /** Makes this machine one that has seen no channel and no list yet. */
  forget(): void {
    rmSync(this.shell.state, { recursive: true });
  }

  /** Gives everybody a key of their own. */
  async employ(): Promise<void> {
    await mkdir(this.path('keys'), { recursive: true });
    for (const person of PEOPLE) this.shell.quietly('keygen', key(person));
  }

  /** Writes a policy that knows these people. */
  policy(name: string, people: readonly Person[], rules: string): void {
    this.write(name, policyFile(new Map(people.map((person) => [person, this.read(publicKey(person))])), rules));
  }

  /** Keeps everything as it is now. */
  async keep(): Promise<void> {
    await cp(this.folder, this.#copy, { recursive: true, preserveTimestamps: true });
  }

  /** Makes everything as it was kept. */
  async restore(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
    await cp(this.#copy, this.folder, { recursive: true, preserveTimestamps: true });
  }
}

export function key(person: Person): string {
  return `keys/${person}.key`;
}

export function publicKey(person: Person): string {
  return `${key(person)}.pub`;
}
