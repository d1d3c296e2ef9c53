import { resolve, sep } from 'node:path';

/** What a location and a pattern are compared by: the parts between `/`. */
type Segments = readonly string[];

/**
 * A model's location as rules know it: the absolute path with `/` separators, symbolic links not resolved.
 *
 * @param path absolute, or relative to the working directory
 */
export function modelLocation(path: string): string {
  return resolve(path).split(sep).join('/');
}

const STORE = 's3://';

/**
 * A pattern in full: one that begins with `**` or `s3://` or is absolute stays as it is, any other is relative to a directory.
 * `*` stands for any part of one segment, `**` for any number of segments.
 *
 * @param directory a location, as {@link modelLocation} gives it
 * @returns the pattern, or the reason why it cannot be one
 */
export function resolvePattern(text: string, directory: string): { readonly pattern: string } | { readonly reason: string } {
  const isStore = text.startsWith(STORE);
  if (!isStore && /^[A-Za-z][A-Za-z0-9+.-]+:/.test(text)) return { reason: 'a path, or a place in a store: s3://bucket/prefix/name' };
  const segments = text.split('/');
  // "/srv", "//server/share" and "s3://bucket" have empty segments.
  const body = segments.slice(isStore || text.startsWith('//') ? 2 : text.startsWith('/') ? 1 : 0);
  if (body.some((segment) => segment === '' || segment === '.' || segment === '..')) return { reason: 'no empty, "." or ".." segment' };
  if (/[\\?[\]{}!\p{Cc}]/u.test(text)) return { reason: 'a path with "/", "*" and "**" only (none of \\ ? [ ] { } !)' };
  if (body.some((segment) => segment.includes('**') && segment !== '**')) return { reason: '"**" as a whole segment' };
  if (segments.some((segment, index) => segment === '**' && segments[index + 1] === '**'))
    return { reason: 'one "**" where two follow each other' };
  if (isStore || segments[0] === '**' || segments[0] === '' || /^[A-Za-z]:$/.test(segments[0] ?? '')) return { pattern: text };
  if (directory.includes('*')) return { reason: 'an absolute pattern, because the directory of the policy has "*" in its name' };
  return { pattern: `${directory === '/' ? '' : directory}/${text}` };
}

/** Whether a pattern matches a location; or, given another pattern, every location that this one matches. */
export function covers(pattern: string, other: string): boolean {
  return coversSegments(pattern.split('/'), other.split('/'));
}

/** Whether a model can lie there: in a bucket it has a name. */
export function isPlace(location: Segments): boolean {
  return location[0] === 's3:' ? location.length > 3 : location.some((segment) => segment !== '');
}

/** Only the last `**` passed is ever taken up again: whatever an earlier one could leave, it can take. So no pattern takes long. */
export function coversSegments(pattern: Segments, other: Segments): boolean {
  let at = 0;
  let last: { readonly at: number; from: number } | undefined;
  for (let from = 0; from < other.length; ) {
    const segment = pattern[at];
    const candidate = other[from] ?? '';
    if (segment === '**') {
      last = { at: ++at, from };
    } else if (segment !== undefined && candidate !== '**' && coversSegment(segment, candidate)) {
      at++;
      from++;
    } else if (last !== undefined) {
      at = last.at;
      from = ++last.from;
    } else return false;
  }
  while (pattern[at] === '**') at++;
  return at === pattern.length;
}

/** A `*` in the candidate is a character like any other, which only a `*` covers. */
function coversSegment(segment: string, candidate: string): boolean {
  if (!segment.includes('*')) return segment === candidate;
  const [first = '', ...rest] = segment.split('*');
  const last = rest.pop() ?? '';
  if (candidate.length < first.length + last.length || !candidate.startsWith(first) || !candidate.endsWith(last)) return false;
  let at = first.length;
  for (const part of rest) {
    const found = candidate.indexOf(part, at);
    if (found === -1) return false;
    at = found + part.length;
  }
  return at <= candidate.length - last.length;
}
