import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { signModel, unpackModel } from '../../src/app/index.ts';
import { ATTACKS } from '../helpers/archive-attacks.ts';
import { longName, member, pax, tar } from '../helpers/archives.ts';
import { fixtureSigner } from '../helpers/keys.ts';
import { Sandbox } from '../helpers/sandbox.ts';
import { testPolicy } from '../helpers/stored-models.ts';

const FILES = { file: 'x'.repeat(5000), 'sub/é.txt': 'text', empty: '' };
const SOUND = tar(
  member(FILES.file),
  pax({ path: 'sub/é.txt' }),
  member(FILES['sub/é.txt'], { name: 'sub_.txt' }),
  longName('empty'),
  member('', { name: 'empty' }),
);

describe('an archive that is to harm whoever unpacks it', () => {
  const sandbox = new Sandbox();
  let serial = 0;
  let bundle: Uint8Array;
  after(() => sandbox.remove());
  before(async () => {
    const signer = await fixtureSigner('ec-p256');
    const { signatures } = await signModel(sandbox.write('signed', FILES), { signer });
    bundle = readFileSync(signatures[0].path);
    mkdirSync(sandbox.path('tries'));
  });

  /** Unpacks an archive that has a good signature beside it; says what became of it, and that nothing else did. */
  async function unpack(archive: Buffer, format: 'tar' | 'tar.gz') {
    const folder = `${++serial}`;
    const path = sandbox.path('tries', folder, `model.${format}`);
    mkdirSync(dirname(path));
    writeFileSync(path, archive);
    writeFileSync(`${path}.sig`, bundle);
    const directory = sandbox.path('tries', folder, 'unpacked');
    const { verdict, findings } = await unpackModel(path, directory, { policy: testPolicy() });
    const appeared = readdirSync(sandbox.path('tries', folder)).filter((name) => !name.startsWith('model.'));
    assert.deepEqual(appeared, verdict === 'verified' ? ['unpacked'] : [], 'something else was written, or half a model');
    return { directory, verdict, findings };
  }

  /** Nothing but what was signed. */
  function assertSame(directory: string): void {
    assert.deepEqual(readdirSync(directory, { recursive: true }).sort(), ['empty', 'file', 'model.sig', 'sub', join('sub', 'é.txt')]);
    for (const [name, content] of Object.entries(FILES)) assert.equal(readFileSync(join(directory, name), 'utf8'), content);
  }

  it('is told from one that does none', async () => {
    for (const [archive, format] of [
      [SOUND, 'tar'],
      [gzipSync(SOUND), 'tar.gz'],
    ] as const) {
      const { directory, verdict, findings } = await unpack(archive, format);
      assert.equal(verdict, 'verified', JSON.stringify(findings));
      assertSame(directory);
    }
  });

  for (const [title, attacks, format] of ATTACKS) {
    describe(`is refused ${title}, and leaves nothing`, () => {
      for (const [what, archive, code] of attacks) {
        it(what, async () => {
          for (const [bytes, way] of format === 'tar'
            ? ([
                [archive, 'tar'],
                [gzipSync(archive), 'tar.gz'],
              ] as const)
            : ([[archive, format]] as const)) {
            const { verdict, findings } = await unpack(bytes, way);
            assert.equal(verdict, 'rejected');
            // What begins as gzip does is one thing more in a tar of that name.
            assert.ok(
              findings.some((finding) => finding.code === code),
              `${way}: ${findings.map((finding) => finding.code)}`,
            );
          }
        });
      }
    });
  }

  it('never passes where it was changed at random, and never writes elsewhere', async function () {
    this.timeout(300_000);
    const packed = gzipSync(SOUND);
    const mutation = fc.record({
      isPacked: fc.boolean(),
      changes: fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 4 }),
      cut: fc.option(fc.nat(), { freq: 6 }),
    });
    await fc.assert(
      fc.asyncProperty(mutation, async ({ isPacked, changes, cut }) => {
        const bytes = Buffer.from(SOUND);
        // Bytes of the content are few among all: headers are what is changed most.
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        const whole = isPacked ? gzipSync(bytes) : bytes;
        const archive = cut === null ? whole : whole.subarray(0, cut % whole.length);
        const { directory, verdict } = await unpack(archive, isPacked ? 'tar.gz' : 'tar');
        if (verdict === 'verified') assertSame(directory);
      }),
      { numRuns: 300 },
    );
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: packed.length - 1 }), fc.integer({ min: 1, max: 255 }), async (at, difference) => {
        const bytes = Buffer.from(packed);
        bytes[at] = (bytes[at] ?? 0) ^ difference;
        const { directory, verdict } = await unpack(bytes, 'tar.gz');
        if (verdict === 'verified') assertSame(directory);
      }),
      { numRuns: 150 },
    );
  });
});
