import assert from 'node:assert/strict';
import { revocationTarget } from '../../src/app/index.ts';
import { MlsignError } from '../../src/core/index.ts';

const HEX = 'ab'.repeat(32);

describe('what is to be revoked', () => {
  const target = (text: string) => revocationTarget(text, { openStore: () => assert.fail('no store is asked for') });

  it('takes a model id as lineages print it for what verification compares', async () => {
    assert.deepEqual(await target(`mlsignModel:${HEX}`), { ...(await target(`sha256:${HEX}`)), value: `sha256:${HEX}` });
    assert.equal((await target(`blake3:${HEX}`)).value, `blake3:${HEX}`);
    assert.equal((await target(`key:${HEX}`)).kind, 'key');
  });

  // Whoever revokes must not believe that something is revoked which nothing is ever compared with.
  for (const text of [
    `SHA256:${HEX}`,
    `Sha256:${HEX}`,
    `sha256:${HEX.slice(2)}`,
    `sha256:${HEX}00`,
    `key:${HEX.slice(2)}`,
    `mlsignmodel:${HEX}`,
  ]) {
    it(`refuses ${text.slice(0, 14)}… of ${text.length} characters, which would reach nothing`, async () => {
      await assert.rejects(target(text), (error) => {
        assert.ok(error instanceof MlsignError);
        assert.deepEqual([error.code, error.outcome, error.subject], ['digest-malformed', 'usage', text]);
        assert.match(error.message, /no digest that mlsign knows, so revoking it would reach nothing/);
        return true;
      });
    });
  }
});
