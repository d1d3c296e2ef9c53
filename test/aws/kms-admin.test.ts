import assert from 'node:assert/strict';
import { createKey, listAliases, listKeys, type NewKey } from '../../src/aws/index.ts';
import { signingPolicy } from '../../src/aws/kms-admin.ts';
import { mlsignError } from '../helpers/keys.ts';
import { KmsBench } from '../helpers/kms.ts';

const KEY: NewKey = {
  spec: 'ECC_NIST_P256',
  alias: 'alias/models',
  description: 'signs models',
  tags: { team: 'ml', empty: '' },
  signers: [],
};
const ROLE = 'arn:aws:iam::111122223333:role/path/release';

describe('making a KMS key', () => {
  let bench: KmsBench;
  beforeEach(async () => {
    bench = await KmsBench.start();
  });
  afterEach(() => bench.stop());

  it('makes a signing key with its description, tags and alias', async () => {
    const made = await createKey(bench.client(), KEY);
    const [key] = bench.server.account.keys.values();
    assert.deepEqual(made, { arn: key?.arn, spec: 'ECC_NIST_P256', alias: 'alias/models' });
    assert.equal(key?.usage, 'SIGN_VERIFY');
    assert.equal(key?.description, 'signs models');
    assert.deepEqual(Object.fromEntries(key?.tags ?? []), KEY.tags);
    assert.equal(key?.policy, undefined);
    assert.equal(bench.server.account.aliases.get('alias/models'), key?.id);
    assert.deepEqual(bench.server.takeSeen(), ['CreateKey', 'CreateAlias']);
  });

  it('with signers, lets those sign and nobody else, the account included', async () => {
    bench.addPrincipal('release', [], { arn: 'arn:aws:iam::111122223333:role/release' });
    bench.addPrincipal('other', ['kms:*']);
    const { arn } = await createKey(bench.client(), { ...KEY, signers: ['arn:aws:iam::111122223333:role/release'] });
    assert.deepEqual(bench.server.takeSeen(), ['CreateKey', 'PutKeyPolicy', 'CreateAlias']);
    const sign = (profile: string) =>
      bench
        .client({ profile })
        .call({ action: 'kms:Sign', subject: arn }, (kms, sdk) =>
          kms.send(new sdk.SignCommand({ KeyId: arn, Message: Buffer.from('m'), SigningAlgorithm: 'ECDSA_SHA_256' })),
        );
    await sign('release');
    await assert.rejects(sign('other'), mlsignError('kms-access-denied', 'AWS does not allow kms:Sign'));
    await assert.rejects(sign('default'), mlsignError('kms-access-denied', 'AWS does not allow kms:Sign'));
  });

  it('names the account of the key in its policy, in every partition', () => {
    const policy = JSON.parse(signingPolicy('arn:aws-cn:kms:cn-north-1:999988887777:key/1234abcd-12ab-34cd-56ef-1234567890ab', [ROLE]));
    assert.deepEqual(
      policy.Statement.map(({ Principal }: { Principal: object }) => Principal),
      [{ AWS: 'arn:aws-cn:iam::999988887777:root' }, { AWS: [ROLE] }],
    );
    assert.ok(!policy.Statement[0].Action.includes('kms:Sign'));
    assert.ok(policy.Statement[0].Action.includes('kms:PutKeyPolicy'));
  });

  it('where the alias is taken, has the new key deleted and says so', async () => {
    await createKey(bench.client(), KEY);
    await assert.rejects(createKey(bench.client(), KEY), (error: unknown) => {
      mlsignError('kms-alias-exists', 'there is an alias of this name already', { outcome: 'refused', subject: 'alias/models' })(error);
      const [, second] = [...bench.server.account.keys.values()];
      assert.equal(second?.state, 'PendingDeletion');
      assert.deepEqual(Reflect.get(Object(error), 'suggestions'), [
        'choose another name',
        `the new key ${second?.arn} will be deleted in 7 days`,
      ]);
      return true;
    });
  });

  it('where it may not delete the new key, says which it is', async () => {
    bench.addPrincipal('maker', ['kms:CreateKey', 'kms:TagResource']);
    await assert.rejects(createKey(bench.client({ profile: 'maker' }), KEY), (error: unknown) => {
      mlsignError('kms-access-denied', 'AWS does not allow kms:CreateAlias')(error);
      const [key] = [...bench.server.account.keys.values()];
      assert.equal(key?.state, 'Enabled');
      const suggestions: readonly string[] = Reflect.get(Object(error), 'suggestions');
      assert.equal(suggestions.at(-1), `the new key ${key?.arn} is left over: aws kms schedule-key-deletion --key-id ${key?.arn}`);
      return true;
    });
  });

  it('where the policy is refused, has the new key deleted', async () => {
    const signers = ['arn:aws:iam::111122223333:group/nobody'];
    await assert.rejects(
      createKey(bench.client(), { ...KEY, signers }),
      mlsignError('kms-policy-refused', /does not take the key policy/, { outcome: 'refused' }),
    );
    assert.deepEqual(bench.server.takeSeen(), ['CreateKey', 'PutKeyPolicy', 'ScheduleKeyDeletion']);
    assert.equal(bench.server.account.aliases.size, 0);
  });

  it('makes no key without the permission', async () => {
    bench.addPrincipal('nobody', []);
    await assert.rejects(
      createKey(bench.client({ profile: 'nobody' }), KEY),
      mlsignError('kms-access-denied', 'AWS does not allow kms:CreateKey'),
    );
    assert.equal(bench.server.account.keys.size, 0);
  });

  it('is not misled by an answer about another kind of key', async () => {
    bench.server.fail(
      'CreateKey',
      { kind: 'change', change: (answer) => ({ KeyMetadata: { ...Object(answer.KeyMetadata), KeySpec: 'SYMMETRIC_DEFAULT' } }) },
      1,
    );
    await assert.rejects(createKey(bench.client(), KEY), mlsignError('aws-answer-malformed', /kms:CreateKey/, { outcome: 'unavailable' }));
  });
});

describe('listing KMS keys', () => {
  let bench: KmsBench;
  before(async () => {
    bench = await KmsBench.start();
  });
  after(() => bench.stop());

  it('follows every page', async () => {
    const { account } = bench.server;
    const arns = Array.from({ length: 1001 }, () => account.addKey('SYMMETRIC_DEFAULT').arn);
    for (const [index, key] of [...account.keys.values()].slice(0, 205).entries()) account.aliases.set(`alias/k${index}`, key.id);
    assert.deepEqual(await listKeys(bench.client()), arns);
    const aliases = await listAliases(bench.client());
    assert.deepEqual(
      aliases.map(({ name, keyId }) => [name, keyId]),
      [...account.aliases],
    );
    assert.deepEqual(bench.server.takeSeen(), ['ListKeys', 'ListKeys', 'ListAliases', 'ListAliases', 'ListAliases']);
  });
});
