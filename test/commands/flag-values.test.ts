import assert from 'node:assert/strict';
import { mlsign } from '../helpers/cli.ts';
import { keyPath, TRUST } from '../helpers/stored-models.ts';

const HEX = 'a'.repeat(64);

describe('the value of a flag', () => {
  const identity = ['--identity', 'ci@example.com', '--issuer', 'https://issuer.example', '--offline'];
  const rows: readonly (readonly [args: readonly string[], code: string, message: RegExp, got: string | undefined])[] = [
    [['verify', '.', ...identity, '--claim', 'repository'], 'claim-malformed', /^this is not a claim$/, undefined],
    [['verify', 'file:store/m@1', ...TRUST, '--expect-model-id', HEX.slice(1)], 'model-id-invalid', /not a model id/, HEX.slice(1)],
    [
      ['attest', '.', '--param', 'a=b', '--invocation', 'two\nlines', '--key', keyPath('ec-p256.key')],
      'invocation-malformed',
      /one line of at most 4,096 characters/,
      undefined,
    ],
  ];
  for (const [args, code, message, got] of rows) {
    it(`that is wrong is ${code}`, async () => {
      const run = await mlsign([...args, '--json']);
      const error = JSON.parse(run.stdout);
      assert.deepEqual([run.code, error.code, error.got], [2, code, got], error.message);
      assert.match(error.message, message);
    });
  }
});
