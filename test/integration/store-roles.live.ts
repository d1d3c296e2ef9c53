import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { assumeRole, type CredentialVariables } from '../servers/assume-role.ts';
import { ended, useBench } from './bench.ts';
import type { Ended } from './clients.ts';
import { Bucket, endpointOf } from './stores.ts';
import { pushed, Team } from './team.ts';

const page = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'iam.md'), 'utf8');
const ROLES = ['Deployer', 'Trainer', 'Releaser', 'Keeper'] as const;
type Role = (typeof ROLES)[number];

/** The policy that docs/iam.md gives to a role, for a bucket that is there. */
function policyOf(role: Role, bucket: string): unknown {
  const section = page.slice(page.indexOf(`\n## ${role}\n`));
  const block = /^```json\n([\s\S]*?)^```$/m.exec(section)?.[1];
  assert.ok(block, role);
  return JSON.parse(block.replaceAll('acme-models', bucket));
}

describe('the roles of docs/iam.md', () => {
  const bench = useBench();
  let team: Team;
  const roles = new Map<Role, CredentialVariables>();

  before(async () => {
    team = await Team.gather(bench(), await Bucket.make('minio'));
    for (const role of ROLES) roles.set(role, await assumeRole(endpointOf('minio'), policyOf(role, team.bucket.name)));
    ended(0, await team.push(await team.model({ big: true }), 'models/llm'));
    ended(0, await team.push(await team.model(), 'models/llm'));
    ended(0, await team.promote('models/llm@1', '--init'));
    ended(0, await team.promote('models/llm@2'));
  });

  function as(role: Role, args: readonly string[]): Promise<Ended> {
    return team.run(args, roles.get(role));
  }

  const at = (reference: string): string => team.bucket.url(`models/${reference}`);
  const trust = (): readonly string[] => ['--policy', team.policy, '--json'];
  const moving = (): readonly string[] => ['--policy', team.policy, '--key', team.releaser.key, '--channel', 'production', '--json'];
  const pushing = async (name: string): Promise<readonly string[]> => {
    const model = await team.model({ big: true });
    return ['push', model, at(name), '--policy', team.policy, '--key', team.trainer.key, '--json'];
  };

  /** What may be done by whoever may read. */
  async function reads(role: Role): Promise<void> {
    ended(0, await as(role, ['verify', at('llm@production'), ...trust()]));
    ended(0, await as(role, ['verify', at('llm@1'), '--attested', ...trust()]));
    ended(0, await as(role, ['verify', at('llm@1'), '--full', ...trust()]));
    ended(0, await as(role, ['pull', at('llm@production'), bench().fresh('pulled'), ...trust()]));
    ended(0, await as(role, ['history', at('llm@production'), ...trust()]));
    ended(0, await as(role, ['locate', at('llm@production'), ...trust()]));
    ended(0, await as(role, ['releases', at('llm'), '--json']));
    ended(0, await as(role, ['ls', at('llm'), '--json']));
  }

  for (const role of ROLES) it(`a ${role.toLowerCase()} verifies, pulls and looks around`, () => reads(role));

  it('a trainer pushes, in one part and in several', async () => {
    ended(0, await as('Trainer', await pushing('mine')));
    ended(0, await as('Deployer', ['verify', at('mine@1'), ...trust()]));
  });

  it('a releaser promotes, renews and rolls back', async () => {
    ended(0, await as('Releaser', ['promote', at('llm@1'), ...moving(), '--expires', '30d']));
    ended(0, await as('Releaser', ['renew', at('llm@production'), '--policy', team.policy, '--key', team.releaser.key, '--json']));
    ended(0, await as('Releaser', ['rollback', at('llm'), ...moving(), '--to', '2', '--reason', 'tried']));
  });

  it('a keeper restores what was deleted, and hides what is not of the release', async () => {
    const push = await team.push(await team.model({ big: true }), 'models/kept');
    ended(0, push);
    const { modelId } = pushed(push);
    for (const file of ['config.json', 'model.safetensors']) {
      await team.bucket.client.send(new DeleteObjectCommand({ Bucket: team.bucket.name, Key: `models/kept/${modelId}/${file}` }));
    }
    await team.bucket.client.send(new PutObjectCommand({ Bucket: team.bucket.name, Key: `models/kept/${modelId}/evil.py`, Body: 'x' }));
    ended(1, await as('Deployer', ['verify', at('kept@1'), ...trust()]));
    ended(0, await as('Keeper', ['restore', at('kept@1'), ...trust(), '--prune']));
    ended(0, await as('Deployer', ['verify', at('kept@1'), ...trust()]));
  });

  describe('are denied what is not their work:', () => {
    /** Whatever a role may lack, every command of a store wants it. */
    async function argsOf(command: 'push' | 'promote' | 'restore', name: string): Promise<readonly string[]> {
      const push = await team.push(await team.model(), `models/${name}`);
      ended(0, push);
      switch (command) {
        case 'push':
          return pushing(name);
        case 'promote':
          return ['promote', at(`${name}@1`), ...moving(), '--expires', '30d', '--init'];
        case 'restore': {
          const key = `models/${name}/${pushed(push).modelId}/config.json`;
          await team.bucket.client.send(new DeleteObjectCommand({ Bucket: team.bucket.name, Key: key }));
          return ['restore', at(`${name}@1`), ...trust()];
        }
      }
    }

    const denied = [
      ['Deployer', 'push'],
      ['Deployer', 'promote'],
      ['Deployer', 'restore'],
      ['Trainer', 'promote'],
      ['Releaser', 'push'],
      ['Releaser', 'restore'],
      ['Keeper', 'promote'],
    ] as const;
    for (const [role, command] of denied) {
      it(`${role.toLowerCase()}, ${command}`, async () => {
        const name = `denied-${role}-${command}`;
        const args = await argsOf(command, name);
        const before = await team.bucket.readAll(`models/${name}/`);
        const run = await as(role, args);
        ended(3, run);
        assert.match(run.output, /s3:PutObject/);
        assert.deepEqual(await team.bucket.readAll(`models/${name}/`), before);
      });
    }
  });

  it('a role of another prefix sees nothing', async () => {
    const policy = JSON.parse(JSON.stringify(policyOf('Deployer', team.bucket.name)).replaceAll('models/*', 'others/*'));
    const stranger = await assumeRole(endpointOf('minio'), policy);
    const run = await team.run(['verify', at('llm@1'), ...trust()], stranger);
    ended(3, run);
    assert.match(run.output, /s3:(GetObject|ListBucketVersions)/);
  });

  it('a deployer without attributes downloads instead, and without history cannot tell', async () => {
    const policy = JSON.stringify(policyOf('Deployer', team.bucket.name));
    const blind = await assumeRole(endpointOf('minio'), JSON.parse(policy.replaceAll(/,"s3:Get\w+Attributes"/g, '')));
    ended(0, await team.run(['verify', at('llm@1'), ...trust()], blind));
    const attested = await team.run(['verify', at('llm@1'), '--attested', ...trust()], blind);
    ended(3, attested);
    assert.match(attested.output, /s3:GetObject(Version)?Attributes/);
    const forgetful = await assumeRole(
      endpointOf('minio'),
      JSON.parse(policy.replace(/,\{"Effect":"Allow","Action":"s3:ListBucketVersions".*\}(?=\]\}$)/, '')),
    );
    const run = await team.run(['verify', at('llm@1'), ...trust()], forgetful);
    ended(3, run);
    assert.match(run.output, /s3:ListBucketVersions/);
  });
});
