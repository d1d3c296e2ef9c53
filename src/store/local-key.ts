import { type MlsignError, refused } from '../core/index.ts';
import { RECORDS } from './layout.ts';

/** The folders, below a local store's root, that hold every version. */
export const VERSIONS: readonly string[] = [RECORDS, 'versions'];

/** S3's limit, so that what lies in a directory can go to a bucket. */
const MAX_KEY_BYTES = 1024;
/** What stands beside version files: `weights.v/1/…` would lie where version 1 of `weights` does. */
const VERSION_FOLDER = /\.v\/[1-9]\d*(\.\w+)?\//;
const WINDOWS_CHARACTERS = /[<>:"|?*\\]/;
const WINDOWS_NAMES = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)|[. ]$/i;

/**
 * The segments of a key that a directory can hold as a file.
 *
 * @throws MlsignError `key-unsupported`
 */
export function keySegments(key: string, platform = process.platform): readonly string[] {
  const segments = key.split('/');
  for (const segment of segments) checkSegment(key, segment, platform);
  if (Buffer.byteLength(key) > MAX_KEY_BYTES) throw unsupported(key, `is longer than ${MAX_KEY_BYTES} bytes`);
  if (isOfVersions(segments)) throw unsupported(key, `lies in ${VERSIONS.join('/')}, where a local store keeps its versions`);
  if (VERSION_FOLDER.test(key)) throw unsupported(key, 'has a folder where a local store keeps versions of a file');
  return segments;
}

/**
 * Splits a prefix into the segments of its folder and the beginning of names in it.
 *
 * @throws MlsignError `key-unsupported`
 */
export function prefixSegments(prefix: string, platform = process.platform): { folder: readonly string[]; start: string } {
  const folder = prefix.split('/');
  const start = folder.pop() ?? '';
  for (const segment of folder) checkSegment(prefix, segment, platform);
  return { folder, start };
}

/** Whether segments lie where the versions are. */
export function isOfVersions(segments: readonly string[]): boolean {
  return VERSIONS.every((name, index) => segments[index] === name);
}

function checkSegment(key: string, segment: string, platform: NodeJS.Platform): void {
  if (segment === '' || segment === '.' || segment === '..') throw unsupported(key, 'has an empty, "." or ".." segment');
  if (segment.includes('\0') || !segment.isWellFormed()) throw unsupported(key, 'has a zero byte or half a character');
  if (platform === 'win32' && (WINDOWS_CHARACTERS.test(segment) || WINDOWS_NAMES.test(segment) || /\p{Cc}/u.test(segment))) {
    throw unsupported(key, 'has a name that Windows reserves');
  }
}

function unsupported(key: string, reason: string): MlsignError {
  return refused('key-unsupported', `a local store has no file for this key: it ${reason}`, {
    subject: key,
    suggestions: ['rename the file and sign the model again, or use a bucket'],
  });
}
