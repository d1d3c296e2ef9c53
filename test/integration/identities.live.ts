import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { ACTIONS_BEARER } from '../helpers/sigstore/index.ts';
import { codesOf, ended, readBundle, useBench } from './bench.ts';
import { runMlsign, trustedIdentity, VERIFIERS } from './clients.ts';
import { environment, identityOf, mintToken, sigstoreFile } from './environment.ts';

const INSTANCE = (): readonly string[] => ['--sigstore', '--trust-config', sigstoreFile('clientTrustConfig')];

describe('identities of CI jobs', () => {
  const bench = useBench();
  let model: string;
  before(async () => {
    model = await bench().model();
  });

  it('a job of GitHub Actions asks for its own token', async () => {
    const bundle = bench().fresh('actions.sig');
    const env = {
      GITHUB_ACTIONS: 'true',
      ACTIONS_ID_TOKEN_REQUEST_URL: `${environment().urls.issuer}/github/actions-token?api-version=2.0`,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: ACTIONS_BEARER,
    };
    ended(0, await runMlsign(['sign', model, '--signature', bundle, ...INSTANCE()], env));
    for (const { verify } of VERIFIERS) ended(0, await verify(model, bundle, trustedIdentity(identityOf('github'))));
  });

  it('a job of GitLab CI has its token in SIGSTORE_ID_TOKEN', async () => {
    const bundle = bench().fresh('gitlab.sig');
    const env = { GITLAB_CI: 'true', SIGSTORE_ID_TOKEN: await mintToken('github') };
    ended(0, await runMlsign(['sign', model, '--signature', bundle, ...INSTANCE()], env));
    for (const { verify } of VERIFIERS) ended(0, await verify(model, bundle, trustedIdentity(identityOf('github'))));
  });

  describe('in a certificate of Fulcio', () => {
    let bundle: string;
    before(async () => {
      bundle = await bench().signKeyless('mlsign', model, 'github');
    });

    const verify = (...args: readonly string[]) =>
      runMlsign(['verify', model, '--signature', bundle, '--trusted-root', sigstoreFile('trustedRoot'), '--json', ...args]);
    const signer = () => ['--identity', identityOf('github').identity, '--issuer', identityOf('github').issuer];

    it('have claims, which can be asked for by name', async () => {
      const claims = {
        repository: 'acme/models',
        ref: 'refs/heads/main',
        commit: 'a'.repeat(40),
        trigger: 'push',
        'workflow-name': 'release',
        runner: 'github-hosted',
        visibility: 'public',
        owner: 'https://github.com/acme',
        run: 'https://github.com/acme/models/actions/runs/789/attempts/1',
      };
      ended(0, await verify(...signer(), ...Object.entries(claims).flatMap(([name, value]) => ['--claim', `${name}=${value}`])));
      for (const claim of ['repository=acme/other', 'ref=refs/heads/mai', 'commit=b', 'environment=production']) {
        const run = await verify(...signer(), '--claim', claim);
        ended(1, run);
        assert.deepEqual(codesOf(run), ['claim-mismatch'], claim);
      }
    });

    it('match a pattern as a whole, and no part of it', async () => {
      const { issuer } = identityOf('github');
      const pattern = (text: string) => verify('--identity-pattern', text, '--issuer', issuer);
      ended(0, await pattern('https://github\\.com/acme/models/\\.github/workflows/[a-z]+\\.yml@refs/heads/main'));
      for (const part of ['https://github\\.com/acme/models/', '\\.yml@refs/heads/main', 'x|https://github\\.com/acme']) {
        const run = await pattern(part);
        ended(1, run);
        assert.deepEqual(codesOf(run), ['identity-mismatch'], part);
      }
    });

    it('are known by the issuer too, and never without', async () => {
      ended(2, await verify('--identity', identityOf('github').identity));
    });

    it('are principals of a policy, with their claims, that can ask for timestamps and log entries', async () => {
      const { identity, issuer } = identityOf('github');
      const policy = (claims: object, required: object) =>
        bench().json('policy.yaml', {
          version: 1,
          principals: { workflow: { identity, issuer, claims } },
          rules: [{ model: '**', 'signed-by': 'workflow', require: required }],
        });
      const claims = { repository: 'acme/models' };
      ended(0, await verify('--policy', await policy(claims, { timestamps: 1, logs: 1 })));
      ended(1, await verify('--policy', await policy({ ...claims, ref: 'refs/heads/other' }, { timestamps: 1 })));
      ended(1, await verify('--policy', await policy(claims, { timestamps: 2 })));
      ended(1, await verify('--policy', await policy(claims, { logs: 2 })));
    });

    it('count once, however often their log entry and timestamp are repeated', async () => {
      const { identity, issuer } = identityOf('github');
      const repeated = await bench().changed(bundle, ({ verificationMaterial }) => {
        verificationMaterial.tlogEntries = verificationMaterial.tlogEntries.flatMap((entry) => [entry, entry]);
        const { rfc3161Timestamps = [] } = verificationMaterial.timestampVerificationData ?? {};
        verificationMaterial.timestampVerificationData = { rfc3161Timestamps: rfc3161Timestamps.flatMap((entry) => [entry, entry]) };
      });
      assert.equal((await readBundle(repeated)).verificationMaterial.tlogEntries.length, 2);
      for (const required of [{ logs: 2 }, { timestamps: 2 }]) {
        const policy = await bench().json('policy.yaml', {
          version: 1,
          principals: { workflow: { identity, issuer } },
          rules: [{ model: '**', 'signed-by': 'workflow', require: required }],
        });
        const args = ['--signature', repeated, '--trusted-root', sigstoreFile('trustedRoot'), '--policy', policy];
        ended(1, await runMlsign(['verify', model, ...args]));
      }
    });
  });
});

describe('tokens that Fulcio does not take', () => {
  const bench = useBench();
  let model: string;
  before(async () => {
    model = await bench().model();
  });

  const spoilt: readonly (readonly [name: string, code: string, token: () => Promise<string>])[] = [
    ['of another audience', 'fulcio-refused', () => mintToken('email', { aud: 'somebody-else' })],
    ['of an issuer that it does not know', 'fulcio-refused', () => mintToken('email', { iss: 'https://issuer.example' })],
    ['with a changed signature', 'fulcio-refused', async () => (await mintToken('email')).replace(/.{8}$/, 'AAAAAAAA')],
    ['that is none', 'identity-token-malformed', async () => 'a-password-that-stood-there'],
  ];

  for (const [name, code, mint] of spoilt) {
    it(`one ${name}: no bundle, and no part of the token in any output`, async () => {
      const token = await mint();
      const bundle = bench().fresh('none.sig');
      const tokenFile = await bench().file('token', token);
      for (const output of [['--json'], []]) {
        const run = await runMlsign(['sign', model, '--signature', bundle, '--identity-token-file', tokenFile, ...INSTANCE(), ...output]);
        ended(1, run);
        assert.ok(run.output.includes(code), run.output);
        for (const part of token.split('.')) assert.ok(!run.output.includes(part), 'the token is in the output');
      }
      assert.ok(!existsSync(bundle));
    });
  }
});
