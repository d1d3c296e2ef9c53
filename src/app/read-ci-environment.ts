import { type Finding, usage } from '../core/index.ts';
import { type Material, materialOf, withoutSecrets } from '../lineage/index.ts';
import { type BuildFacts, noFacts } from './build-facts.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** A place whose jobs know what they build, and from which commit. */
interface Provider {
  readonly name: string;
  detect(env: Environment): boolean;
  /** Undefined for what the job does not know. */
  repository(env: Environment): string | undefined;
  commit(env: Environment): string | undefined;
  builder(env: Environment): string | undefined;
  invocation(env: Environment): string | undefined;
}

const PROVIDERS: readonly Provider[] = [
  {
    name: 'GitHub Actions',
    detect: (env) => env.GITHUB_ACTIONS === 'true',
    repository: (env) => joined(env.GITHUB_SERVER_URL, '/', env.GITHUB_REPOSITORY),
    commit: (env) => env.GITHUB_SHA,
    // As GitHub's own attestations name it: the workflow at its ref.
    builder: (env) => joined(env.GITHUB_SERVER_URL, '/', env.GITHUB_WORKFLOW_REF),
    invocation: (env) => {
      const run = joined(env.GITHUB_SERVER_URL, '/', env.GITHUB_REPOSITORY, '/actions/runs/', env.GITHUB_RUN_ID);
      return joined(run, '/attempts/', env.GITHUB_RUN_ATTEMPT) ?? run;
    },
  },
  {
    name: 'GitLab CI',
    detect: (env) => env.GITLAB_CI === 'true',
    repository: (env) => env.CI_PROJECT_URL,
    commit: (env) => env.CI_COMMIT_SHA,
    // As GitLab's own provenance names it.
    builder: (env) => joined(env.CI_PROJECT_URL, '/-/runners/', env.CI_RUNNER_ID),
    invocation: (env) => env.CI_JOB_URL,
  },
  {
    name: 'AWS CodeBuild',
    detect: (env) => isSet(env.CODEBUILD_BUILD_ARN),
    repository: (env) => env.CODEBUILD_SOURCE_REPO_URL,
    commit: (env) => env.CODEBUILD_RESOLVED_SOURCE_VERSION,
    builder: (env) => {
      const [, account, project] = /^(arn:[\w-]+:codebuild:[\w-]+:\d{12}:)build\/([\w-]+):/.exec(env.CODEBUILD_BUILD_ARN ?? '') ?? [];
      return joined(account, 'project/', project);
    },
    invocation: (env) => env.CODEBUILD_BUILD_ARN,
  },
  {
    name: 'SageMaker training',
    detect: (env) => isSet(env.TRAINING_JOB_ARN),
    // A training job gets its code as an archive, and knows of no commit.
    repository: () => undefined,
    commit: () => undefined,
    builder: (env) => /^arn:[\w-]+:sagemaker:[\w-]+:\d{12}:training-job(?=\/)/.exec(env.TRAINING_JOB_ARN ?? '')?.[0],
    invocation: (env) => env.TRAINING_JOB_ARN,
  },
];

const COMMIT = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;
const ADDRESS = /^(?:https?:\/\/|arn:)[^\s\p{Cc}]{1,4000}$/u;

/**
 * What a CI job knows of itself: code, builder and invocation.
 *
 * @throws MlsignError `environment-unknown` outside of the jobs that are known
 */
export function readCiEnvironment(env: Environment): BuildFacts {
  const provider = PROVIDERS.find(({ detect }) => detect(env));
  if (provider === undefined) {
    throw usage('environment-unknown', 'this is no CI job that mlsign knows', {
      expected: PROVIDERS.map(({ name }) => name).join(', '),
      suggestions: ['leave --from-env out, and give --code, --builder and --invocation'],
    });
  }
  const findings: Finding[] = [];
  const builder = address(provider.builder(env));
  const invocation = address(provider.invocation(env));
  const code = codeOf(provider, env, findings);
  if (code === undefined) findings.push(unknown(provider, 'code', '--code git+https://host/path@COMMIT'));
  if (builder === undefined) findings.push(unknown(provider, 'builder', '--builder URI'));
  return {
    ...noFacts(provider.name),
    materials: code === undefined ? [] : [code],
    ...(builder === undefined ? {} : { builder }),
    ...(invocation === undefined ? {} : { invocation }),
    findings,
  };
}

function codeOf(provider: Provider, env: Environment, findings: Finding[]): Material | undefined {
  const commit = provider.commit(env);
  const repository = provider.repository(env);
  if (commit === undefined || !COMMIT.test(commit) || repository === undefined) return undefined;
  const clean = address(repository);
  if (clean === undefined) return undefined;
  if (clean !== repository) findings.push(stripped(provider.name));
  return materialOf({ gitCommit: commit }, { role: 'code', uri: `git+${clean}` });
}

/** An address without what is secret in it; undefined for anything else. */
function address(text: string | undefined): string | undefined {
  return text !== undefined && ADDRESS.test(text) ? withoutSecrets(text) : undefined;
}

/** The parts as one text, where all of them are set. */
function joined(...parts: readonly (string | undefined)[]): string | undefined {
  return parts.every(isSet) ? parts.join('') : undefined;
}

function isSet(value: string | undefined): value is string {
  return value !== undefined && value !== '';
}

function unknown({ name }: Provider, what: string, flag: string): Finding {
  return {
    code: `${what}-unknown`,
    severity: 'warning',
    message: `the job does not say which ${what} it is`,
    subject: name,
    suggestion: `add ${flag}`,
  };
}

/** An address held a user, a password or a token: it is attested without. */
export function stripped(subject: string): Finding {
  return {
    code: 'secret-stripped',
    severity: 'warning',
    message: 'an address held a user, a password or a token: it is attested without',
    subject,
    suggestion: 'have the token replaced, as others may have read it there',
  };
}
