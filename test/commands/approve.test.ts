import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { mlsign } from '../helpers/cli.ts';
import { Sandbox } from '../helpers/sandbox.ts';
import { assertValid } from '../helpers/schemas.ts';
import { keyPath, signingAs, TRAINER } from '../helpers/stored-models.ts';

const SECURITY = 'ed25519';

describe('mlsign approve', () => {
  const sandbox = new Sandbox();
  after(() => sandbox.remove());

  async function json(schema: string, code: number, ...args: readonly string[]) {
    const run = await mlsign([...args, '--json'], { env: { XDG_STATE_HOME: sandbox.path('state') } });
    assert.equal(run.code, code, run.stderr + run.stdout);
    const document = JSON.parse(run.stdout);
    assertValid(schema, document);
    return document;
  }

  it('approves a model once, on disk and in a store, and a policy asks for it', async () => {
    const model = sandbox.write('model', { 'config.json': '{}' });
    await mlsign(['sign', model, ...signingAs(TRAINER)]);
    const policy = sandbox.path('policy.yaml');
    const principals = `version: 1\nprincipals:\n  trainer: { key: "${keyPath(`${TRAINER}.pub`)}" }\n  security: { key: "${keyPath(`${SECURITY}.pub`)}" }\n`;
    const plain = `${principals}rules:\n  - model: "**"\n    signed-by: trainer\n`;
    writeFileSync(policy, `${plain}    attestations:\n      - { type: approval, role: security, signed-by: security }\n`);
    const before = await json('verification', 1, 'verify', model, '--policy', policy);
    assert.equal(before.findings[0].code, 'attestation-missing');
    const approve = ['approve', model, '--role', 'security', '--reason', 'scanned', '--expires', '90d', ...signingAs(SECURITY)];
    const first = await json('approve', 0, ...approve);
    assert.equal(first.attestations.length, 1);
    assert.equal(first.approval.reason, 'scanned');
    const again = await json('approve', 0, ...approve);
    assert.deepEqual([again.attestations.length, again.already.length], [0, 1]);
    const after = await json('verification', 0, 'verify', model, '--policy', policy);
    assert.deepEqual([after.attestations[0].met, after.attestations[0].statements[0].principals], [true, ['security']]);
    const place = `file:${sandbox.path('store')}/model`;
    const pushed = await mlsign(['push', model, place, '--policy', policy, ...signingAs(TRAINER)], {
      env: { XDG_STATE_HOME: sandbox.path('state') },
    });
    assert.equal(pushed.code, 0, pushed.stderr);
    await json('verification', 0, 'verify', `${place}@1`, '--policy', policy);
    const stored = ['approve', `${place}@1`, '--role', 'legal', '--policy', policy, ...signingAs(SECURITY)];
    assert.equal((await json('approve', 0, ...stored)).attestations.length, 1);
    assert.equal((await json('approve', 0, ...stored)).already.length, 1);
  });

  it('refuses roles and reasons that nobody could ask for', async () => {
    const run = await mlsign(['approve', 'model', '--role', 'a b', ...signingAs(SECURITY)]);
    assert.equal(run.code, 2);
    assert.match(run.stderr, /role-malformed/);
    const reason = await mlsign(['approve', 'model', '--role', 'a', '--reason', 'a\nb', ...signingAs(SECURITY)]);
    assert.equal(reason.code, 2);
    assert.match(reason.stderr, /reason-malformed/);
  });
});
