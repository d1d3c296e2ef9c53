import { gzipSync } from 'node:zlib';
import { binary, END, GNU_MAGIC, gzip, header, longName, member, padded, pax, record, tar } from './archives.ts';

/** What is wrong, the archive, the code, what the message says, and whom or where it names. */
export type Attack = readonly [what: string, archive: Buffer, code: string, message: RegExp, subject: string];

const unsafe = (what: string, name: string | Buffer, message: RegExp, subject = `${name}`): readonly Attack[] => {
  const attacks: Attack[] = [[what, tar(member('x', { name })), 'archive-name-unsafe', message, subject]];
  if (typeof name !== 'string') return attacks;
  attacks.push([`${what}, in a PAX path`, tar(pax({ path: name }), member('x')), 'archive-name-unsafe', message, subject]);
  attacks.push([`${what}, in a GNU longname`, tar(longName(name), member('x')), 'archive-name-unsafe', message, subject]);
  return attacks;
};

const NAMES: readonly Attack[] = [
  ...unsafe('traversal', '../evil', /leads out of the directory/),
  ...unsafe('traversal in the middle', 'a/../../evil', /leads out of the directory/),
  ...unsafe('traversal at the end', 'a/..', /leads out of the directory/),
  ...unsafe('an absolute path', '/etc/cron.d/x', /is an absolute path/),
  ...unsafe('a drive', 'C:evil', /begins with a drive letter/),
  ...unsafe('a drive with a slash', 'c:/evil', /begins with a drive letter/),
  ...unsafe('a drive further in', 'a/c:/evil', /holds a drive letter/),
  ...unsafe('UNC', '\\\\host\\share\\x', /holds a backslash/),
  ...unsafe('UNC with slashes', '//host/share/x', /is an absolute path/),
  ...unsafe('a backslash', '..\\evil', /holds a backslash/),
  ...unsafe('a control character', 'a\u0007b', /holds a control character/),
  ...unsafe('a C1 control character', 'a\u009bb', /holds a control character/),
  ...unsafe('a line feed', 'a\nb', /holds a control character/),
  ...unsafe('"//"', 'a//b', /holds "\/\/"/),
  ...unsafe('a "." segment', 'a/./b', /holds a "\." segment/),
  ...unsafe('two leading "./"', '././a', /holds a "\." segment/),
  ...unsafe('bytes that are not UTF-8', Buffer.from([0x61, 0xff]), /is not valid UTF-8/, 'aÿ'),
  ...unsafe('an overlong slash', Buffer.from([0x2e, 0x2e, 0xc0, 0xaf, 0x61]), /is not valid UTF-8/, '..À¯a'),
  ['traversal by the prefix', tar(member('x', { name: 'evil', prefix: '..' })), 'archive-name-unsafe', /leads out/, '../evil'],
  ['an empty name', tar(member('x', { name: '' })), 'archive-name-unsafe', /is empty/, ''],
  ['NUL in a PAX path', tar(pax({ path: 'a\0b' }), member('x')), 'archive-name-unsafe', /control character/, 'a\0b'],
  ['NUL in a longname', tar(longName('a\0b'), member('x')), 'archive-header-malformed', /longname goes on after a zero byte/, 'byte 0'],
  ['a name that goes on after NUL', tar(member('x', { name: 'a\0b' })), 'archive-header-malformed', /goes on after a zero byte/, 'byte 0'],
  [
    'a very long segment',
    tar(pax({ path: 'n'.repeat(256) }), member('x')),
    'archive-name-unsafe',
    /longer than 255/,
    `${'n'.repeat(200)}…`,
  ],
  ['a segment of many bytes', tar(pax({ path: 'é'.repeat(128) }), member('x')), 'archive-name-unsafe', /longer than 255/, 'é'.repeat(128)],
  [
    'a very long name',
    tar(pax({ path: 'n/'.repeat(2049) }), member('x')),
    'archive-name-unsafe',
    /longer than 4096/,
    `${'n/'.repeat(100)}…`,
  ],
];

const twice = 'of them some readers take the first and others the last';
const TREES: readonly Attack[] = [
  ['one name twice', tar(member('1'), member('2')), 'archive-name-duplicate', new RegExp(twice), 'file'],
  [
    'one name twice, once with "./"',
    tar(member('1'), member('2', { name: './file' })),
    'archive-name-duplicate',
    new RegExp(twice),
    'file',
  ],
  [
    'a directory twice',
    tar(header({ name: 'd/', type: '5' }), header({ name: 'd', type: '5' })),
    'archive-name-duplicate',
    /two members/,
    'd',
  ],
  ['names that differ in case', tar(member('1'), member('2', { name: 'FILE' })), 'archive-name-collision', /only in case/, 'FILE'],
  [
    'names that differ in Unicode form',
    tar(member('1', { name: '\u00e9' }), member('2', { name: 'e\u0301' })),
    'archive-name-collision',
    /Unicode form/,
    'e\u0301',
  ],
  ['ß and ss', tar(member('1', { name: 'ß' }), member('2', { name: 'ss' })), 'archive-name-collision', /only in case/, 'ss'],
  [
    'names that differ in case after which they differ in Unicode form',
    tar(member('1', { name: '\u0390' }), member('2', { name: '\u03aa\u0301' })),
    'archive-name-collision',
    /Unicode form/,
    '\u03aa\u0301',
  ],
  [
    'names that differ in the order of what stands above a letter',
    tar(member('1', { name: '\u1fb4' }), member('2', { name: '\u03b1\u0345\u0301' })),
    'archive-name-collision',
    /Unicode form/,
    '\u03b1\u0345\u0301',
  ],
  [
    'names beyond ASCII that differ in dots at the end',
    tar(member('1', { name: 'é' }), member('2', { name: 'é.' })),
    'archive-name-collision',
    /pass over/,
    'é.',
  ],
  [
    'names that differ in what is invisible',
    tar(member('1', { name: 'a' }), member('2', { name: 'a\u200c' })),
    'archive-name-collision',
    /pass over/,
    'a\u200c',
  ],
  [
    'names that differ in dots at the end',
    tar(member('1'), member('2', { name: 'file. ' })),
    'archive-name-collision',
    /pass over/,
    'file. ',
  ],
  [
    'directories that differ in dots at the end',
    tar(member('1', { name: 'd/a' }), member('2', { name: 'd./a' })),
    'archive-name-collision',
    /pass over/,
    'd./a',
  ],
  ['a stream of a file', tar(member('1'), member('2', { name: 'file::$DATA' })), 'archive-name-collision', /pass over/, 'file::$DATA'],
  [
    'directories that differ in case',
    tar(member('1', { name: 'd/a' }), member('2', { name: 'D/b' })),
    'archive-name-collision',
    /only in case/,
    'D/b',
  ],
  [
    'a file as a directory',
    tar(member('1', { name: 'd' }), member('2', { name: 'd/a' })),
    'archive-name-collision',
    /also the directory/,
    'd/a',
  ],
  [
    'a directory as a file',
    tar(member('2', { name: 'd/a' }), member('1', { name: 'd' })),
    'archive-name-collision',
    /also the directory/,
    'd',
  ],
  ['a file named like a directory', tar(member('x', { name: 'd/' })), 'archive-header-malformed', /name of a directory/, 'd'],
  ['the same of old', tar(member('x', { name: 'd/', type: '\0' })), 'archive-header-malformed', /name of a directory/, 'd'],
  [
    'a header named like a directory under a PAX path',
    tar(pax({ path: 'a' }), member('', { name: 'd/', type: '\0' })),
    'archive-header-malformed',
    /name of a directory/,
    'a',
  ],
];

const TYPES: readonly Attack[] = [
  ['a symbolic link', tar(header({ type: '2', link: '/etc' })), 'archive-member-link', /holds a symbolic link/, 'file'],
  ['a hard link', tar(header({ type: '1', link: '../../x' })), 'archive-member-link', /holds a hard link/, 'file'],
  ['a long link', tar(longName('/etc', 'K'), header({ type: '2' })), 'archive-member-link', /target of a link/, './@LongLink'],
  ['a link target of a file', tar(header({ link: '/etc' })), 'archive-member-link', /names the target/, 'file'],
  ['a link by PAX', tar(pax({ linkpath: '/etc' }), header({ type: '2' })), 'archive-pax-refused', /target of a link/, 'byte 0'],
  ['a character device', tar(header({ type: '3' })), 'archive-member-special', /character device/, 'file'],
  ['a block device', tar(header({ type: '4' })), 'archive-member-special', /block device/, 'file'],
  ['a FIFO', tar(header({ type: '6' })), 'archive-member-special', /a pipe/, 'file'],
  ['a contiguous file', tar(header({ type: '7' })), 'archive-member-unknown', /type that not all readers know/, 'file'],
  ['a type of nobody', tar(header({ type: 'Z' })), 'archive-member-unknown', /type that not all readers know/, 'file'],
  ['a dump directory', tar(header({ type: 'D', magic: GNU_MAGIC })), 'archive-member-unknown', /type that not all/, 'file'],
  ['a GNU sparse file', tar(header({ type: 'S', magic: GNU_MAGIC })), 'archive-member-sparse', /sparse file/, 'file'],
  [
    'a PAX sparse file',
    tar(pax({ 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0' }), member('x')),
    'archive-pax-refused',
    /sparse file/,
    'byte 0',
  ],
  ['a sparse name', tar(pax({ 'GNU.sparse.name': 'b' }), member('x')), 'archive-pax-refused', /sparse file/, 'byte 0'],
];

const SIZES: readonly Attack[] = [
  [
    'a PAX size larger than the header',
    tar(pax({ size: '1024' }), member('x'), member('y', { name: 'b' })),
    'archive-size-wrong',
    /disagree on its size/,
    'file',
  ],
  [
    'a PAX size over a header of 0',
    tar(pax({ size: '512' }), header(), member('y', { name: 'b' })),
    'archive-size-wrong',
    /disagree/,
    'file',
  ],
  ['a PAX size of 0', tar(pax({ size: '0' }), member('x')), 'archive-size-wrong', /disagree/, 'file'],
  ['a negative size', tar(header({ size: binary(-1n, 0xff) })), 'archive-size-wrong', /is negative/, 'byte 0'],
  ['a negative octal size', tar(header({ size: '-0000000001\0' })), 'archive-size-wrong', /not a number/, 'byte 0'],
  ['an octal overflow', tar(header({ size: binary(2n ** 63n) })), 'archive-size-wrong', /larger than anything/, 'byte 0'],
  ['a size beyond what doubles hold', tar(header({ size: binary(2n ** 53n) })), 'archive-size-wrong', /larger than anything/, 'byte 0'],
  ['needless base 256', tar(header({ size: binary(1n) })), 'archive-size-wrong', /base 256 although/, 'byte 0'],
  ['a size with junk behind it', tar(header({ size: '0000001\x00007\0' })), 'archive-size-wrong', /not a number/, 'byte 0'],
  ['a size with a digit that is not octal', tar(header({ size: '00000000008\0' })), 'archive-size-wrong', /not a number/, 'byte 0'],
  ['a zero byte before a size', tar(header({ size: '\x0000000000001' })), 'archive-size-wrong', /not a number/, 'byte 0'],
  ['no size', tar(header({ size: '\0'.repeat(12) })), 'archive-size-wrong', /no size/, 'byte 0'],
  ['a directory with content', tar(member('x', { name: 'd/', type: '5' })), 'archive-size-wrong', /directory has content/, 'd'],
  ['a PAX size that is no number', tar(pax({ size: '-1' }), member('x')), 'archive-pax-malformed', /size is not a number/, 'byte 0'],
  [
    'a PAX size beyond what doubles hold',
    tar(pax({ size: '9007199254740993' }), header()),
    'archive-pax-malformed',
    /size is not/,
    'byte 0',
  ],
  ['a PAX size in hexadecimal', tar(pax({ size: '0x1' }), member('x')), 'archive-pax-malformed', /size is not a number/, 'byte 0'],
];

const x = (bytes: Buffer) => tar(member(bytes, { name: 'p', type: 'x' }), member('x'));
const EXTENSIONS: readonly Attack[] = [
  [
    'PAX and longname',
    tar(pax({ path: 'a' }), longName('b'), member('x')),
    'archive-extension-misplaced',
    /several headers in a row/,
    'byte 1024',
  ],
  [
    'longname and PAX',
    tar(longName('b'), pax({ mtime: '1' }), member('x')),
    'archive-extension-misplaced',
    /several headers in a row/,
    'byte 1024',
  ],
  [
    'PAX size over a longname',
    tar(pax({ size: '2048' }), longName('longname.txt'), member('a'), member('b', { name: 'b' })),
    'archive-extension-misplaced',
    /several/,
    'byte 1024',
  ],
  ['two PAX headers', tar(pax({ path: 'a' }), pax({ path: 'b' }), member('x')), 'archive-extension-misplaced', /several/, 'byte 1024'],
  ['two longnames', tar(longName('a'), longName('b'), member('x')), 'archive-extension-misplaced', /several/, 'byte 1024'],
  [
    'a global header after a PAX one',
    tar(pax({ path: 'a' }), pax({ comment: 'b' }, 'g'), member('x')),
    'archive-extension-misplaced',
    /several/,
    'byte 1024',
  ],
  ['a PAX header without a member', tar(pax({ path: 'a' })), 'archive-extension-misplaced', /ends without the member/, 'byte 0'],
  ['a global path', tar(pax({ path: 'a' }, 'g'), member('x')), 'archive-pax-refused', /for all members at once/, 'byte 0'],
  ['a global size', tar(pax({ size: '1' }, 'g'), member('x')), 'archive-pax-refused', /for all members at once/, 'byte 0'],
  ['a keyword twice', x(Buffer.concat([record('path', 'a'), record('path', 'b')])), 'archive-pax-refused', /same thing twice/, 'byte 0'],
  ['another character set', tar(pax({ hdrcharset: 'BINARY' }), member('x')), 'archive-pax-refused', /character set/, 'byte 0'],
  ['a PAX time that is no number', tar(pax({ mtime: 'now' }), member('x')), 'archive-pax-malformed', /mtime is not a number/, 'byte 0'],
  ['a PAX user id that is no number', tar(pax({ uid: 'x' }, 'g'), member('x')), 'archive-pax-malformed', /uid is not a number/, 'byte 0'],
  [
    'a global header without a member',
    tar(member('x'), pax({ comment: 'b' }, 'g')),
    'archive-extension-misplaced',
    /ends without/,
    'byte 1024',
  ],
  ['an unknown keyword', tar(pax({ 'ACME.name': 'a' }), member('x')), 'archive-pax-refused', /not all readers know/, 'byte 0'],
  ['a record that is too long', x(Buffer.from('99 path=a\n')), 'archive-pax-malformed', /length of a record/, 'byte 0'],
  ['a record that is too short', x(Buffer.from('5 path=a\n')), 'archive-pax-malformed', /line feed/, 'byte 0'],
  ['a record with a zero before its length', x(Buffer.from('011 path=a\n')), 'archive-pax-malformed', /length of a record/, 'byte 0'],
  ['a record without a keyword', x(Buffer.from('6 =ab\n')), 'archive-pax-malformed', /no keyword/, 'byte 0'],
  ['a record with a keyword that has NUL', x(record('comment\0', 'a')), 'archive-pax-malformed', /no keyword/, 'byte 0'],
  [
    'a keyword that only begins like a harmless one',
    tar(pax({ atimes: '1' }), member('x')),
    'archive-pax-refused',
    /not all readers/,
    'byte 0',
  ],
  ['a record without anything', x(Buffer.from('2 \n')), 'archive-pax-malformed', /length of a record|no keyword/, 'byte 0'],
  [
    'zero bytes after the records',
    x(Buffer.concat([record('path', 'a'), Buffer.alloc(4)])),
    'archive-pax-malformed',
    /length of a record/,
    'byte 0',
  ],
  ['an empty path', tar(pax({ path: '' }), member('x')), 'archive-name-unsafe', /is empty/, ''],
  ['an extension of a gigabyte', tar(header({ type: 'x', size: 2 ** 30 })), 'archive-header-malformed', /too large/, 'byte 0'],
];

const BLOCKS: readonly Attack[] = [
  ['a wrong checksum', tar(header({ checksum: '012345\0 ' })), 'archive-checksum-wrong', /checksum of a header/, 'byte 0'],
  ['a checksum of signed bytes', tar(header({ name: 'é', checksum: signedSum() })), 'archive-checksum-wrong', /checksum/, 'byte 0'],
  [
    'a header of the time before POSIX',
    tar(header({ magic: '\0'.repeat(8) })),
    'archive-header-malformed',
    /not one that all readers know/,
    'byte 0',
  ],
  [
    'bytes where GNU keeps the map of a sparse file',
    tar(header({ magic: GNU_MAGIC, prefix: 'evil' })),
    'archive-header-malformed',
    /where nothing belongs/,
    'byte 0',
  ],
  ["star's mark", tar(header({ bytes: [[508, 'tar\0']] })), 'archive-header-malformed', /where nothing belongs/, 'byte 0'],
  ['a group id that is no number', tar(header({ bytes: [[116, 'staff\0']] })), 'archive-header-malformed', /group id of/, 'byte 0'],
  ['a time that is no number', tar(header({ bytes: [[136, 'now']] })), 'archive-header-malformed', /time of a header/, 'byte 0'],
  ['a time beyond all times', tar(header({ bytes: [[136, binary(2n ** 63n)]] })), 'archive-header-malformed', /time of a header/, 'byte 0'],
  ['a major device number that is none', tar(header({ bytes: [[329, 'x']] })), 'archive-header-malformed', /device number/, 'byte 0'],
  ['a minor device number that is none', tar(header({ bytes: [[337, 'x']] })), 'archive-header-malformed', /device number/, 'byte 0'],
  [
    'base 256 in which seven bits of the first byte count, or none',
    tar(header({ size: binary(2n ** 40n, 0x81) })),
    'archive-size-wrong',
    /not a number/,
    'byte 0',
  ],
  ['a user id that is no number', tar(header({ uid: 'root\0\0\0\0' })), 'archive-header-malformed', /user id of a header/, 'byte 0'],
  ['a mode that is no number', tar(header({ mode: '000064x\0' })), 'archive-header-malformed', /mode of a header/, 'byte 0'],
  ['no end', member('x'), 'archive-truncated', /without the two blocks/, 'byte 1024'],
  ['one block of the end', Buffer.concat([member('x'), END.subarray(512)]), 'archive-truncated', /without the two blocks/, 'byte 1536'],
  [
    'an end inside a header',
    Buffer.concat([member('x'), header().subarray(0, 100)]),
    'archive-truncated',
    /without the two blocks/,
    'byte 1024',
  ],
  ['an end inside a file', member('x'.repeat(600)).subarray(0, 1024), 'archive-truncated', /ends inside a member/, 'file'],
  ['an end inside the padding', member('x').subarray(0, 1000), 'archive-truncated', /ends inside a member/, 'file'],
  ['nothing at all', Buffer.alloc(0), 'archive-truncated', /without the two blocks/, 'byte 0'],
  ['a lone block of zero bytes', tar(Buffer.alloc(512), member('x')), 'archive-trailing-data', /single block of zero bytes/, 'byte 512'],
  [
    'a second archive',
    Buffer.concat([tar(member('x')), tar(member('y', { name: 'b' }))]),
    'archive-trailing-data',
    /follows the end/,
    'byte 2048',
  ],
  [
    'a byte at the very end',
    Buffer.concat([tar(member('x')), Buffer.alloc(5000), Buffer.from('x')]),
    'archive-trailing-data',
    /follows the end/,
    'byte 7048',
  ],
  [
    'bytes in the padding',
    tar(header({ size: 1 }), Buffer.from('x'.padEnd(512, 'y'))),
    'archive-header-malformed',
    /no reader shows/,
    'file',
  ],
  [
    'bytes in the padding of a PAX header',
    tar(header({ type: 'x', size: 11 }), padded(Buffer.from('11 mtime=1\nxx')), member('x')),
    'archive-header-malformed',
    /no reader shows/,
    'byte 0',
  ],
  ['gzip under the name of tar', gzip(tar(member('x'))), 'archive-format-mismatch', /it is compressed/, 'byte 0'],
];

const SOUND = tar(member('x'.repeat(5000)));
const packed = gzipSync(SOUND);
function changed(at: number, value: number): Buffer {
  const bytes = Buffer.from(packed);
  bytes[at < 0 ? bytes.length + at : at] = value;
  return bytes;
}
const withHeader = (flags: number, extra: Buffer) =>
  Buffer.concat([packed.subarray(0, 3), Buffer.from([flags]), packed.subarray(4, 10), extra, packed.subarray(10)]);

const GZIP: readonly Attack[] = [
  ['two members', Buffer.concat([packed, gzipSync(tar(member('y')))]), 'gzip-several-members', /another gzip member/, ''],
  ['an empty second member', Buffer.concat([packed, gzipSync('')]), 'gzip-several-members', /another gzip member/, ''],
  [
    'an archive in two members',
    Buffer.concat([gzipSync(SOUND.subarray(0, 700)), gzipSync(SOUND.subarray(700))]),
    'gzip-several-members',
    /another/,
    '',
  ],
  ['trailing bytes', Buffer.concat([packed, Buffer.from('x')]), 'gzip-trailing-data', /follows the end of gzip/, ''],
  ['trailing zero bytes', Buffer.concat([packed, Buffer.alloc(512)]), 'gzip-trailing-data', /follows the end of gzip/, ''],
  ['a wrong CRC', changed(-6, 0), 'gzip-checksum-wrong', /checksum or length is wrong/, ''],
  ['a wrong length', changed(-1, 1), 'gzip-checksum-wrong', /checksum or length is wrong/, ''],
  ['an extra field', withHeader(4, Buffer.from([2, 0, 1, 2])), 'gzip-malformed', /more than a file name/, 'byte 3'],
  ['a comment', withHeader(16, Buffer.from('hi\0')), 'gzip-malformed', /more than a file name/, 'byte 3'],
  ['a checksum of the header', withHeader(2, Buffer.alloc(2)), 'gzip-malformed', /more than a file name/, 'byte 3'],
  ['a reserved flag', withHeader(0x20, Buffer.alloc(0)), 'gzip-malformed', /more than a file name/, 'byte 3'],
  ['a file name without an end', withHeader(8, Buffer.alloc(2000, 'x')), 'gzip-malformed', /does not end/, 'byte 10'],
  ['another compression', changed(2, 7), 'gzip-malformed', /compressed in a way/, 'byte 2'],
  ['no gzip', SOUND, 'gzip-malformed', /does not begin as gzip/, 'byte 0'],
  [
    'damaged data',
    Buffer.concat([packed.subarray(0, 10), Buffer.from([0xff, 0xff]), packed.subarray(12)]),
    'gzip-malformed',
    /damaged/,
    '',
  ],
  ['no trailer', packed.subarray(0, -8), 'gzip-truncated', /ends too early/, ''],
  ['half a trailer', packed.subarray(0, -3), 'gzip-truncated', /ends too early/, ''],
  ['an end inside the data', packed.subarray(0, 30), 'gzip-truncated', /ends too early/, ''],
  ['an end inside the header', packed.subarray(0, 5), 'gzip-truncated', /ends too early/, ''],
  ['nothing', Buffer.alloc(0), 'gzip-truncated', /ends too early/, ''],
  [
    'an archive that ends before gzip does',
    gzipSync(Buffer.concat([SOUND, Buffer.from('x')])),
    'archive-trailing-data',
    /follows the end/,
    '',
  ],
];

function signedSum(): string {
  const block = header({ name: 'é' });
  const sum = block.reduce((total, byte, i) => total + (i >= 148 && i < 156 ? 0x20 : byte > 127 ? byte - 256 : byte), 0);
  return `${sum.toString(8).padStart(6, '0')}\0 `;
}

/** Archives that readers might take for different things, or that are to harm whoever unpacks them. */
export const ATTACKS: readonly (readonly [title: string, attacks: readonly Attack[], format: 'tar' | 'tar.gz'])[] = [
  ['for names', NAMES, 'tar'],
  ['for names that are one', TREES, 'tar'],
  ['for what is neither file nor directory', TYPES, 'tar'],
  ['for sizes', SIZES, 'tar'],
  ['for headers that extend others', EXTENSIONS, 'tar'],
  ['for its blocks', BLOCKS, 'tar'],
  ['for its compression', GZIP, 'tar.gz'],
];
