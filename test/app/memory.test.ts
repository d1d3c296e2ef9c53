import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { legacyStatement, unsignedBundle } from '../helpers/hostile-bundle.ts';
import { keyUrl } from '../helpers/keys.ts';
import { assertPeak } from '../helpers/peak-memory.ts';
import { Sandbox } from '../helpers/sandbox.ts';

/** The promise for whatever is not hashing; `test/system` tries it with the costly inputs. */
const LIMIT_MIB = 256;

describe('peak memory with hostile input', () => {
  const sandbox = new Sandbox();
  after(() => sandbox.remove());

  it(`stays within ${LIMIT_MIB} MiB for a bundle of 750,000 subjects that are none`, () => {
    const model = sandbox.write('model', { 'a.bin': 'a' });
    const path = sandbox.path('hostile.sig');
    writeFileSync(path, unsignedBundle(legacyStatement(Array.from({ length: 750_000 }, () => '0').join())));
    assertPeak(LIMIT_MIB, 'verify', model, '--key', fileURLToPath(keyUrl('ec-p256.pub')), '--signature', path);
    assertPeak(LIMIT_MIB, 'inspect', path);
  });
});
