import assert from 'node:assert/strict';
import { readCiEnvironment } from '../../src/app/index.ts';
import { mlsignError } from '../helpers/keys.ts';

const COMMIT = 'a'.repeat(40);

const GITHUB = {
  GITHUB_ACTIONS: 'true',
  GITHUB_SERVER_URL: 'https://github.com',
  GITHUB_REPOSITORY: 'acme/models',
  GITHUB_SHA: COMMIT,
  GITHUB_WORKFLOW_REF: 'acme/models/.github/workflows/train.yml@refs/heads/main',
  GITHUB_RUN_ID: '17',
  GITHUB_RUN_ATTEMPT: '2',
  GITHUB_TOKEN: 'ghs_secret',
};

const GITLAB = {
  GITLAB_CI: 'true',
  CI_PROJECT_URL: 'https://gitlab.example/acme/models',
  CI_REPOSITORY_URL: 'https://gitlab-ci-token:secret@gitlab.example/acme/models.git',
  CI_COMMIT_SHA: COMMIT,
  CI_RUNNER_ID: '12',
  CI_JOB_URL: 'https://gitlab.example/acme/models/-/jobs/34',
};

const CODEBUILD = {
  CODEBUILD_BUILD_ARN: 'arn:aws:codebuild:eu-central-1:123456789012:build/train-gpu:1a2b',
  CODEBUILD_SOURCE_REPO_URL: 'https://user:secret@github.com/acme/models.git',
  CODEBUILD_RESOLVED_SOURCE_VERSION: COMMIT,
};

const SAGEMAKER = { TRAINING_JOB_ARN: 'arn:aws:sagemaker:eu-central-1:123456789012:training-job/llama-7' };

function read(env: Readonly<Record<string, string>>) {
  const { materials, builder, invocation, findings } = readCiEnvironment(env);
  assert.ok(!JSON.stringify([materials, builder, invocation, findings]).includes('secret@'));
  return { code: materials.map(({ uri, digest }) => [uri, digest]), builder, invocation, findings: findings.map(({ code }) => code) };
}

const AT_COMMIT = { kind: 'gitCommit', value: COMMIT };

describe('readCiEnvironment', () => {
  it('knows a job of GitHub Actions', () => {
    assert.deepEqual(read(GITHUB), {
      code: [['git+https://github.com/acme/models', AT_COMMIT]],
      builder: 'https://github.com/acme/models/.github/workflows/train.yml@refs/heads/main',
      invocation: 'https://github.com/acme/models/actions/runs/17/attempts/2',
      findings: [],
    });
  });

  it('knows a job of GitLab CI, and takes no address with a token in it', () => {
    assert.deepEqual(read(GITLAB), {
      code: [['git+https://gitlab.example/acme/models', AT_COMMIT]],
      builder: 'https://gitlab.example/acme/models/-/runners/12',
      invocation: 'https://gitlab.example/acme/models/-/jobs/34',
      findings: [],
    });
  });

  it('knows a build of CodeBuild, and takes the password out of its source', () => {
    assert.deepEqual(read(CODEBUILD), {
      code: [['git+https://github.com/acme/models.git', AT_COMMIT]],
      builder: 'arn:aws:codebuild:eu-central-1:123456789012:project/train-gpu',
      invocation: CODEBUILD.CODEBUILD_BUILD_ARN,
      findings: ['secret-stripped'],
    });
  });

  it('knows a training job of SageMaker, and says that it knows of no commit', () => {
    assert.deepEqual(read(SAGEMAKER), {
      code: [],
      builder: 'arn:aws:sagemaker:eu-central-1:123456789012:training-job',
      invocation: SAGEMAKER.TRAINING_JOB_ARN,
      findings: ['code-unknown'],
    });
  });

  it('takes nothing that is no commit, no address, or more than a line', () => {
    assert.deepEqual(read({ ...CODEBUILD, CODEBUILD_RESOLVED_SOURCE_VERSION: 'main' }).findings, ['code-unknown']);
    assert.deepEqual(read({ ...CODEBUILD, CODEBUILD_SOURCE_REPO_URL: 'bucket/source.zip' }).findings, ['code-unknown']);
    const odd = read({ ...GITHUB, GITHUB_WORKFLOW_REF: 'a\nb', GITHUB_RUN_ID: '' });
    assert.deepEqual([odd.builder, odd.invocation, odd.findings], [undefined, undefined, ['builder-unknown']]);
  });

  it('refuses anywhere else', () => {
    assert.throws(
      () => readCiEnvironment({ CI: 'true' }),
      mlsignError('environment-unknown', 'this is no CI job that mlsign knows', {
        outcome: 'usage',
        expected: 'GitHub Actions, GitLab CI, AWS CodeBuild, SageMaker training',
      }),
    );
  });
});
