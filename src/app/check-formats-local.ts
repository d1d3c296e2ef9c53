import { constants } from 'node:fs';
import { lstat, open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileError, refused } from '../core/index.ts';
import { type FileIdentity, identityOf } from '../digest/index.ts';
import type { OpenFile } from '../filetypes/index.ts';
import { DEFAULT_IGNORED } from '../formats/index.ts';
import { type ListedFile, listModel, type Source } from '../model/index.ts';
import type { FileToExamine, FormatExaminer } from './check-formats.ts';

/** A file on disk as it was listed: it is looked at only where it is still that one afterwards, as hashing demands too. */
export function listedFile({ name, path, identity, followLink = false, part }: ListedFile): FileToExamine {
  const { offset, size } = part ?? { offset: 0, size: identity.size };
  return {
    name,
    use: async (look) => {
      try {
        const flags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (followLink ? 0 : (constants.O_NOFOLLOW ?? 0));
        const handle = await open(path, flags);
        try {
          if (!(await handle.stat()).isFile()) throw changed(name);
          const readInto = async (buffer: Buffer, at: number): Promise<number> => {
            const length = Math.max(0, Math.min(buffer.length, size - at));
            let done = 0;
            while (done < length) {
              const { bytesRead } = await handle.read(buffer, done, length - done, offset + at + done);
              if (bytesRead === 0) break;
              done += bytesRead;
            }
            return done;
          };
          const seen = await look(openedFile(name, size, readInto));
          if (!isSame(identityOf(await handle.stat()), identity)) throw changed(name);
          return seen;
        } finally {
          await handle.close();
        }
      } catch (error) {
        throw fileError(error, 'look at the file', path);
      }
    },
  };
}

/** Reads of one file, wherever it lies. */
export function openedFile(path: string, size: number, readInto: OpenFile['readInto']): OpenFile {
  return {
    path,
    size,
    readInto,
    read: async (offset, length) => {
      const buffer = Buffer.alloc(Math.max(0, Math.min(length, size - offset)));
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
    if (DEFAULT_IGNORED.includes(name) || source.kind === 'archive') {
      examiner.leave(name);
      continue;
    }
    const path = join(source.path, ...name.split('/'));
    const stats = await stat(path).catch(() => undefined);
    if (stats?.isFile()) examiner.add(listedFile({ name, path, identity: identityOf(stats), followLink: true }));
    else if (stats?.isDirectory()) await examineTree({ path, name }, examiner);
    else if ((await lstat(path).catch(() => undefined)) !== undefined) examiner.leave(name);
  }
}

/** Looks at files that nobody else writes to: those that were staged and verified. */
export async function examineStaged(
  files: readonly { readonly name: string; readonly path: string }[],
  examiner: FormatExaminer,
): Promise<void> {
  if (!examiner.isNeeded) return;
  for (const { name, path } of files) examiner.add(listedFile({ name, path, identity: identityOf(await lstat(path)) }));
}

async function examineTree({ path, name: root }: Pick<Source, 'path' | 'name'>, examiner: FormatExaminer): Promise<void> {
  const serialization = { method: 'files', hashType: 'sha256', allowSymlinks: true, ignorePaths: [] } as const;
  const { files, model } = await listModel({ kind: 'directory', path, name: root }, { serialization });
  for (const file of files) examiner.add(listedFile({ ...file, name: `${root}/${file.name}` }));
  for (const name of model.ignored) examiner.leave(`${root}/${name}`);
  for (const { severity, subject, message } of model.findings)
    if (severity === 'rejected' || severity === 'undetermined') examiner.miss(`${root}/${subject}`, message);
}

function isSame(a: FileIdentity, b: FileIdentity): boolean {
  return a.size === b.size && a.mtimeMs === b.mtimeMs && a.ino === b.ino && a.dev === b.dev;
}

function changed(subject: string) {
  return refused('file-changed-while-read', 'the file changed while it was read', {
    subject,
    suggestions: ['try again when nothing writes to it'],
  });
}
