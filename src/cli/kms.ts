import { Flags } from '@oclif/core';
import { KmsClient, type KmsConnection, type KmsKeyReference } from '../aws/index.ts';
import { usage } from '../core/index.ts';
import { retryNote } from './retry-note.ts';
import { proxyEnvironment } from './wiring.ts';

const AWS = 'AWS';

/** Where AWS is, and as whom. */
export const awsFlags = {
  region: Flags.string({
    summary: 'AWS region; that of the ARN, AWS_REGION or the profile unless given.',
    helpValue: 'REGION',
    helpGroup: AWS,
  }),
  profile: Flags.string({ summary: 'Profile of the AWS configuration; AWS_PROFILE unless given.', helpValue: 'NAME', helpGroup: AWS }),
  'kms-endpoint-url': Flags.url({ summary: 'Endpoint of KMS: an emulator, or a VPC endpoint.', helpValue: 'URL', helpGroup: AWS }),
};

/** Flags that say where AWS is. */
export interface AwsFlags {
  readonly region?: string | undefined;
  readonly profile?: string | undefined;
  readonly 'kms-endpoint-url'?: URL | undefined;
  readonly quiet?: boolean | undefined;
}

/**
 * A connection to KMS as flags, a key's own name and the environment say; nothing is loaded or asked yet.
 *
 * @param options.asTrustRoot whoever answers decides what is trusted: an endpoint that only the environment names is refused
 */
export function connectKms(flags: AwsFlags, key?: KmsKeyReference, options: { readonly asTrustRoot?: boolean } = {}): KmsClient {
  const connection: KmsConnection = {
    region: agree('region', flags.region, key?.region, key),
    profile: flags.profile,
    endpoint: agree('kms-endpoint-url', flags['kms-endpoint-url']?.href, hrefOf(key?.endpoint), key),
    proxies: proxyEnvironment(),
    refuseConfiguredEndpoint: options.asTrustRoot,
    retries: { onRetry: retryNote(flags.quiet ?? false) },
  };
  return new KmsClient(connection);
}

function hrefOf(endpoint: string | undefined): string | undefined {
  return endpoint === undefined ? undefined : new URL(endpoint).href;
}

function agree(flag: string, given: string | undefined, named: string | undefined, key: KmsKeyReference | undefined): string | undefined {
  if (given === undefined || named === undefined || given === named) return given ?? named;
  throw usage('kms-flag-contradicts-key', `--${flag} says something else than the name of the key`, {
    subject: key?.text,
    expected: named,
    got: given,
    suggestions: [`leave out --${flag}`],
  });
}
