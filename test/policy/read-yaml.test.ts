import assert from 'node:assert/strict';
import { readYaml } from '../../src/policy/index.ts';
import { mlsignError } from '../helpers/keys.ts';

describe('YAML of other tools', () => {
  it('is read up to its limit', async () => {
    assert.deepEqual(await readYaml(Buffer.from('a: 1\n'), 'dvc.lock', 'file of DVC', 5), { a: 1 });
    await assert.rejects(
      readYaml(Buffer.from('a: 12\n'), 'dvc.lock', 'file of DVC', 5),
      mlsignError('yaml-too-large', 'the file of DVC is larger than mlsign reads', { outcome: 'refused', got: '6 bytes' }),
    );
  });
});
