import assert from 'node:assert/strict';
import { join } from 'node:path';
import { KmsClient } from '../../src/aws/index.ts';
import { kmsSuite } from '../helpers/kms-suite.ts';
import { REGION } from '../servers/credentials.ts';
import { ended, useBench } from './bench.ts';
import { type Ended, runCosign, runMlsign, runProgram, VERIFIERS } from './clients.ts';
import { environment, NOWHERE, ROOT_VARIABLES, sigstoreFile, useRoot } from './environment.ts';

type Credentials = Readonly<Record<string, string>>;

describe('KMS', () => {
  let client: KmsClient;
  useRoot();
  before(() => {
    client = new KmsClient({ region: REGION, endpoint: environment().urls.kms });
  });
  after(() => client.close());

  kmsSuite('ministack', () => ({
    client,
    // It has no ML-DSA, and Ed25519 for what is short alone.
    specs: ['ECC_NIST_P256', 'ECC_NIST_P384', 'ECC_NIST_P521', 'RSA_2048', 'RSA_3072', 'RSA_4096', 'ECC_NIST_EDWARDS25519'],
    prehash: false,
  }));
});

describe('KMS on the command line', () => {
  const bench = useBench();
  let model: string;
  let arn: string;
  let publicKey: string;
  const alias = `alias/models-${process.pid}`;

  const mlsign = (args: readonly string[], credentials: Credentials = ROOT_VARIABLES): Promise<Ended> =>
    runMlsign([...args, '--kms-endpoint-url', environment().urls.kms, '--region', REGION], { ...NOWHERE, ...credentials });

  /** Credentials of a role that may do these things with the key, and nothing else. */
  async function roleFor(...actions: readonly string[]): Promise<Credentials> {
    const run = await runProgram('assume_role', [arn, ...actions], environment().variables);
    ended(0, run);
    return Object.fromEntries(
      run.stdout
        .trim()
        .split('\n')
        .map((line) => line.split(/=(.*)/s).slice(0, 2)),
    );
  }

  before(async () => {
    model = await bench().model();
    const created = await mlsign(['keys', 'create', '--alias', alias, '--json']);
    ended(0, created);
    arn = JSON.parse(created.stdout).arn;
    publicKey = bench().fresh('models.pub');
    ended(0, await mlsign(['keys', 'public', alias, '--output-file', publicKey]));
  });

  it('lists the key that was made', async () => {
    const run = await mlsign(['keys', 'list', '--json']);
    ended(0, run);
    assert.ok(run.stdout.includes(arn) && run.stdout.includes(alias), run.stdout);
  });

  describe('a role with kms:Sign alone', () => {
    let credentials: Credentials;
    before(async () => {
      credentials = await roleFor('kms:Sign');
    });

    it('signs with a pinned public key, and everyone verifies without credentials', async () => {
      const bundle = bench().fresh('kms.sig');
      ended(0, await mlsign(['sign', model, '--kms', arn, '--public-key', publicKey, '--signature', bundle], credentials));
      for (const { verify } of VERIFIERS) {
        ended(0, await verify(model, bundle, { kind: 'key', key: publicKey, trustedRoot: sigstoreFile('trustedRoot'), proven: 'nothing' }));
      }
    });

    it('signs with a timestamp and a log entry', async () => {
      const bundle = bench().fresh('kms-witnessed.sig');
      const timestamp = ['--timestamp', `${environment().urls.timestamp}/api/v1/timestamp`];
      const log = ['--rekor', '--trust-config', sigstoreFile('clientTrustConfig')];
      ended(
        0,
        await mlsign(['sign', model, '--kms', arn, '--public-key', publicKey, '--signature', bundle, ...timestamp, ...log], credentials),
      );
      for (const { verify } of VERIFIERS) {
        ended(
          0,
          await verify(model, bundle, { kind: 'key', key: publicKey, trustedRoot: sigstoreFile('trustedRoot'), proven: 'time and log' }),
        );
      }
    });

    it('is told which permission is missing without one', async () => {
      const run = await mlsign(['sign', model, '--kms', arn, '--signature', bench().fresh('none.sig')], credentials);
      ended(3, run);
      assert.match(run.output, /kms:GetPublicKey/);
    });
  });

  it('a role without kms:Sign is told so', async () => {
    const credentials = await roleFor('kms:GetPublicKey');
    const run = await mlsign(['sign', model, '--kms', arn, '--signature', bench().fresh('none.sig')], credentials);
    ended(3, run);
    assert.match(run.output, /kms:Sign/);
  });

  it('a role with kms:GetPublicKey verifies by the ARN, and one without is told so', async () => {
    const bundle = bench().fresh('kms.sig');
    ended(0, await mlsign(['sign', model, '--kms', alias, '--signature', bundle]));
    const verify = ['verify', model, '--signature', bundle, '--trust-kms', arn];
    ended(0, await mlsign(verify, await roleFor('kms:GetPublicKey')));
    const run = await mlsign(verify, await roleFor('kms:Sign'));
    ended(3, run);
    assert.match(run.output, /kms:GetPublicKey/);
  });

  it('two keys make two bundles over one manifest, and a policy can ask for both', async () => {
    const second = await mlsign(['keys', 'create', '--alias', `${alias}-2`, '--spec', 'ECC_NIST_P384', '--json']);
    const other = JSON.parse(second.stdout).arn;
    const signed = await bench().model();
    ended(0, await mlsign(['sign', signed, '--kms', arn, '--kms', other]));
    const policy = await bench().json('policy.yaml', {
      version: 1,
      principals: { trainer: { kms: arn }, release: { kms: other } },
      rules: [{ model: '**', 'signed-by': ['trainer', 'release'] }],
    });
    const both = await mlsign(['verify', signed, '--policy', policy, '--json']);
    ended(0, both);
    assert.equal(JSON.parse(both.stdout).signatures.length, 2);
    const one = await mlsign(['verify', signed, '--policy', policy, '--signature', join(signed, 'model.sig'), '--json']);
    ended(1, one);
  });

  it('what cosign signs with the same key has a hint of its own, by which nobody else knows the key', async () => {
    const [bundle, statement] = [bench().fresh('cosign-kms.sig'), await bench().statement(model)];
    const services = ['--signing-config', sigstoreFile('signingConfig'), '--trusted-root', sigstoreFile('trustedRoot')];
    // It takes the endpoints that a URI names for https.
    const aws = { ...NOWHERE, ...ROOT_VARIABLES, AWS_REGION: REGION, AWS_ENDPOINT_URL: environment().urls.kms };
    const sign = ['attest-blob', '--statement', statement, '--bundle', bundle, '--key', `awskms:///${alias}`, ...services, '--yes'];
    ended(0, await runCosign(sign, aws));
    for (const { name, verify } of VERIFIERS) {
      const trusted = { kind: 'key', key: publicKey, trustedRoot: sigstoreFile('trustedRoot'), proven: 'time and log' } as const;
      ended(name === 'cosign' ? 0 : 1, await verify(model, bundle, trusted));
    }
  });
});
