import { closeSync, constants, fstatSync, openSync, read, readSync, type Stats } from 'node:fs';
import { lstat, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileError, refused, systemErrorCode } from '../core/index.ts';
import { type FileIdentity, identityOf } from '../digest/index.ts';
import { type FileFormat, glance, type OpenFile } from '../filetypes/index.ts';
import { DEFAULT_IGNORED } from '../formats/index.ts';
import { type HashModelOptions, type ListedFile, listModel, type PackedFile, type Source } from '../model/index.ts';
import type { FileToExamine, FormatExaminer } from './check-formats.ts';

/** Reads up to this size are made at once: from the page cache they take less than waiting for another thread. */
const SMALL_READ = 128 * 1024;
const GLANCED_BYTES = 256 * 1024;
const glanced = Buffer.allocUnsafeSlow(GLANCED_BYTES);

/** Takes a file on disk as it was listed: it is looked at only where it is still that one afterwards, as hashing demands too. */
export function examineListed(examiner: FormatExaminer, file: ListedFile): void {
  if (examiner.isNeeded) take(examiner, file, glanceAt(file));
}

/** Takes files as they are hashed, and small ones are seen then. Undefined where nothing is to be looked at. */
export function examineHashed(examiner: FormatExaminer): HashModelOptions['onFile'] {
  if (!examiner.isNeeded) return undefined;
  return (file, format) => take(examiner, file, file.part === undefined ? format : glanceAt(file));
}

function take(examiner: FormatExaminer, file: ListedFile, format: FileFormat | undefined): void {
  if (format === undefined) examiner.add(listedFile(file));
  else examiner.addPlain(file.name, format);
}

/** What a small file is, where a glance tells. What goes wrong is found again where more is looked at. */
function glanceAt(file: ListedFile): FileFormat | undefined {
  const { name, identity, part } = file;
  const { offset, size } = part ?? { offset: 0, size: identity.size };
  if (size > GLANCED_BYTES) return undefined;
  try {
    const opened = openListed(file);
    try {
      const bytes = glanced.subarray(0, size);
      const format = readSync(opened, bytes, 0, size, offset) === size ? glance(name, bytes) : undefined;
      return isSame(fstatSync(opened), identity) ? format : undefined;
    } finally {
      closeSync(opened);
    }
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    return undefined;
  }
}

async function withListed<T>(file: ListedFile, look: (file: OpenFile) => Promise<T>): Promise<T> {
  const { name, path, identity, part } = file;
  const { offset, size } = part ?? { offset: 0, size: identity.size };
  try {
    const opened = openListed(file);
    try {
      if (!isSame(fstatSync(opened), identity)) throw changed(name);
      const readInto = async (buffer: Buffer, at: number): Promise<number> => {
        const length = Math.max(0, Math.min(buffer.length, size - at));
        let done = 0;
        while (done < length) {
          const [wanted, place] = [length - done, offset + at + done];
          const bytes =
            wanted > SMALL_READ ? await readAsync(opened, buffer, done, wanted, place) : readSync(opened, buffer, done, wanted, place);
          if (bytes === 0) break;
          done += bytes;
        }
        return done;
      };
      const seen = await look(openedFile(name, size, readInto));
      if (!isSame(fstatSync(opened), identity)) throw changed(name);
      return seen;
    } finally {
      closeSync(opened);
    }
  } catch (error) {
    throw fileError(error, 'look at the file', path);
  }
}

function openListed({ path, followLink = false }: ListedFile): number {
  return openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (followLink ? 0 : (constants.O_NOFOLLOW ?? 0)));
}

function readAsync(file: number, into: Buffer, offset: number, length: number, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    read(file, into, offset, length, position, (error, bytes) => {
      if (error === null) resolve(bytes);
      else reject(error);
    });
  });
}

/** A file as it was listed. */
export function listedFile(file: ListedFile): FileToExamine {
  return { name: file.name, use: (look) => withListed(file, look) };
}

/** A file in a compressed archive. */
export function packedFile(name: string, file: PackedFile): FileToExamine {
  return { name, use: (look) => file.lend((readInto) => look(openedFile(name, file.size, readInto))) };
}

/** Collects the files of an archive as they are listed, to be opened. */
export function collectTo(files: FileToExamine[]): Required<Pick<HashModelOptions, 'onFile' | 'onPacked'>> {
  return {
    onFile: (file) => files.push(listedFile(file)),
    onPacked: (name, file) => files.push(packedFile(name, file)),
  };
}

/** Reads of one file, wherever it lies. */
export function openedFile(path: string, size: number, readInto: OpenFile['readInto']): OpenFile {
  return {
    path,
    size,
    readInto,
    read: async (offset, length) => {
      const buffer = Buffer.allocUnsafe(Math.max(0, Math.min(length, size - offset)));
      return buffer.subarray(0, await readInto(buffer, offset));
    },
  };
}

/**
 * Looks at what lies in ignored paths: nobody signed it, and a loader may read it all the same, links and what they lead to
 * included. What git keeps for itself is left out.
 */
export async function examineIgnored(source: Source, ignored: readonly string[], examiner: FormatExaminer): Promise<void> {
  if (!examiner.isNeeded) return;
  for (const name of ignored) {
    if (source.kind === 'archive' && !DEFAULT_IGNORED.includes(name)) continue;
    if (DEFAULT_IGNORED.includes(name)) {
      examiner.leave(name);
      continue;
    }
    const path = join(source.path, ...name.split('/'));
    const stats = await stat(path).catch(() => undefined);
    if (stats?.isFile()) examineListed(examiner, { name, path, identity: identityOf(stats), followLink: true });
    else if (stats?.isDirectory()) await examineTree({ path, name }, examiner);
    // A pipe gives each reader what its writer likes, and a link that leads nowhere may lead somewhere when it is loaded.
    else examiner.miss(name, 'it is neither a file nor a directory, or cannot be read');
  }
}

/** Looks at files that nobody else writes to: those that were staged and verified. */
export async function examineStaged(
  files: readonly { readonly name: string; readonly path: string }[],
  examiner: FormatExaminer,
): Promise<void> {
  if (!examiner.isNeeded) return;
  for (const { name, path } of files) examineListed(examiner, { name, path, identity: identityOf(await lstat(path)) });
}

async function examineTree({ path, name: root }: Pick<Source, 'path' | 'name'>, examiner: FormatExaminer): Promise<void> {
  const serialization = { method: 'files', hashType: 'sha256', allowSymlinks: true, ignorePaths: [] } as const;
  const { files, model } = await listModel({ kind: 'directory', path, name: root }, { serialization });
  for (const file of files) examineListed(examiner, { ...file, name: `${root}/${file.name}` });
  for (const name of model.ignored) examiner.leave(`${root}/${name}`);
  for (const { severity, subject, message } of model.findings)
    if (severity === 'rejected' || severity === 'undetermined') examiner.miss(`${root}/${subject}`, message);
}

/** A stat of what is open; a pipe or device in the place of a file has another identity. */
function isSame(stats: Stats, { size, mtimeMs, ino, dev }: FileIdentity): boolean {
  const now = identityOf(stats);
  return stats.isFile() && now.size === size && now.mtimeMs === mtimeMs && now.ino === ino && now.dev === dev;
}

function changed(subject: string) {
  return refused('file-changed-while-read', 'the file changed while it was read', {
    subject,
    suggestions: ['try again when nothing writes to it'],
  });
}
