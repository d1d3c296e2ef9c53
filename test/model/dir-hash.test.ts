import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { dirHash } from '../../src/model/index.ts';
import { digestOf, filesManifest } from '../formats/oms-vectors.ts';

describe('dirHash', () => {
  it('is what sha256sum of the sorted list of sha256sum gives', () => {
    const lines = ['a.txt', 'b/c.bin', '\u{1f600}'].map((name) => `${digestOf(name)}  ${name}\n`).join('');
    const expected = createHash('sha256').update(lines).digest('hex');
    assert.equal(dirHash(filesManifest('\u{1f600}', 'b/c.bin', 'a.txt')), expected);
  });

  it('is that of Go for a directory that its own tests know', () => {
    // golang.org/x/mod/sumdb/dirhash: xyz of "data for xyz", abc of "data for abc".
    const manifest = filesManifest('abc', 'xyz');
    const resources = ['abc', 'xyz'].map((name) => ({ name, digest: digestOf(`data for ${name}`) }));
    const expected = createHash('sha256')
      .update(`${digestOf('data for abc')}  abc\n${digestOf('data for xyz')}  xyz\n`)
      .digest('base64');
    assert.equal(Buffer.from(dirHash({ ...manifest, resources }) ?? '', 'hex').toString('base64'), expected);
  });

  it('is nothing for shards, other digests, and one file that the manifest does not name', () => {
    const manifest = filesManifest('a');
    const { serialization } = manifest;
    assert.equal(dirHash({ ...manifest, serialization: { ...serialization, method: 'shards', shardSize: 10 } }), undefined);
    assert.equal(dirHash({ ...manifest, serialization: { ...serialization, hashType: 'blake3' } }), undefined);
    assert.equal(dirHash(filesManifest('.')), undefined);
  });
});
