import assert from 'node:assert/strict';
import fc from 'fast-check';
import { isAliasName, parseKmsArn, parseKmsKey, readKeyArn } from '../../src/aws/index.ts';
import { isNamed } from '../../src/aws/kms-key.ts';
import { mlsignError } from '../helpers/keys.ts';

const ID = '1234abcd-12ab-34cd-56ef-1234567890ab';
const MRK = 'mrk-1234abcd12ab34cd56ef1234567890ab';
const ARN = `arn:aws:kms:eu-central-1:111122223333:key/${ID}`;
const ALIAS_ARN = 'arn:aws:kms:us-east-1:111122223333:alias/team/models';

describe('the name of a KMS key', () => {
  for (const [text, expected] of [
    [ID, { keyId: ID, kind: 'id' }],
    [MRK, { keyId: MRK, kind: 'id' }],
    ['alias/models', { keyId: 'alias/models', kind: 'alias' }],
    ['alias/a/b_c-D9', { keyId: 'alias/a/b_c-D9', kind: 'alias' }],
    [ARN, { keyId: ARN, kind: 'arn', region: 'eu-central-1' }],
    [
      `arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/${MRK}`,
      { keyId: `arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/${MRK}`, kind: 'arn', region: 'us-gov-west-1' },
    ],
    [
      `arn:aws-cn:kms:cn-north-1:111122223333:key/${ID}`,
      { keyId: `arn:aws-cn:kms:cn-north-1:111122223333:key/${ID}`, kind: 'arn', region: 'cn-north-1' },
    ],
    [ALIAS_ARN, { keyId: ALIAS_ARN, kind: 'alias-arn', region: 'us-east-1' }],
    // cosign
    [`awskms:///${ID}`, { keyId: ID, kind: 'id' }],
    [`awskms:///${ARN}`, { keyId: ARN, kind: 'arn', region: 'eu-central-1' }],
    ['awskms:///alias/models', { keyId: 'alias/models', kind: 'alias' }],
    [`awskms:///${ALIAS_ARN}`, { keyId: ALIAS_ARN, kind: 'alias-arn', region: 'us-east-1' }],
    ['awskms://localhost:4566/alias/models', { keyId: 'alias/models', kind: 'alias', endpoint: 'https://localhost:4566' }],
    [`awskms://kms.internal/${ARN}`, { keyId: ARN, kind: 'arn', region: 'eu-central-1', endpoint: 'https://kms.internal' }],
    // Go CDK
    [`awskms://${ID}?region=eu-west-1`, { keyId: ID, kind: 'id', region: 'eu-west-1' }],
    ['awskms://alias/models?region=eu-west-1', { keyId: 'alias/models', kind: 'alias', region: 'eu-west-1' }],
    [`awskms:///${ARN}?region=eu-central-1`, { keyId: ARN, kind: 'arn', region: 'eu-central-1' }],
  ] as const) {
    it(text, () => {
      const { text: given, ...read } = parseKmsKey(text);
      assert.equal(given, text);
      assert.deepEqual(JSON.parse(JSON.stringify(read)), expected);
    });
  }

  for (const text of [
    '',
    'models',
    'alias/',
    'alias/with space',
    `alias/${'x'.repeat(251)}`,
    'ALIAS/models',
    ID.toUpperCase(),
    `${ID} `,
    ` ${ID}`,
    `${ID}\n`,
    `key/${ID}`,
    'arn:aws:kms:eu-central-1:111122223333:key/',
    'arn:aws:kms:eu-central-1:111122223333:alias/',
    `arn:aws:kms:eu-central-1:1111:key/${ID}`,
    `arn:aws:kms::111122223333:key/${ID}`,
    `arn:aws:s3:eu-central-1:111122223333:key/${ID}`,
    `arn:evil:kms:eu-central-1:111122223333:key/${ID}`,
    `${ARN}/more`,
    'awskms:',
    'awskms://',
    'awskms:///',
    `awskms:${ID}`,
    `awskms://user:pass@host/${ID}`,
    `awskms://host/path/${ID}`,
    `awskms://host:123456/${ID}`,
    `awskms:///${ARN}?region=us-east-1`,
    `awskms:///${ID}?region=EU`,
    `awskms:///${ID}?region=eu-west-1&region=us-east-1`,
    `awskms:///${ID}#x`,
    `gcpkms:///${ID}`,
    'file.pem',
  ]) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      assert.throws(
        () => parseKmsKey(text),
        mlsignError('kms-key-malformed', 'this is not the name of a KMS key', { outcome: 'usage', subject: text }),
      );
    });
  }

  it('a cut-off ARN is never taken for one', () => {
    for (let length = 0; length < ARN.length; length++) {
      assert.throws(() => parseKmsArn(ARN.slice(0, length)), mlsignError('kms-arn-needed', /by its ARN alone/));
    }
  });

  it('any text gives a key or a refusal, and a key keeps its text', () => {
    const part = fc.constantFrom(
      'awskms://',
      '/',
      'alias/',
      'arn:aws:kms:',
      'eu-west-1',
      ':',
      '111122223333',
      'key/',
      ID,
      '?region=',
      'x',
      '@',
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 10 }), (parts) => {
        const text = parts.join('');
        try {
          assert.ok(text.includes(parseKmsKey(text).keyId));
        } catch (error) {
          mlsignError('kms-key-malformed', /not the name/)(error);
        }
      }),
    );
  });
});

describe('the ARN of a trusted KMS key', () => {
  for (const text of [ID, 'alias/models', ALIAS_ARN, `awskms:///${ARN}`]) {
    it(`is not ${text}`, () => {
      assert.throws(() => parseKmsArn(text), mlsignError('kms-arn-needed', 'a KMS key is trusted by its ARN alone', { outcome: 'usage' }));
    });
  }

  it('tells region and account', () => {
    assert.deepEqual(readKeyArn(ARN), { region: 'eu-central-1', account: '111122223333' });
    assert.equal(readKeyArn(ALIAS_ARN), undefined);
    assert.equal(readKeyArn('x'), undefined);
  });
});

describe('the key that KMS used', () => {
  const other = ARN.replace('1234abcd', '99999999');
  for (const [name, used, expected] of [
    [ARN, ARN, true],
    [ARN, other, false],
    [ARN, ARN.replace('eu-central-1', 'eu-west-1'), false],
    [ID, ARN, true],
    [ID, other, false],
    ['alias/models', other, true],
    ['alias/models', 'alias/models', false],
    ['alias/models', ALIAS_ARN, false],
    [ALIAS_ARN, ARN.replace('eu-central-1', 'us-east-1'), true],
    [ALIAS_ARN, ARN, false],
    [ALIAS_ARN, ARN.replace('eu-central-1', 'us-east-1').replace('111122223333', '999922223333'), false],
    [ID, ID, false],
  ] as const) {
    it(`${name} ${expected ? 'may' : 'cannot'} stand for ${used}`, () => assert.equal(isNamed(parseKmsKey(name), used), expected));
  }
});

describe('the name of an alias', () => {
  it('is not one that AWS keeps for itself', () => {
    assert.equal(isAliasName('alias/models'), true);
    for (const name of ['alias/aws/ebs', 'alias/', 'models', 'alias/a b']) assert.equal(isAliasName(name), false, name);
  });
});
