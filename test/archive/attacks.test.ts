import assert from 'node:assert/strict';
import { deflateRawSync } from 'node:zlib';
import { DEFAULT_LIMITS } from '../../src/archive/index.ts';
import { MlsignError } from '../../src/core/index.ts';
import { ATTACKS, type Attack } from '../helpers/archive-attacks.ts';
import { header, member, readAll, tar } from '../helpers/archives.ts';

async function refusal(archive: Buffer, format: 'tar' | 'tar.gz', limits = DEFAULT_LIMITS, piece?: number): Promise<MlsignError> {
  try {
    await readAll(archive, format, limits, piece);
  } catch (error) {
    if (error instanceof MlsignError) return error;
    throw error;
  }
  throw new assert.AssertionError({ message: 'was read' });
}

function check(title: string, attacks: readonly Attack[], format: 'tar' | 'tar.gz') {
  describe(title, () => {
    for (const [what, archive, code, message, subject] of attacks) {
      it(what, async () => {
        for (const piece of [10_000, 1]) {
          const error = await refusal(archive, format, DEFAULT_LIMITS, piece);
          assert.equal(error.code, code, error.message);
          assert.equal(error.outcome, 'refused');
          assert.match(error.message, /^the archive is refused: /);
          assert.match(error.message, message);
          if (subject !== '') assert.equal(error.subject, subject);
          assert.ok(error.suggestions.length > 0);
        }
      });
    }
  });
}

describe('an archive is refused', () => {
  for (const [title, attacks, format] of ATTACKS) check(title, attacks, format);

  describe('for being too much', () => {
    it('too many members', async () => {
      const archive = tar(...['a', 'b', 'c'].map((name) => member('x', { name })));
      const error = await refusal(archive, 'tar', { ...DEFAULT_LIMITS, members: 2 });
      assert.equal(error.code, 'archive-too-large');
      assert.match(error.message, /more files and directories than allowed/);
      assert.deepEqual([error.subject, error.expected], ['c', 'at most 2']);
      assert.deepEqual(error.suggestions, ['if the archive is to be trusted so far, raise the limit: --archive-limit members=N']);
    });

    it('too deep', async () => {
      const error = await refusal(tar(member('x', { name: 'a/b/c' })), 'tar', { ...DEFAULT_LIMITS, depth: 1 });
      assert.equal(error.code, 'archive-too-large');
      assert.match(error.message, /lies deeper than allowed/);
      assert.equal(error.subject, 'a/b/c');
    });

    it('too many bytes, before any of them is read', async () => {
      const error = await refusal(header({ size: 2 ** 32 }), 'tar', { ...DEFAULT_LIMITS, bytes: 2 ** 30 });
      assert.equal(error.code, 'archive-too-large');
      assert.match(error.message, /holds more bytes than allowed/);
      assert.equal(error.subject, 'file');
    });

    it('a bomb, soon after it begins', async () => {
      const size = 512 * 1024 * 1024;
      const bomb = deflateRawSync(Buffer.concat([header({ size }), Buffer.alloc(size + 1024)]));
      const trailer = Buffer.alloc(8);
      const error = await refusal(Buffer.concat([Buffer.from('1f8b0800000000000003', 'hex'), bomb, trailer]), 'tar.gz');
      assert.equal(error.code, 'archive-too-large');
      assert.match(error.message, /unpacks to more than 200 times its size/);
      assert.ok(Number(error.subject?.replace('byte ', '')) < 200 * 1024 * 1024, error.subject);
    }).timeout(60_000);
  });
});
