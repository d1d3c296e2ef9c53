import assert from 'node:assert/strict';
import {
  channelPrincipals,
  combine,
  loadPolicy,
  type Policy,
  policyFromFlags,
  type Rule,
  releasePrincipals,
  type SignerGroups,
  selectRule,
} from '../../src/policy/index.ts';
import { keyFile, mlsignError } from '../helpers/keys.ts';
import { PolicyFolder, policyYaml } from '../helpers/policies.ts';

const LOCATION = 's3://models/prod/llama';

describe('policy: who may release', () => {
  const folder = new PolicyFolder();
  after(() => folder.remove());

  async function load(lines: string): Promise<Policy> {
    return loadPolicy(folder.policy(policyYaml(lines)));
  }

  async function rule(lines: string): Promise<Rule> {
    return selectRule(await load(lines), LOCATION);
  }

  const key = (name: string) => ({ pem: keyFile(`${name}.pub`), where: `${name}.pub` });
  const names = (groups: SignerGroups) => groups.map((group) => group.map(({ name }) => name));

  it('whoever signs the model, unless it says otherwise: any one of them', async () => {
    const plain = await rule('signed-by: [release, security]');
    assert.deepEqual(names(releasePrincipals(plain)), [['ml-lead', 'release-ci', 'security']]);
    assert.deepEqual(names(channelPrincipals(plain, 'production')), [['ml-lead', 'release-ci', 'security']]);
    assert.deepEqual([plain.channels.size, plain.attestedEndpoints], [0, []]);
  });

  it('whom released-by names, and for a channel whom that names', async () => {
    const named = await rule(
      'signed-by: security\nreleased-by: 1 of [ml-lead, release-ci]\nchannels:\n  production: { signed-by: release-ci, stateless: false }\n  staging: { stateless: false }',
    );
    assert.deepEqual(names(releasePrincipals(named)), [['ml-lead', 'release-ci']]);
    assert.deepEqual(names(channelPrincipals(named, 'production')), [['release-ci']]);
    assert.deepEqual(names(channelPrincipals(named, 'staging')), [['ml-lead', 'release-ci']]);
    assert.deepEqual(names(channelPrincipals(named, 'canary')), [['ml-lead', 'release-ci']]);
    assert.deepEqual(
      [...named.channels].map(([name, { stateless }]) => [name, stateless]),
      [
        ['production', false],
        ['staging', false],
      ],
    );
  });

  it('the keys of --trust-release where there is no policy file', () => {
    const flags = { trustKeys: [key('ec-p256')] };
    const [without] = policyFromFlags(flags).rules;
    assert.ok(without);
    assert.deepEqual(names(releasePrincipals(without)), [['key ec-p256.pub']]);
    const policy = policyFromFlags({ ...flags, releaseKeys: [key('ed25519'), key('ec-p384')] });
    const [given] = policy.rules;
    assert.ok(given);
    assert.deepEqual(names(releasePrincipals(given)), [['release key ed25519.pub', 'release key ec-p384.pub']]);
    assert.deepEqual(names(channelPrincipals(given, 'production')), [['release key ed25519.pub', 'release key ec-p384.pub']]);
    // Who may release need not be one who may sign models.
    assert.deepEqual(
      policy.principals.map(({ name }) => name),
      ['key ec-p256.pub'],
    );
    assert.throws(() => policyFromFlags({ releaseKeys: [key('ed25519')] }), mlsignError('trust-missing', /nobody is trusted/));
  });

  it('both, where --trust-release stands beside a policy file: a flag never widens it', async () => {
    const policy = await load('signed-by: security\nreleased-by: ml-lead\nchannels: { production: { signed-by: release-ci } }');
    const both = selectRule(combine(policy, { releaseKeys: [key('ed25519')] }), LOCATION);
    assert.deepEqual(names(releasePrincipals(both)), [['ml-lead'], ['release key ed25519.pub']]);
    assert.deepEqual(names(channelPrincipals(both, 'production')), [['release-ci'], ['release key ed25519.pub']]);
    assert.deepEqual(names(channelPrincipals(both, 'staging')), [['ml-lead'], ['release key ed25519.pub']]);
    assert.deepEqual(
      both.signedBy.map(({ text }) => text),
      ['security'],
    );
  });

  it('not the signers that --trust-key adds beside a policy file', async () => {
    const policy = await load('signed-by: security');
    const both = selectRule(combine(policy, { trustKeys: [key('ec-p384')] }), LOCATION);
    assert.deepEqual(names(releasePrincipals(both)), [['security']]);
    assert.equal(combine(policy, {}), policy);
  });

  it('believes the checksums of the endpoints that it names, by their origins', async () => {
    const named = await rule('signed-by: security\nattested-endpoints: [https://minio.example:9000, "HTTPS://s3.example:443/"]');
    assert.deepEqual(named.attestedEndpoints, ['https://minio.example:9000', 'https://s3.example']);
  });

  const refused: readonly (readonly [string, RegExp])[] = [
    ['released-by: [ml-lead, security]', /released-by: expected a principal, a role, or "1 of \[name, name\]", got an array of 2/],
    ['released-by: 2 of [ml-lead, security]', /released-by: expected 1 signer: it has one signature/],
    ['released-by: nobody', /released-by: expected a principal or a role/],
    ['channels: {}', /channels: expected at least one channel/],
    ['channels: { "7": { stateless: true } }', /channels\.7: expected a channel: letters/],
    ['channels: { production: {} }', /production: expected signed-by, stateless, or both/],
    ['channels: { production: { signd-by: ml-lead } }', /no such field \(did you mean "signed-by"\?\)/],
    ['channels: { production: { signed-by: 2 of [ml-lead, security] } }', /1 signer/],
    ['channels: { production: { stateless: maybe } }', /stateless: expected true or false/],
    ['attested-endpoints: https://minio.example', /attested-endpoints: expected an array/],
    ['attested-endpoints: [https://minio.example/path]', /without a path/],
    ['attested-endpoints: [https://user@minio.example]', /without a path/],
    ['attested-endpoints: [minio.example]', /an endpoint such as https:\/\/minio\.example:9000/],
    ['attested-endpoints: [https://a, "https://a:443"]', /each entry once/],
  ];
  for (const [lines, message] of refused) {
    it(`refuses ${lines}`, async () => {
      await folder.refuses(
        policyYaml(`signed-by: security\n${lines.replaceAll('2 of [ml-lead, security] }', '"2 of [ml-lead, security]" }')}`),
        message,
      );
    });
  }

  it('chooses the rule of a store by its location', async () => {
    const yaml = `${policyYaml('signed-by: ml-lead')}  - { model: "s3://models/prod/**", signed-by: security }\n`;
    const policy = await loadPolicy(folder.policy(yaml));
    assert.equal(selectRule(policy, LOCATION).name, 's3://models/prod/**');
    assert.equal(selectRule(policy, 's3://models/dev/llama').name, '**');
    assert.equal(selectRule(policy, '/models/prod/llama').name, '**');
  });
});
