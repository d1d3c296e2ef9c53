import type { ArchiveFormat } from './archive-format.ts';
import { gunzip } from './gunzip.ts';
import { type ArchiveLimits, DEFAULT_LIMITS } from './limits.ts';
import { type ArchiveMember, readMembers } from './read-members.ts';
import { StreamBytes } from './tar-bytes.ts';

/** How an archive that comes as a stream is read. */
export interface ReadArchiveOptions {
  readonly format: ArchiveFormat;
  /** {@link DEFAULT_LIMITS} unless given. */
  readonly limits?: ArchiveLimits | undefined;
}

/**
 * Reads an archive member by member from wherever its bytes come. Each member is checked when it comes, the end of the archive
 * (end blocks, nothing behind them, the checksum of gzip) only after the last one: nothing that was read counts before the
 * iteration has ended without an error.
 *
 * @param chunks the archive's own bytes, from its beginning
 * @throws MlsignError `archive-…`, `gzip-…`
 * @example
 * for await (const { name, kind, content } of readArchive(createReadStream('model.tar.gz'), { format: 'tar.gz' })) …
 */
export async function* readArchive(
  chunks: AsyncIterable<Buffer>,
  { format, limits = DEFAULT_LIMITS }: ReadArchiveOptions,
): AsyncGenerator<ArchiveMember, void, undefined> {
  const bytes = new StreamBytes(format === 'tar.gz' ? gunzip(chunks, limits) : chunks);
  try {
    yield* readMembers(bytes, limits);
  } finally {
    await bytes.close();
  }
}
