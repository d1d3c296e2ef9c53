import assert from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import { delimiter, dirname } from 'node:path';
import { ambientToken } from '../../src/sign/index.ts';
import { mlsignError } from '../helpers/keys.ts';
import { Sandbox } from '../helpers/sandbox.ts';
import { ACTIONS_BEARER, assertWithout, OidcIssuer, quickServices } from '../helpers/sigstore/index.ts';

type Env = Readonly<Record<string, string | undefined>>;

describe('ambientToken', () => {
  const sandbox = new Sandbox();
  let issuer: OidcIssuer;
  before(async () => {
    issuer = await OidcIssuer.start();
  });
  after(async () => {
    sandbox.remove();
    await issuer.server.close();
  });

  const find = (env: Env, options: object = {}) => ambientToken({ ...quickServices(), productName: async () => '', env, ...options });

  const github = (): Env => ({
    GITHUB_ACTIONS: 'true',
    ACTIONS_ID_TOKEN_REQUEST_URL: `${issuer.server.url}/github/actions-token?api-version=2.0`,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: ACTIONS_BEARER,
  });

  it('finds none where there is nobody to ask', async () => {
    assert.equal(await find({}), undefined);
    assert.equal(await find({ SIGSTORE_ID_TOKEN: '', GITHUB_ACTIONS: 'false', GITLAB_CI: ' ', BUILDKITE: '', CIRCLECI: '' }), undefined);
    assert.equal(await find({}, { productName: async () => 'Standard PC' }), undefined);
  });

  it('takes the token that was put into the environment before any other', async () => {
    const token = issuer.mint('email');
    const found = await find({ ...github(), SIGSTORE_ID_TOKEN: `${token}\n` });
    assert.equal(found?.token, token);
    assert.equal(found.identity, 'alice@example.com');
    assert.equal((await find({ GITLAB_CI: 'true', SIGSTORE_ID_TOKEN: token }))?.token, token);
  });

  it('asks GitHub Actions for a token for the audience', async () => {
    const found = await find(github());
    assert.equal(found?.identity, 'repo:acme/models:ref:refs/heads/main');
    assert.equal(issuer.verify(found.token)?.aud, 'sigstore');
    const other = await find(github(), { audience: 'my fulcio & co' });
    assert.equal(issuer.verify(other?.token ?? '')?.aud, 'my fulcio & co');
  });

  it('says which permission a job of GitHub Actions lacks', async () => {
    const { ACTIONS_ID_TOKEN_REQUEST_URL: url, ...withoutUrl } = github();
    for (const env of [{ GITHUB_ACTIONS: 'true' }, withoutUrl, { GITHUB_ACTIONS: 'true', ACTIONS_ID_TOKEN_REQUEST_URL: url }]) {
      await assert.rejects(
        find(env),
        mlsignError('identity-permission-missing', 'this job of GitHub Actions may not have an identity token', {
          outcome: 'unavailable',
          suggestions: ['give the job "permissions: id-token: write"; runs for pull requests from forks cannot have it'],
        }),
      );
    }
  });

  it('shows no secret where GitHub refuses, or answers without a token', async () => {
    const secret = 'another-request-token';
    await assert.rejects(find({ ...github(), ACTIONS_ID_TOKEN_REQUEST_TOKEN: secret }), (error) => {
      mlsignError('identity-refused', 'GitHub Actions says no: status 401: bad credentials', {
        subject: `${issuer.server.url}/github/actions-token`,
      })(error);
      assertWithout([secret], error);
      return true;
    });
    const headers = { 'content-type': 'application/json' };
    for (const body of ['{}', '[]', '{"value":1}', `{"valu":"${issuer.mint('github')}"}`]) {
      await issuer.server.fail({ fault: { kind: 'reply', reply: { status: 200, headers, body } }, times: 1 });
      await assert.rejects(find(github()), (error) => {
        mlsignError('service-response-malformed', 'GitHub Actions answered with JSON that holds no identity token')(error);
        assertWithout([...issuer.tokens, ACTIONS_BEARER], error);
        return true;
      });
    }
  });

  it('says what a job of GitLab lacks', async () => {
    await assert.rejects(
      find({ GITLAB_CI: 'true' }),
      mlsignError('identity-permission-missing', 'this job of GitLab CI may not have an identity token', {
        suggestions: ['give the job "id_tokens: SIGSTORE_ID_TOKEN: aud: sigstore"'],
      }),
    );
  });

  it('asks the metadata server of Google Cloud, and nobody where the machine is not one of Google’s', async () => {
    const host = issuer.server.host;
    assert.equal((await find({ GCE_METADATA_HOST: host }))?.identity, 'alice@example.com');
    const redirecting: typeof fetch = (input, init) =>
      fetch(String(input).replace('http://metadata.google.internal', issuer.server.url), init);
    for (const [env, product] of [
      [{ K_SERVICE: 'service' }, ''],
      [{ CLOUD_RUN_JOB: 'job' }, ''],
      [{}, 'Google'],
      [{}, 'Google Compute Engine'],
    ] as const) {
      const found = await find(env, { fetch: redirecting, productName: async () => product });
      assert.equal(found?.identity, 'alice@example.com');
    }
  });

  it('takes nothing but a token from the metadata server', async () => {
    await issuer.server.fail({ fault: { kind: 'reply', reply: { status: 200, body: 'no token here' } }, times: 1 });
    await assert.rejects(
      find({ GCE_METADATA_HOST: issuer.server.host }),
      mlsignError(
        'service-response-malformed',
        'the metadata server of Google Cloud answered with something that is not an identity token',
      ),
    );
  });

  it('refuses a token that is none, or no longer one, by the name of its source', async () => {
    await assert.rejects(
      find({ SIGSTORE_ID_TOKEN: 'x' }),
      mlsignError('identity-token-malformed', /cannot be used/, { subject: 'SIGSTORE_ID_TOKEN' }),
    );
    const expired = issuer.mint('github', { exp: 1 });
    await assert.rejects(
      find({ SIGSTORE_ID_TOKEN: expired }),
      mlsignError('identity-token-expired', /expired/, { subject: 'SIGSTORE_ID_TOKEN' }),
    );
  });

  it('asks nothing once it is interrupted', async () => {
    await assert.rejects(find(github(), { signal: AbortSignal.abort() }), mlsignError('interrupted', 'interrupted'));
  });

  describe('commands of CI systems', () => {
    // The stand-ins are shell scripts.
    if (process.platform === 'win32') return;

    function withCommand(name: string, script: string): Env {
      const directory = sandbox.write(`bin-${name}-${Math.random()}`, { [name]: `#!/bin/sh\n${script}\n` });
      chmodSync(`${directory}/${name}`, 0o755);
      return { PATH: `${directory}${delimiter}${dirname('/bin/sh')}` };
    }

    it('asks the agent of Buildkite', async () => {
      const token = issuer.mint('github');
      const env = withCommand('buildkite-agent', `[ "$*" = "oidc request-token --audience sigstore" ] && echo "${token}"`);
      assert.equal((await find({ ...env, BUILDKITE: 'true' }))?.token, token);
    });

    it('asks the command of CircleCI for a token of its root issuer', async () => {
      const token = issuer.mint('github');
      const wanted = 'run oidc get --claims {"aud":"sigstore"} --root-issuer';
      const env = withCommand('circleci', `[ "$*" = '${wanted}' ] && echo "${token}"`);
      assert.equal((await find({ ...env, CIRCLECI: 'true' }))?.token, token);
    });

    it('tells what a command says that fails, without tokens', async () => {
      const token = issuer.mint('github');
      const env = withCommand('buildkite-agent', `echo "job may not: ${token}" >&2; exit 1`);
      await assert.rejects(find({ ...env, BUILDKITE: 'true' }), (error) => {
        mlsignError('identity-command-failed', 'buildkite-agent gives no identity token: job may not: [secret]', {
          outcome: 'unavailable',
        })(error);
        assertWithout([token], error);
        return true;
      });
    });

    it('tells how a command ended that says nothing', async () => {
      const env = withCommand('buildkite-agent', 'exit 3');
      await assert.rejects(
        find({ ...env, BUILDKITE: 'true' }),
        mlsignError('identity-command-failed', /gives no identity token: exit code 3$/),
      );
    });

    it('tells that a command is not there', async () => {
      await assert.rejects(
        find({ CIRCLECI: 'true', PATH: sandbox.path('nowhere') }),
        mlsignError('identity-command-failed', 'circleci gives no identity token: ENOENT', {
          suggestions: ['circleci must be on the PATH of the job'],
        }),
      );
    });

    it('takes no more from a command than a token may have', async () => {
      const env = withCommand('buildkite-agent', 'head -c 100000 /dev/zero');
      await assert.rejects(find({ ...env, BUILDKITE: 'true' }), mlsignError('identity-command-failed', /gives no identity token/));
    });
  });
});
