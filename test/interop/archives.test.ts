import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { MlsignError } from '../../src/core/index.ts';
import { binary, type Content, GNU_MAGIC, header, longName, padded, pax, readAll, tar } from '../helpers/archives.ts';
import { Sandbox } from '../helpers/sandbox.ts';

const sourceOf = (name: string) => fileURLToPath(new URL(`archives/${name}`, import.meta.url));
const octal = (digits: string) => `${digits.padStart(7, '0')}\0`;

const name = fc.constantFrom(
  'a',
  'b',
  './c',
  'd/e',
  'f/',
  'é',
  'n'.repeat(100),
  `${'n'.repeat(99)}/`,
  'g ',
  ' h',
  '-i',
  './',
  '.',
  '._a',
  '\ufeffj',
  'k%2e',
);
const prefix = fc.oneof({ weight: 5, arbitrary: fc.constant('') }, fc.constantFrom('p', 'p/', './p', 'P'.repeat(155)));
const type = fc.oneof({ weight: 4, arbitrary: fc.constant('0') }, fc.constantFrom('\0', '5', '7', 'V', 'M', 'D', 'N', 'A', 'g'));
const magic = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('ustar\x0000', GNU_MAGIC) },
  fc.constantFrom('\0'.repeat(8), 'ustar\0\0\0', 'ustar 00'),
);
const small = fc.constantFrom(
  octal('644'),
  octal('0'),
  '000000 \0',
  '     0 \0',
  '\0'.repeat(8),
  '00000000',
  '-000001\0',
  '0\0\0\x001\0\0\0',
  '0000_1\0\0',
  '\t000001\0',
);
const large = fc.constantFrom(
  '00000000000\0',
  '14000000000 ',
  '\0'.repeat(12),
  '777777777777',
  binary(-5n, 0xff),
  binary(2n ** 40n),
  binary(2n ** 62n, 0x81),
  binary(2n ** 63n),
);
const field = (at: number, values: fc.Arbitrary<string | Buffer>) =>
  fc.oneof({ weight: 7, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.tuple(fc.constant(at), values) });
const fields = fc.tuple(field(100, small), field(108, small), field(116, small), field(136, large), field(329, small), field(337, small));

const sizeOf = (length: number) => {
  const digits = length.toString(8);
  return fc.oneof(
    { weight: 4, arbitrary: fc.constant<number | string | Buffer>(length) },
    fc.constantFrom(
      digits.padStart(12, '0'),
      `${digits.padStart(11)} `,
      digits.padEnd(12),
      digits.padEnd(12, '\0'),
      binary(BigInt(length)),
    ),
  );
};
const keys = fc.dictionary(
  fc.constantFrom('path', 'mtime', 'uid', 'comment', 'size', 'SCHILY.xattr.user.a'),
  fc.oneof(name, fc.constantFrom('1', '-1', '1.5', '21 hdrcharset=BINARY\n')),
  { minKeys: 1, maxKeys: 2 },
);
const extension = fc.oneof(
  { weight: 5, arbitrary: fc.constant(Buffer.alloc(0)) },
  fc.tuple(keys, fc.constantFrom('x', 'x', 'g')).map(([records, kind]) => pax(records, kind)),
  name.map((long) => longName(long)),
);
const member = fc.constantFrom(0, 0, 1, 511, 512, 513).chain((length) =>
  fc.record({ extension, name, prefix, type, magic, fields, size: sizeOf(length) }).map((made) => {
    const bytes = made.fields.filter((entry) => entry !== undefined);
    return Buffer.concat([made.extension, header({ ...made, bytes }), padded(Buffer.alloc(length, 'c'))]);
  }),
);

describe('an archive of headers that are put together at random', () => {
  const sandbox = new Sandbox();
  after(() => sandbox.remove());

  it('is refused, or holds for Go, Python and libarchive what it holds for us, or is refused by them', async () => {
    const accepted: { readonly path: string; readonly content: Content }[] = [];
    await fc.assert(
      fc.asyncProperty(fc.array(member, { minLength: 1, maxLength: 2 }), async (members) => {
        const bytes = tar(...members);
        try {
          const content = await readAll(bytes);
          const path = sandbox.path(`${accepted.length}.tar`);
          writeFileSync(path, bytes);
          accepted.push({ path, content });
        } catch (error) {
          assert.ok(error instanceof MlsignError && error.outcome === 'refused', `${error}`);
        }
      }),
      { numRuns: 8000 },
    );
    assert.ok(accepted.length > 300, `${accepted.length} accepted`);
    const paths = accepted.map(({ path }) => path);
    const binaryPath = sandbox.path('list');
    execFileSync('go', ['build', '-o', binaryPath, sourceOf('list.go')], {
      env: { ...process.env, GO111MODULE: 'off', GOTOOLCHAIN: 'local', CGO_ENABLED: '0' },
    });
    const options = { maxBuffer: 2 ** 30, encoding: 'utf8' } as const;
    const byGo: readonly (Content | string)[] = JSON.parse(execFileSync(binaryPath, paths, options));
    const byPython: readonly (readonly (Content | string | null)[])[] = JSON.parse(
      execFileSync('python3', [sourceOf('list.py'), ...paths], options),
    );
    let compared = 0;
    for (const [i, { path, content }] of accepted.entries()) {
      for (const other of [byGo[i], ...(byPython[i] ?? [])]) {
        if (typeof other !== 'object' || other === null) continue;
        compared++;
        assert.deepEqual(other, content, path);
      }
    }
    assert.ok(compared > accepted.length * 1.5, `${compared} of ${accepted.length} compared`);
  });
});
