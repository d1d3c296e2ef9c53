import assert from 'node:assert/strict';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { mlsign } from '../helpers/cli.ts';
import { Sandbox } from '../helpers/sandbox.ts';

/** What a terminal would act on: the end of a line is ours, unless it is followed by what only a name holds. */
const UNSAFE = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]|^zzz/mu;
const EVIL = 'm\u001b[31m\u009b2J\u202e\nzzz';

describe('what comes from outside, on every output', () => {
  const sandbox = new Sandbox();
  const model = sandbox.path(EVIL);
  // Of what a terminal acts on, the name of a model that is signed may hold this much.
  const signable = sandbox.path('m\u202ezzz');
  const key = sandbox.path(`key ${EVIL}`);
  const policy = sandbox.path(`policy ${EVIL}.yaml`);
  const bundle = sandbox.path('evil.sig');

  before(async function () {
    if (process.platform === 'win32') this.skip();
    mkdirSync(signable);
    writeFileSync(`${signable}/a\u202eb.txt`, 'signed');
    assert.equal((await mlsign(['keygen', key])).code, 0);
    assert.equal((await mlsign(['sign', signable, '--key', key])).code, 0);
    cpSync(signable, model, { recursive: true });
    const rule = '{ model: "**/m*\u202e*", signed-by: a }';
    writeFileSync(policy, `version: 1\nprincipals: { a: { key: ${JSON.stringify(`${key}.pub`)} } }\nrules:\n  - ${rule}\n`);
    writeFileSync(bundle, JSON.stringify({ [EVIL]: 1, mediaType: EVIL }));
  });
  after(() => sandbox.remove());

  const pub = `${key}.pub`;
  const runs: Readonly<Record<string, readonly [code: number, ...args: string[]]>> = {
    keygen: [0, 'keygen', `${key} 2`],
    hash: [0, 'hash', signable],
    'hash what may not be named so': [1, 'hash', model],
    sign: [0, 'sign', signable, '--key', key, '--force'],
    'sign again': [1, 'sign', signable, '--key', key],
    'sign what may not be named so': [1, 'sign', model, '--key', key, '--force'],
    inspect: [0, 'inspect', model],
    'inspect a bundle': [1, 'inspect', bundle],
    diff: [1, 'diff', model, sandbox.root],
    verify: [0, 'verify', model, '--key', pub],
    'verify under a policy': [0, 'verify', model, '--policy', policy],
    'verify another bundle': [1, 'verify', model, '--key', pub, '--signature', bundle],
    'verify without a key': [3, 'verify', model, '--key', EVIL],
    'a wrong flag': [2, 'verify', model, `--${EVIL}`],
    'a wrong value': [2, 'hash', model, '--method', EVIL],
    'a wrong command': [2, EVIL],
  };
  for (const [name, [code, ...args]] of Object.entries(runs)) {
    it(`${name}: is escaped`, async () => {
      for (const flags of [[], ['--json'], ['--quiet']]) {
        const all = name === 'keygen' ? [`${args[0]}`, `${args[1]}${flags.join('')}`, ...flags] : [...args, ...flags];
        const run = await mlsign(all);
        assert.equal(run.code, code, run.stderr);
        assert.doesNotMatch(run.stdout, UNSAFE);
        assert.doesNotMatch(run.stderr, UNSAFE);
        if (flags.includes('--json')) JSON.parse(run.stdout);
      }
    });
  }
});
