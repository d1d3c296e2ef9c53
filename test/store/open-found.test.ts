import assert from 'node:assert/strict';
import { lstatSync } from 'node:fs';
import { identityOf } from '../../src/digest/index.ts';
import { openFound } from '../../src/store/open-found.ts';
import { Sandbox } from '../helpers/sandbox.ts';

describe('the file that keeps a version', () => {
  const sandbox = new Sandbox();
  const folder = sandbox.write('versions', { '7': 'seventh' });
  const identity = identityOf(lstatSync(`${folder}/7`));
  after(() => sandbox.remove());

  it('is found again where it has got its lasting name just now', async () => {
    const names = ['7.new', '7'];
    const handle = await openFound(async () => ({ path: `${folder}/${names.shift()}`, identity }));
    try {
      assert.equal(await handle.readFile('utf8'), 'seventh');
    } finally {
      await handle.close();
    }
  });

  it('is not looked for without end', async () => {
    let times = 0;
    const find = async () => ({ path: `${folder}/${++times}.new`, identity });
    await assert.rejects(openFound(find), { code: 'ENOENT' });
    assert.equal(times, 5);
  });
});
