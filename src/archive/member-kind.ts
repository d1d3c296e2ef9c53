import type { Header } from './header.ts';
import { memberRefused } from './refusals.ts';

/** Types that are neither a file nor a directory. */
const REFUSED: Readonly<Record<string, readonly [code: string, what: string]>> = {
  '1': ['archive-member-link', 'a hard link'],
  '2': ['archive-member-link', 'a symbolic link'],
  K: ['archive-member-link', 'the long target of a link'],
  '3': ['archive-member-special', 'a character device'],
  '4': ['archive-member-special', 'a block device'],
  '6': ['archive-member-special', 'a pipe'],
  S: ['archive-member-sparse', 'a sparse file, which readers put together in different ways'],
};

const DEREFERENCE = 'pack what the link leads to: tar --dereference --hard-dereference, or mlsign pack --allow-symlinks';

/**
 * Whether a member is a file or a directory.
 *
 * @throws MlsignError `archive-member-link`, `archive-member-special`, `archive-member-sparse`, `archive-member-unknown`
 */
export function memberKind({ type, hasLink }: Header, member: string): 'file' | 'directory' {
  const [code, what] =
    REFUSED[type] ?? (type === '0' || type === '5' ? [] : ['archive-member-unknown', 'a member of a type that not all readers know']);
  if (code !== undefined && what !== undefined) {
    const suggestion = code === 'archive-member-link' ? { suggestion: DEREFERENCE } : {};
    const got = code === 'archive-member-unknown' ? { got: `type ${JSON.stringify(type)}` } : {};
    throw memberRefused(code, `it holds ${what}`, { member, expected: 'regular files and directories', ...got, ...suggestion });
  }
  if (hasLink) throw memberRefused('archive-member-link', 'a member that is no link names the target of one', { member });
  return type === '5' ? 'directory' : 'file';
}
