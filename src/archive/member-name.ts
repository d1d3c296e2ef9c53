import { decodeUtf8, type MlsignError } from '../core/index.ts';
import { MAX_NAME_BYTES, MAX_SEGMENT_BYTES } from './limits.ts';
import { memberRefused } from './refusals.ts';

const CONTROL = /\p{Cc}/u;
const DRIVE = /^[A-Za-z]:/u;

/** A member's name in the form that manifests have it: `/` between segments, none at the end. */
export interface MemberName {
  /** Empty for the root that is packed with `tar -C DIR .`. */
  readonly name: string;
  /** Whether it ended in `/`. */
  readonly saysDirectory: boolean;
}

/**
 * Checks the name of a member. It must be one that every reader takes for the same place inside the directory that it
 * unpacks to; a leading `./` is dropped, as they all do.
 *
 * @throws MlsignError `archive-name-unsafe`
 */
export function checkMemberName(bytes: Buffer): MemberName {
  const text = decodeUtf8(bytes);
  if (text === undefined) throw unsafe(bytes.toString('latin1'), 'is not valid UTF-8');
  const reason = whyUnsafe(text, bytes.length);
  if (reason !== undefined) throw unsafe(text, reason);
  const saysDirectory = text.endsWith('/') || text === '.';
  const name = text.replace(/^\.(?:\/|$)/u, '').replace(/\/$/u, '');
  for (const segment of name === '' ? [] : name.split('/')) {
    const wrong = whySegmentUnsafe(segment);
    if (wrong !== undefined) throw unsafe(text, wrong);
  }
  return { name, saysDirectory };
}

function whyUnsafe(text: string, bytes: number): string | undefined {
  if (text === '') return 'is empty';
  if (bytes > MAX_NAME_BYTES) return `is longer than ${MAX_NAME_BYTES} bytes`;
  if (CONTROL.test(text)) return 'holds a control character';
  if (text.includes('\\')) return 'holds a backslash, which is a separator elsewhere';
  if (text.startsWith('/')) return 'is an absolute path';
  if (DRIVE.test(text)) return 'begins with a drive letter';
  return undefined;
}

function whySegmentUnsafe(segment: string): string | undefined {
  if (segment === '') return 'holds "//"';
  if (segment === '..') return 'leads out of the directory: it holds ".."';
  if (segment === '.') return 'holds a "." segment';
  if (segment.length * 3 > MAX_SEGMENT_BYTES && Buffer.byteLength(segment) > MAX_SEGMENT_BYTES) {
    return `holds a segment longer than ${MAX_SEGMENT_BYTES} bytes`;
  }
  return DRIVE.test(segment) && segment.length === 2 ? 'holds a drive letter' : undefined;
}

function unsafe(name: string, reason: string): MlsignError {
  return memberRefused('archive-name-unsafe', `the name of a member ${reason}`, {
    member: name.length > 200 ? `${name.slice(0, 200)}…` : name,
    expected: 'a relative path inside the model, the same for every reader',
  });
}
