/** How much of an archive is read before it is refused. Nothing touches the disk, but somebody has to wait. */
export interface ArchiveLimits {
  /** Files and directories. */
  readonly members: number;
  /** Bytes of the tar stream, unpacked. */
  readonly bytes: number;
  /** Directories that a file may lie in, one in the other. */
  readonly depth: number;
  /** Unpacked bytes for each packed one, where more than {@link FREE_BYTES} are unpacked. */
  readonly ratio: number;
}

/** Sparse weights pack well: what is small unpacked may be as small as it likes packed. */
export const FREE_BYTES = 64 * 1024 * 1024;

/** What every model stays far below. */
export const DEFAULT_LIMITS: ArchiveLimits = { members: 100_000, bytes: 2 ** 40, depth: 64, ratio: 200 };

/** The longest name of a member, in bytes: what Linux lets a path have. */
export const MAX_NAME_BYTES = 4096;

/** The longest segment of a name, in bytes: what file systems let a name have. */
export const MAX_SEGMENT_BYTES = 255;

/** The most bytes of a PAX header or GNU longname. */
export const MAX_EXTENSION_BYTES = 1024 * 1024;
