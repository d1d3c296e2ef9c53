import { BLOCK_BYTES, decodeHeader, type Header, isZero } from './header.ts';
import { type ArchiveLimits, MAX_EXTENSION_BYTES } from './limits.ts';
import { memberKind } from './member-kind.ts';
import { checkMemberName } from './member-name.ts';
import { NameTree } from './name-tree.ts';
import { octalMaximum } from './numeric.ts';
import { type PaxFields, parsePax } from './pax.ts';
import { limitMet, memberRefused, placeRefused } from './refusals.ts';
import { readBytes, type TarBytes } from './tar-bytes.ts';

/** A file or directory of an archive. Everything about it is checked; its content is what comes. */
export interface ArchiveMember {
  /** Relative to the model, `/` between segments, none at the end. */
  readonly name: string;
  readonly kind: 'file' | 'directory';
  /** Bytes; 0 for a directory. */
  readonly size: number;
  /** Permission bits. */
  readonly mode: number;
  /** Where its content begins, in bytes of the tar stream. */
  readonly offset: number;
  /** Its bytes, once, before the next member is asked for; each piece is good until the next. What nobody reads is passed over. */
  content(): AsyncGenerator<Buffer, void, undefined>;
}

/** Bytes of content that come at once, at most. */
const PIECE_BYTES = 1024 * 1024;
const LARGEST_OCTAL = octalMaximum(12);

/** What extends the header after it. */
interface Extension {
  readonly longName?: Buffer | undefined;
  readonly pax?: PaxFields | undefined;
}

/**
 * Reads a tar stream member by member. Whatever readers might take for different things is refused where it stands, so that
 * what comes is only to be believed when the last member has come and the end is reached.
 *
 * @throws MlsignError `archive-…` with the name of the member and the reason
 */
export async function* readMembers(bytes: TarBytes, limits: ArchiveLimits): AsyncGenerator<ArchiveMember, void, undefined> {
  const names = new NameTree(limits);
  let extension: Extension | undefined;
  let lastOffset: number | undefined;
  for (;;) {
    const offset = bytes.position;
    const block: Buffer = await readBlock(bytes, offset);
    if (offset > limits.bytes) throw tooMany(offset, limits);
    if (isZero(block)) {
      if (lastOffset !== undefined) throw misplaced(lastOffset, 'ends without the member that its last header is about');
      return await readEnd(bytes, limits);
    }
    const header = decodeHeader(block, offset);
    if (EXTENSIONS.has(header.type)) {
      // One reader applies the first to the second, another both to the member: the same bytes become other files.
      if (extension !== undefined) throw misplaced(offset, 'has several headers in a row that extend one member');
      extension = await readExtension(bytes, header, offset);
      lastOffset = offset;
      continue;
    }
    lastOffset = undefined;
    const member = describe(header, extension);
    extension = undefined;
    names.add(member.name, member.kind);
    const { position } = bytes;
    if (position + member.size > limits.bytes) throw limitMet('bytes', 'it holds more bytes than allowed', limits.bytes, member.name);
    const content = new Content(bytes, member.name, member.size);
    if (member.name !== '') yield { ...member, offset: position, content: () => content.read() };
    await content.finish();
  }
}

const EXTENSIONS = new Set(['x', 'g', 'L']);

/** What a header and its extension together say. */
function describe(header: Header, extension: Extension | undefined) {
  const { longName, pax } = extension ?? {};
  const own = header.name;
  const bytes = longName ?? pax?.path ?? own;
  const kind = memberKind(header, bytes.toString('utf8').replace(/^\.\//u, ''));
  const { name, saysDirectory } = checkMemberName(bytes);
  // A file whose name ends so is a directory for some readers. Without a type they look at the name in the header, too; where
  // there is one, that name may be the first 100 bytes of the long one, whatever they end in.
  if (kind === 'file' && (saysDirectory || (header.isUntyped && own.at(-1) === SLASH))) {
    throw memberRefused('archive-header-malformed', 'a file has the name of a directory', { member: name });
  }
  const size = sizeOf(header, pax, name);
  if (kind === 'directory' && size > 0) {
    throw memberRefused('archive-size-wrong', 'a directory has content, which some readers take for the next members', {
      member: name,
      expected: '0 bytes',
      got: `${size} bytes`,
    });
  }
  return { name, kind, size, mode: header.mode };
}

const SLASH = 0x2f;

function sizeOf(header: Header, pax: PaxFields | undefined, member: string): number {
  const { size = header.size } = pax ?? {};
  // A writer leaves 0 where the digits of the header cannot hold what PAX says.
  if (size === header.size || (header.size === 0 && size > LARGEST_OCTAL)) return size;
  throw memberRefused('archive-size-wrong', 'the PAX header and the header of a member disagree on its size', {
    member,
    expected: `${header.size} bytes, as the header says`,
    got: `${size} bytes`,
  });
}

async function readExtension(bytes: TarBytes, { type, size }: Header, offset: number): Promise<Extension | undefined> {
  if (size > MAX_EXTENSION_BYTES) {
    throw placeRefused('archive-header-malformed', 'a header that extends another is too large', offset, {
      expected: `at most ${MAX_EXTENSION_BYTES} bytes`,
      got: `${size} bytes`,
    });
  }
  const content = new Content(bytes, `byte ${offset}`, size);
  // A copy: the bytes are good only until the padding is read.
  const held = Buffer.from(await content.whole());
  await content.finish();
  if (type === 'L') return { longName: longName(held, offset) };
  const pax = parsePax(held, type === 'g', offset);
  return type === 'g' ? undefined : { pax };
}

/** A GNU longname ends in one zero byte, or in none. */
function longName(held: Buffer, offset: number): Buffer {
  const name = held.at(-1) === 0 ? held.subarray(0, -1) : held;
  if (!name.includes(0)) return name;
  throw placeRefused('archive-header-malformed', 'a GNU longname goes on after a zero byte', offset);
}

async function readBlock(bytes: TarBytes, offset: number): Promise<Buffer> {
  const block = await readBytes(bytes, BLOCK_BYTES);
  if (offset === 0 && block[0] === 0x1f && block[1] === 0x8b) throw compressed();
  if (block.length === BLOCK_BYTES) return block;
  throw placeRefused('archive-truncated', 'it ends without the two blocks of zero bytes that mark the end', offset, {
    expected: 'a header or the end of the archive',
    got: `${block.length} bytes`,
    suggestion: 'get the archive again: it was cut short',
  });
}

/** The first block of zero bytes was read; there must be another, and nothing but zero bytes after it. */
async function readEnd(bytes: TarBytes, limits: ArchiveLimits): Promise<void> {
  const offset = bytes.position;
  const second = await readBlock(bytes, offset);
  if (!isZero(second)) {
    throw placeRefused('archive-trailing-data', 'something follows a single block of zero bytes, where only some readers stop', offset);
  }
  for (;;) {
    const { position } = bytes;
    const rest = await bytes.take(PIECE_BYTES);
    if (rest.length === 0) return;
    if (position > limits.bytes) throw tooMany(position, limits);
    if (isZero(rest)) continue;
    const place = position + rest.findIndex((byte) => byte !== 0);
    throw placeRefused(
      'archive-trailing-data',
      'something follows the end of the archive: another archive, or data that no reader shows',
      place,
      {
        expected: 'only zero bytes',
      },
    );
  }
}

function tooMany(offset: number, { bytes }: ArchiveLimits) {
  return limitMet('bytes', 'it holds more bytes than allowed', bytes, `byte ${offset}`);
}

function compressed() {
  return placeRefused('archive-format-mismatch', 'it is compressed, and its name says that it is not', 0, {
    expected: 'tar',
    got: 'gzip',
    suggestion: 'give it the name that it has elsewhere, which ends in .tar.gz; with --whole its bytes are signed as one file',
  });
}

function misplaced(offset: number, reason: string) {
  return placeRefused('archive-extension-misplaced', `it ${reason}`, offset);
}

/** The content of a member and the zero bytes that fill its last block. */
class Content {
  readonly #bytes: TarBytes;
  readonly #member: string;
  readonly #padding: number;
  #left: number;

  constructor(bytes: TarBytes, member: string, size: number) {
    this.#bytes = bytes;
    this.#member = member;
    this.#left = size;
    this.#padding = (BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES;
  }

  async *read(): AsyncGenerator<Buffer, void, undefined> {
    while (this.#left > 0) {
      const piece = await this.#bytes.take(Math.min(this.#left, PIECE_BYTES));
      if (piece.length === 0) throw this.#truncated();
      this.#left -= piece.length;
      yield piece;
    }
  }

  async whole(): Promise<Buffer> {
    const length = this.#left;
    const bytes = await readBytes(this.#bytes, length);
    this.#left -= bytes.length;
    if (this.#left > 0) throw this.#truncated();
    return bytes;
  }

  /** Passes over what nobody has read. */
  async finish(): Promise<void> {
    if (this.#left > 0) {
      const skipped = await this.#bytes.skip(this.#left);
      if (skipped < this.#left) throw this.#truncated();
      this.#left = 0;
    }
    if (this.#padding === 0) return;
    const padding = await readBytes(this.#bytes, this.#padding);
    if (padding.length < this.#padding) throw this.#truncated();
    if (isZero(padding)) return;
    throw memberRefused('archive-header-malformed', 'bytes that no reader shows follow the content of a member', {
      member: this.#member,
      expected: 'zero bytes up to the next block',
    });
  }

  #truncated() {
    return memberRefused('archive-truncated', 'it ends inside a member', {
      member: this.#member,
      suggestion: 'get the archive again: it was cut short',
    });
  }
}
