import assert from 'node:assert/strict';
import { DeleteObjectCommand, GetObjectRetentionCommand, ListObjectVersionsCommand } from '@aws-sdk/client-s3';
import { codesOf, ended, useBench } from './bench.ts';
import { Bucket } from './stores.ts';
import { filesBelow, pushed, Team } from './team.ts';

describe('a release on versitygw, which knows no checksums of parts', () => {
  const bench = useBench();
  let team: Team;
  before(async () => {
    team = await Team.gather(bench(), await Bucket.make('versitygw'));
  });

  it('is pushed, promoted, verified and pulled', async () => {
    const model = await team.model({ big: true });
    ended(0, await team.push(model, 'llm'));
    ended(0, await team.promote('llm@1', '--init'));
    ended(0, await team.verify('llm@production'));
    const folder = bench().fresh('pulled');
    ended(0, await team.pull('llm@production', folder));
    assert.deepEqual(await filesBelow(folder), await filesBelow(model));
  });

  it('cannot be attested: it says why, and what to use instead', async () => {
    ended(0, await team.push(await team.model({ big: true }), 'unproven'));
    const run = await team.verify('unproven@1', '--attested');
    ended(3, run);
    assert.deepEqual(codesOf(run), ['not-attested']);
    assert.match(run.output, /part/);
    assert.match(run.output, /leave out --attested/);
  });

  it('comes back after a file was deleted', async () => {
    const push = await team.push(await team.model({ big: true }), 'deleted');
    ended(0, push);
    const { modelId } = pushed(push);
    for (const file of ['config.json', 'model.safetensors']) {
      await team.bucket.client.send(new DeleteObjectCommand({ Bucket: team.bucket.name, Key: `deleted/${modelId}/${file}` }));
    }
    ended(1, await team.verify('deleted@1'));
    ended(0, await team.run(['restore', team.bucket.url('deleted@1'), '--policy', team.policy]));
    ended(0, await team.verify('deleted@1'));
  });

  it('is locked where that is asked for, and nobody removes it before its time', async () => {
    const locked = await Team.gather(bench(), await Bucket.make('versitygw', { lock: true }));
    const until = new Date(Date.now() + 86_400_000).toISOString();
    const push = await locked.push(await locked.model(), 'llm', '--lock-until', until);
    ended(0, push);
    const { modelId } = pushed(push);
    const where = { Bucket: locked.bucket.name, Prefix: `llm/${modelId}/config.json` };
    const { Versions: [version] = [] } = await locked.bucket.client.send(new ListObjectVersionsCommand(where));
    assert.ok(version?.Key && version.VersionId);
    const object = { Bucket: locked.bucket.name, Key: version.Key, VersionId: version.VersionId };
    const { Retention } = await locked.bucket.client.send(new GetObjectRetentionCommand(object));
    assert.equal(Retention?.Mode, 'GOVERNANCE');
    await assert.rejects(locked.bucket.client.send(new DeleteObjectCommand(object)), { name: 'AccessDenied' });
    ended(0, await locked.verify('llm@1'));
  });

  it('is not locked in a bucket that cannot: refused before anything is released', async () => {
    const until = new Date(Date.now() + 86_400_000).toISOString();
    const run = await team.push(await team.model(), 'unlocked', '--lock-until', until);
    ended(1, run);
    assert.match(run.output, /\[object-lock-missing\]/);
    ended(3, await team.verify('unlocked@1'));
  });

  it('is not encrypted in silence: where the server ignores the key, nothing is released', async () => {
    const run = await team.push(await team.model({ big: true }), 'secret', '--sse-kms', 'models');
    ended(1, run);
    assert.match(run.output, /\[encryption-ignored\]/);
    ended(3, await team.verify('secret@1'));
  });
});
