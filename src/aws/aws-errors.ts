import { MlsignError, refused, unavailable, usage } from '../core/index.ts';
import { AttemptTimeout, isThrottled, isUnreadable, networkCode, statusOf } from './failure.ts';

/** What a call to AWS was about. */
export interface AwsCall {
  /** The permission that it needs: `kms:Sign`. */
  readonly action: string;
  /** The key, alias or place, as the user knows it. */
  readonly subject: string;
  /** What else may help where the permission is missing. */
  readonly withoutPermission?: string | undefined;
  /** Texts that must never be shown. */
  readonly secrets?: readonly string[] | undefined;
}

const CREDENTIALS_MISSING = ['CredentialsProviderError', 'TokenProviderError'];
// Of these messages only what cannot hold a secret: a credential process puts its command line and its output in them.
const CREDENTIALS_WORDS =
  /^(Could not load credentials from any providers|Could not resolve credentials using profile: \[[^\]]*\]|The SSO session[^:]*|Token is expired[^:]*)/;
const CREDENTIALS_REFUSED = [
  'UnrecognizedClientException',
  'InvalidClientTokenId',
  'InvalidAccessKeyId',
  'InvalidToken',
  'InvalidSignatureException',
  'SignatureDoesNotMatch',
  'IncompleteSignature',
  'MissingAuthenticationToken',
  'MissingAuthenticationTokenException',
  'InvalidIdentityTokenException',
  'IDPRejectedClaim',
];
const CREDENTIALS_EXPIRED = ['ExpiredTokenException', 'ExpiredToken', 'RequestExpired'];
/**
 * An error of the AWS SDK as ours. What the service says is shown where it explains (who is not allowed what), and never
 * where it could repeat a credential. The error itself is not kept as a cause: it carries the request.
 *
 * @param attempts how often it was tried
 * @returns the error itself where it is ours, or a bug
 */
export function awsError(error: unknown, call: AwsCall, attempts: number): Error {
  if (!(error instanceof Error)) return unreadable(call, attempts, 'an unknown failure');
  if (error instanceof MlsignError || isBug(error)) return error;
  const code = networkCode(error);
  if (code !== undefined || error instanceof AttemptTimeout) return unreachable(code ?? 'no answer in time', call, attempts);
  return credentialError(error, call) ?? keyError(error, call) ?? serviceError(error, call, attempts);
}

function credentialError(error: Error, { action, subject }: AwsCall): MlsignError | undefined {
  const { name, message } = error;
  if (CREDENTIALS_MISSING.includes(name)) {
    return unavailable('aws-credentials-missing', 'there are no AWS credentials', {
      subject: action,
      got: CREDENTIALS_WORDS.exec(message)?.[0],
      suggestions: ['log in (aws sso login), set --profile or AWS_PROFILE, or give the machine a role'],
    });
  }
  if (CREDENTIALS_EXPIRED.includes(name)) {
    return unavailable('aws-credentials-expired', 'the AWS credentials have expired', {
      subject: action,
      got: name,
      suggestions: ['log in again (aws sso login), or renew the session'],
    });
  }
  if (CREDENTIALS_REFUSED.includes(name)) {
    return unavailable('aws-credentials-refused', 'AWS does not accept the credentials', {
      subject: action,
      got: name,
      suggestions: ['check the access key, the profile and the clock of this machine'],
    });
  }
  if (name === 'Error' && message === 'Region is missing') {
    return usage('aws-region-missing', 'the AWS region is not known', {
      subject,
      suggestions: ['give --region eu-central-1, AWS_REGION, a --profile with a region, or a KMS key by its ARN'],
    });
  }
  return undefined;
}

/** What each refusal of KMS means: outcome, code, message, suggestion. */
const KEY_ERRORS: Readonly<Record<string, readonly [typeof refused, code: string, message: string, suggestion?: string]>> = {
  NotFoundException: [unavailable, 'kms-key-not-found', 'there is no such KMS key', 'check the name, the account and the region'],
  DisabledException: [unavailable, 'kms-key-disabled', 'the KMS key is disabled', 'enable it (aws kms enable-key), or use another key'],
  InvalidArnException: [refused, 'kms-key-malformed', 'KMS does not take this name of a key'],
  InvalidKeyUsageException: [refused, 'kms-key-usage', 'the KMS key is not for signing, or not in this way'],
  UnsupportedOperationException: [refused, 'kms-key-usage', 'the KMS key is not an asymmetric key, or cannot do this'],
  KeyUnavailableException: [unavailable, 'kms-key-unavailable', 'the KMS key is not available'],
  AlreadyExistsException: [refused, 'kms-alias-exists', 'there is an alias of this name already', 'choose another name'],
  InvalidAliasNameException: [usage, 'kms-alias-malformed', 'KMS does not take this name of an alias'],
  LimitExceededException: [unavailable, 'kms-limit-exceeded', 'a quota of the AWS account is used up', 'ask AWS for a higher quota'],
  MalformedPolicyDocumentException: [refused, 'kms-policy-refused', 'KMS does not take the key policy', 'check the ARNs of --signer'],
  TagException: [refused, 'kms-tag-refused', 'KMS does not take the tags'],
};

function keyError(error: Error, call: AwsCall): MlsignError | undefined {
  const { action, subject, withoutPermission } = call;
  const got = said(error, call);
  if (error.name === 'AccessDeniedException') {
    const isExplicit = error.message.includes('explicit deny');
    const allow = isExplicit
      ? `find what denies ${action}: a service control policy, a boundary, the key policy`
      : `allow ${action} on the key, in the policy of the role and, for another account, in the key policy`;
    const suggestions = [allow, ...(withoutPermission === undefined ? [] : [withoutPermission])];
    return unavailable('kms-access-denied', `AWS does not allow ${action}`, { subject, expected: action, got, suggestions });
  }
  if (error.name === 'KMSInvalidStateException') {
    const isDying = error.message.includes('pending deletion') || error.message.includes('PendingDeletion');
    return isDying
      ? unavailable('kms-key-pending-deletion', 'the KMS key is about to be deleted', {
          subject,
          got,
          suggestions: ['use another key; to keep this one: aws kms cancel-key-deletion'],
        })
      : unavailable('kms-key-state', 'the KMS key is in a state in which it cannot be used', { subject, got });
  }
  const row = Object.hasOwn(KEY_ERRORS, error.name) ? KEY_ERRORS[error.name] : undefined;
  if (row === undefined) return undefined;
  const [make, code, message, suggestion] = row;
  return make(code, message, { subject, got, suggestions: suggestion === undefined ? [] : [suggestion] });
}

function serviceError(error: Error, call: AwsCall, attempts: number): MlsignError {
  const { action, subject } = call;
  const status = statusOf(error);
  if (isThrottled(error)) {
    return unavailable('aws-throttled', `AWS asks to slow down: ${action} was refused ${times(attempts)}`, {
      subject,
      got: error.name,
      suggestions: ['run it again later', 'ask AWS for a higher request quota'],
    });
  }
  if (status !== undefined && status >= 500) {
    return unavailable('aws-service-error', `AWS could not do ${action}, tried ${times(attempts)}`, {
      subject,
      got: isUnreadable(error) ? `HTTP ${status}` : `${status} ${said(error, call)}`,
      suggestions: ['run it again later'],
    });
  }
  if (isUnreadable(error)) {
    return unreadable(call, attempts, status === undefined || status === 200 ? `not the protocol of ${serviceOf(call)}` : `HTTP ${status}`);
  }
  return unavailable('aws-error', `AWS refused ${action}`, { subject, got: said(error, call) });
}

/** What Node says of a certificate that nobody trusted has issued. */
const CERTIFICATE_CODE = /^(?:UNABLE_TO_VERIFY_LEAF|UNABLE_TO_GET_ISSUER|SELF_SIGNED_CERT|DEPTH_ZERO_SELF_SIGNED)/;

function unreachable(reason: string, { action, subject }: AwsCall, attempts: number): MlsignError {
  return unavailable('aws-unreachable', `AWS cannot be reached for ${action}, tried ${times(attempts)}`, {
    subject,
    got: reason,
    suggestions: CERTIFICATE_CODE.test(reason)
      ? ['name the authority that issued the certificate of the endpoint: NODE_EXTRA_CA_CERTS=ca.pem']
      : ['check the network, HTTPS_PROXY and NO_PROXY, the region and the endpoint'],
  });
}

function unreadable({ action, subject }: AwsCall, attempts: number, got: string): MlsignError {
  return unavailable('aws-answer-malformed', `the answer to ${action} cannot be read, tried ${times(attempts)}`, {
    subject,
    got,
    suggestions: ['check the endpoint and the proxy: something other than AWS may have answered'],
  });
}

function times(attempts: number): string {
  return attempts === 1 ? 'once' : `${attempts} times`;
}

/** Not a failure of the call, but of our use of the SDK; an answer that confuses the SDK comes with the answer. */
function isBug(error: Error): boolean {
  return (error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError) && !('$response' in error);
}

/** The service, by the permission that it asks for. */
function serviceOf({ action }: AwsCall): string {
  return action.startsWith('s3:') ? 'S3' : 'KMS';
}

/** What the service said, on one line, without anything secret. */
export function said(error: Error, { secrets = [] }: AwsCall): string {
  let text = error.message;
  for (const secret of secrets) if (secret !== '') text = text.replaceAll(secret, '…');
  const line = text.replace(/\s+/g, ' ').trim();
  const shown = line.length > 400 ? `${line.slice(0, 399)}…` : line;
  return shown === '' || shown === error.name ? error.name : `${error.name}: ${shown}`;
}
