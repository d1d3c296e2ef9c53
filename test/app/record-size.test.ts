import assert from 'node:assert/strict';
import { refuseLargeRecord } from '../../src/app/record-size.ts';
import { MAX_RECORD_BYTES } from '../../src/release/index.ts';
import { parseLocation } from '../../src/store/index.ts';
import { mlsignError } from '../helpers/keys.ts';

const MIB = 1024 * 1024;

describe('the size of a release record', () => {
  function check(url: string, files: number, size: number): void {
    const manifest = {
      resources: [],
      serialization: { method: 'files', hashType: 'sha256', allowSymlinks: false, ignorePaths: [] },
    } as const;
    const planned = Array.from({ length: files }, (_, i) => ({
      name: `shard-${String(i).padStart(8, '0')}.bin`,
      path: '',
      key: '',
      identity: { size, mtimeMs: 0, ino: 0, dev: 0 },
      signed: { algorithm: 'sha256' as const, shardSize: undefined, digests: [] },
    }));
    const contents = { kind: 'directory' as const, modelId: '0'.repeat(64), manifest, files: planned, bundles: [], attestations: [] };
    refuseLargeRecord(parseLocation(url), contents);
  }

  const refusal = (got: string) =>
    mlsignError('record-too-large', 'the release record of this model would be larger than mlsign reads; nothing was sent', {
      outcome: 'refused',
      expected: `at most ${MAX_RECORD_BYTES} bytes`,
      got,
    });

  it('is known before anything is sent: too many files', () => {
    check('s3://models/llama', 100_000, 10);
    assert.throws(() => check('s3://models/llama', 200_000, 10), refusal('49067216 bytes or more, for 200000 files in 200000 parts'));
  });

  it('is known before anything is sent: too many parts, where a store has such', () => {
    check('file:/models/llama', 1000, 10_000 * MIB);
    assert.throws(() => check('s3://models/llama', 1000, 10_000 * MIB), refusal('56001884 bytes or more, for 1000 files in 625000 parts'));
  });
});
