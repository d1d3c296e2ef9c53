/** How an archive is packed. */
export type ArchiveFormat = 'tar' | 'tar.gz';

const NAME = /(?:\.tar|(\.tar\.gz|\.tgz))$/iu;

/** The format that a name promises; undefined where it is not that of an archive. */
export function archiveFormatOf(name: string): ArchiveFormat | undefined {
  const match = NAME.exec(name);
  return match === null ? undefined : match[1] === undefined ? 'tar' : 'tar.gz';
}

/** The name of the model in an archive: without what tells that it is one. */
export function archivedName(name: string): string {
  return name.replace(NAME, '') || name;
}
