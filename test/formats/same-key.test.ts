import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { sameKey } from '../../src/formats/index.ts';
import { KEY_NAMES, keyFile } from '../helpers/keys.ts';

describe('comparing keys', () => {
  const names = KEY_NAMES.filter((name) => !name.includes('ml-dsa'));

  it('knows each key from every other, and leaves nothing behind that spoils the next key that is read', () => {
    const keys = names.map((name) => createPublicKey(keyFile(`${name}.pub`)));
    for (const [i, a] of keys.entries()) {
      for (const [j, b] of keys.entries()) {
        assert.equal(sameKey(a, b), i === j, `${names[i]} and ${names[j]}`);
        assert.ok(createPrivateKey(keyFile('ec-p256.key')));
      }
    }
  });
});
