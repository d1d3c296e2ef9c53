export { KMS_ALGORITHMS, KMS_SPECS, type KmsAlgorithmName, type KmsMessageType, type KmsScheme, type KmsSpec } from './algorithms.ts';
export { type AwsCall, awsError } from './aws-errors.ts';
export { type AwsConnection, clientConfig, type ProxyEnvironment } from './clients.ts';
export { judgeAwsFailure } from './failure.ts';
export { checkAlgorithm, getPublicKey, type KmsPublicKey, type KmsSignRequest, sign } from './kms.ts';
export { type CreatedKey, createKey, type KmsAlias, listAliases, listKeys, type NewKey } from './kms-admin.ts';
export { KmsClient, type KmsConnection } from './kms-client.ts';
export { isAliasName, type KmsKeyReference, parseKmsArn, parseKmsKey, readKeyArn } from './kms-key.ts';
export { DEFAULT_RETRIES, type Retry, type RetryOptions, withRetries } from './retry.ts';
