import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** A temporary directory for one suite. */
export class Sandbox {
  readonly root = mkdtempSync(join(tmpdir(), 'mlsign-test-'));

  /** A path inside it. */
  path(...parts: readonly string[]): string {
    return join(this.root, ...parts);
  }

  /** Writes files below a directory of it: names with `/` to contents. */
  write(directory: string, files: Readonly<Record<string, string | Uint8Array>>): string {
    mkdirSync(this.path(directory), { recursive: true });
    for (const [name, content] of Object.entries(files)) {
      const path = this.path(directory, ...name.split('/'));
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, content);
    }
    return this.path(directory);
  }

  /** Copies one directory of it to another. */
  copy(from: string, to: string): string {
    cpSync(this.path(from), this.path(to), { recursive: true, verbatimSymlinks: true });
    return this.path(to);
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
