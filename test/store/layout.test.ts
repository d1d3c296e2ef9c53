import assert from 'node:assert/strict';
import { attestationOfKey, channelOfKey, layoutOf, releaseOfKey } from '../../src/store/index.ts';

const ID = 'ab'.repeat(32);
const DIGEST = 'cd'.repeat(32);

describe('the layout of a store', () => {
  const layout = layoutOf({ prefix: 'team/', name: 'llama' });

  it('gives every model a folder of its own, and its records another', () => {
    assert.equal(layout.model, 'team/llama/');
    assert.equal(layout.files(ID), `team/llama/${ID}/`);
    assert.equal(layout.file(ID, 'a/model.safetensors'), `team/llama/${ID}/a/model.safetensors`);
    assert.equal(layout.bundles(ID), `team/llama/.mlsign/bundles/${ID}/`);
    assert.equal(layout.bundle(ID, DIGEST), `team/llama/.mlsign/bundles/${ID}/${DIGEST}.sig`);
    assert.equal(layout.attestation(ID, DIGEST), `team/llama/.mlsign/bundles/${ID}/${DIGEST}.att`);
    assert.equal(layout.release(7), 'team/llama/.mlsign/releases/7.json');
    assert.equal(layout.channel('production'), 'team/llama/.mlsign/channels/production.json');
    assert.equal(layout.revocations, 'team/.mlsign/revocations.json');
    assert.equal(layoutOf({ prefix: '', name: 'llama' }).release(1), 'llama/.mlsign/releases/1.json');
  });

  it('reads back the keys that it makes, and no others', () => {
    assert.equal(releaseOfKey(layout, layout.release(7)), 7);
    assert.equal(channelOfKey(layout, layout.channel('production')), 'production');
    for (const name of ['0', '07', '7.json.bak', '-1', '1e3', 'x', '', '7/8', '1234567890123456']) {
      assert.equal(releaseOfKey(layout, `${layout.releases}${name}.json`), undefined, name);
    }
    for (const name of ['7', '.x', 'a/b', '', 'a b', 'a'.repeat(65)]) {
      assert.equal(channelOfKey(layout, `${layout.channels}${name}.json`), undefined, name);
    }
    assert.equal(attestationOfKey(layout, ID, layout.attestation(ID, DIGEST)), DIGEST);
    for (const key of [layout.bundle(ID, DIGEST), layout.attestation(DIGEST, DIGEST), `${layout.bundles(ID)}x.att`, layout.release(7)]) {
      assert.equal(attestationOfKey(layout, ID, key), undefined, key);
    }
    assert.equal(releaseOfKey(layout, `team/other/.mlsign/releases/7.json`), undefined);
    assert.equal(releaseOfKey(layout, layout.channel('x')), undefined);
    assert.equal(channelOfKey(layout, layout.release(7)), undefined);
  });
});
