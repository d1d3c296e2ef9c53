import assert from 'node:assert/strict';
import { furtherBundles } from '../../src/app/further-bundles.ts';
import { type Finding, unavailable } from '../../src/core/index.ts';
import { openStore, parseLocation, type Store } from '../../src/store/index.ts';
import { aRecord } from '../helpers/releases.ts';
import { Sandbox } from '../helpers/sandbox.ts';

describe('signatures that were added after a release', () => {
  const sandbox = new Sandbox();
  after(() => sandbox.remove());

  it('are none where nothing may be listed, and that is said', async () => {
    const location = parseLocation(`file:${sandbox.path('store')}/llama@1`);
    const store = await openStore(location.store);
    const forbidding: Store = Object.create(store, {
      url: { value: store.url },
      history: {
        value: () => {
          throw unavailable('object-forbidden', 'absent or forbidden: s3:ListBucketVersions');
        },
      },
    });
    const findings: Finding[] = [];
    assert.deepEqual(await furtherBundles(forbidding, location, aRecord(1), findings), []);
    assert.deepEqual(
      findings.map(({ code, severity, message }) => [code, severity, message]),
      [
        [
          'bundles-not-listed',
          'note',
          'signatures added after the release were not looked for: absent or forbidden: s3:ListBucketVersions',
        ],
      ],
    );
    await store.close();
  });
});
