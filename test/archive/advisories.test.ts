import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { MlsignError } from '../../src/core/index.ts';
import { binary, GNU_MAGIC, header, longName, member, pax, readAll, record, tar } from '../helpers/archives.ts';

const link = (name: string, target: string) => header({ name, type: '2', link: target });
const hard = (name: string, target: string) => header({ name, type: '1', link: target });
const folder = (name: string) => header({ name, type: '5' });
const big = (name: string, size: number) => Buffer.concat([header({ name, type: 'x', size }), Buffer.alloc(1024)]);
/** An archive inside, as content: what a reader sees as members that lost its place. */
const INNER = Buffer.concat([member('evil', { name: 'evil' }), Buffer.alloc(512)]);

/** The advisory, an archive as it describes it, and the code with which it is refused. */
const ADVISORIES: readonly (readonly [advisory: string, archive: Buffer, code: string])[] = [
  // node-tar
  [
    'CVE-2021-32803: a directory that becomes a link',
    tar(folder('d'), link('d', '/tmp'), member('x', { name: 'd/f' })),
    'archive-member-link',
  ],
  ['CVE-2021-32804: several slashes before an absolute path', tar(member('x', { name: '////etc/passwd' })), 'archive-name-unsafe'],
  ['CVE-2021-37701: a link that a name with backslashes meets', tar(folder('a\\b'), link('a/b', '/tmp')), 'archive-name-unsafe'],
  ['CVE-2021-37701: a link that a name in another case meets', tar(folder('FOO'), link('foo', '/tmp')), 'archive-member-link'],
  ['CVE-2021-37712: Unicode forms of one name', tar(folder('caf\u00e9'), member('x', { name: 'cafe\u0301/f' })), 'archive-name-collision'],
  ['CVE-2021-37712: a link in another Unicode form', tar(folder('caf\u00e9'), link('cafe\u0301', '/tmp')), 'archive-member-link'],
  ['CVE-2021-37713: a path relative to a drive', tar(member('x', { name: 'C:../f' })), 'archive-name-unsafe'],
  ['CVE-2024-28863: folders without end', tar(longName(`${'a/'.repeat(90)}f`), member('x')), 'archive-too-large'],
  ['CVE-2026-23745: a hard link to an absolute path', tar(hard('f', '/etc/passwd')), 'archive-member-link'],
  ['CVE-2026-23950: ß and ss', tar(member('x', { name: 'stra\u00dfe' }), member('y', { name: 'strasse' })), 'archive-name-collision'],
  ['CVE-2026-24842: a hard link through a folder', tar(folder('a'), hard('a/f', '../../outside')), 'archive-member-link'],
  ['CVE-2026-26960: a hard link through links', tar(link('a/up', '../..'), hard('f', 'a/up/outside')), 'archive-member-link'],
  ['GHSA drive-relative hard link', tar(hard('l', 'C:../target.txt')), 'archive-member-link'],
  // tar-fs
  ['CVE-2024-12905: a link and a file through it', tar(link('l', '../..'), member('x', { name: 'l/f' })), 'archive-member-link'],
  ['CVE-2025-48387: a hard link through a link', tar(link('l', '/etc'), hard('f', 'l/passwd')), 'archive-member-link'],
  ['CVE-2025-59343: a link to a path that begins like the folder', tar(link('l', '../model-other/f')), 'archive-member-link'],
  // Python
  ['CVE-2007-4559: traversal', tar(member('x', { name: '../../etc/passwd' })), 'archive-name-unsafe'],
  [
    'CVE-2025-4517, -4330, -4138: links longer than PATH_MAX',
    tar(link('d'.repeat(99), 'd/'.repeat(49)), member('x')),
    'archive-member-link',
  ],
  ['CVE-2025-4435: a member that a filter drops', tar(member('x', { name: '/f' }), member('y', { name: 'f' })), 'archive-name-unsafe'],
  ['CVE-2025-8194: a negative size', tar(header({ size: binary(-512n, 0xff) })), 'archive-size-wrong'],
  [
    'CVE-2025-13462: a longname without a type, named as a directory',
    tar(longName('f'), member('x', { name: 'd/', type: '\0' })),
    'archive-header-malformed',
  ],
  ['CVE-2019-20907: a PAX record of length 0', tar(member('0 a=b\n', { type: 'x' }), member('x')), 'archive-pax-malformed'],
  // Go
  [
    'CVE-2025-58183: a sparse map',
    tar(pax({ 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0', 'GNU.sparse.name': 'f', 'GNU.sparse.realsize': '9' }), member('9999999\n')),
    'archive-pax-refused',
  ],
  ['CVE-2022-2879: a PAX header of a gigabyte', big('p', 2 ** 30), 'archive-header-malformed'],
  ['a sparse file of old GNU', tar(header({ type: 'S', magic: GNU_MAGIC })), 'archive-member-sparse'],
  // tokio-tar, tar-rs
  [
    'CVE-2025-62518: a PAX size over a header of 0',
    tar(pax({ size: `${INNER.length}` }), header({ name: 'inner.tar' }), INNER, member('x', { name: 'b' })),
    'archive-size-wrong',
  ],
  [
    'astral-tokio-tar: a malformed PAX header before a longname',
    tar(member('x', { type: 'x' }), longName('a'), member('y')),
    'archive-pax-malformed',
  ],
  ['tar-rs: a PAX size where the header has another', tar(pax({ size: '512' }), member('x'.repeat(1024))), 'archive-size-wrong'],
  // libarchive, GNU tar
  ['CVE-2024-57970: a longname that is cut short', longName('n'.repeat(600)).subarray(0, 700), 'archive-truncated'],
  ['CVE-2019-9923: a malformed extended header', tar(member('7 a\n', { type: 'x' }), member('x')), 'archive-pax-malformed'],
  ['CVE-2016-6321: a name that leads out after a folder', tar(member('x', { name: 'etc/motd/../etc/shadow' })), 'archive-name-unsafe'],
  [
    'CVE-2022-48303: base 256 where spaces were expected',
    tar(header({ bytes: [[136, Buffer.concat([Buffer.from([0x8b]), Buffer.alloc(11, 0x20)])]] })),
    'archive-header-malformed',
  ],
  ['CVE-2023-39804: an attribute with a keyword of nothing', tar(member('5 =a\n', { type: 'x' }), member('x')), 'archive-pax-malformed'],
  ['a global header that names every member', tar(member(record('path', 'evil'), { type: 'g' }), member('x')), 'archive-pax-refused'],
];

describe('an archive of an advisory of another reader', () => {
  for (const [advisory, archive, code] of ADVISORIES) {
    it(`is refused: ${advisory}`, async () => {
      for (const [bytes, format] of [
        [archive, 'tar'],
        [gzipSync(archive), 'tar.gz'],
      ] as const) {
        await assert.rejects(readAll(bytes, format), (error) => {
          assert.ok(error instanceof MlsignError && error.outcome === 'refused', `${error}`);
          assert.equal(error.code, code, error.message);
          assert.match(error.message, /^the archive is refused: ./);
          return true;
        });
      }
    });
  }
});
