import { MlsignError, unavailable } from '../core/index.ts';
import type { KmsSpec } from './algorithms.ts';
import { fieldsOf, listOf, optionalTextOf, textOf } from './answer.ts';
import { AnswerMalformed, judgeCreation } from './failure.ts';
import type { KmsClient, KmsRequest } from './kms-client.ts';
import { readKeyArn } from './kms-key.ts';

/** What a new signing key is like. */
export interface NewKey {
  readonly spec: KmsSpec;
  /** `alias/NAME` */
  readonly alias: string;
  readonly description: string;
  readonly tags: Readonly<Record<string, string>>;
  /** ARNs of the roles and users that may sign. Without one the policy is KMS's own: IAM policies of the account decide. */
  readonly signers: readonly string[];
}

/** A key that was made. */
export interface CreatedKey {
  readonly arn: string;
  readonly spec: KmsSpec;
  readonly alias: string;
}

/** An alias, and the id of the key that it stands for. */
export interface KmsAlias {
  readonly name: string;
  readonly keyId: string;
}

/** More than an account has: 1,000,000 keys, 100,000 aliases. A list that goes on comes from something else. */
const MAX_PAGES = 1000;
const DELETION_DAYS = 7;

/** What the account may do with a key whose signers are named: everything but sign with it. */
const ADMINISTRATION = [
  'kms:CancelKeyDeletion',
  'kms:CreateAlias',
  'kms:DeleteAlias',
  'kms:DescribeKey',
  'kms:DisableKey',
  'kms:EnableKey',
  'kms:GetKeyPolicy',
  'kms:GetPublicKey',
  'kms:ListGrants',
  'kms:ListKeyPolicies',
  'kms:ListResourceTags',
  'kms:PutKeyPolicy',
  'kms:RevokeGrant',
  'kms:ScheduleKeyDeletion',
  'kms:TagResource',
  'kms:UntagResource',
  'kms:UpdateAlias',
  'kms:UpdateKeyDescription',
];
const USE = ['kms:DescribeKey', 'kms:GetPublicKey', 'kms:Sign'];

/**
 * Makes a signing key with its tags, policy and alias. Where the policy or the alias fails, the key that nobody asked for
 * is scheduled for deletion.
 *
 * @throws MlsignError `kms-alias-exists`, and what {@link KmsClient.call} throws
 */
export async function createKey(client: KmsClient, key: NewKey, signal?: AbortSignal): Promise<CreatedKey> {
  const { spec, alias, description, signers } = key;
  const Tags = Object.entries(key.tags).map(([TagKey, TagValue]) => ({ TagKey, TagValue }));
  const arn = await client.call(
    { action: 'kms:CreateKey', subject: alias },
    async (kms, sdk, abortSignal) => {
      const command = new sdk.CreateKeyCommand({ KeySpec: spec, KeyUsage: 'SIGN_VERIFY', Description: description, Tags });
      const { KeyMetadata } = await kms.send(command, { abortSignal });
      const made = fieldsOf(KeyMetadata);
      if (made.KeySpec !== spec || readKeyArn(textOf(made.Arn)) === undefined) throw new AnswerMalformed();
      return textOf(made.Arn);
    },
    { signal, judge: judgeCreation },
  );
  try {
    if (signers.length > 0) await putPolicy(client, arn, signers, signal);
    await client.call(
      { action: 'kms:CreateAlias', subject: alias },
      (kms, sdk, abortSignal) => kms.send(new sdk.CreateAliasCommand({ AliasName: alias, TargetKeyId: arn }), { abortSignal }),
      { signal },
    );
  } catch (error) {
    throw await withdraw(client, arn, error);
  }
  return { arn, spec, alias };
}

/**
 * Every key of the account and region, by ARN.
 *
 * @throws MlsignError what {@link KmsClient.call} throws
 */
export async function listKeys(client: KmsClient, signal?: AbortSignal): Promise<readonly string[]> {
  return allPages(client, 'kms:ListKeys', signal, (Marker) => async (kms, sdk, abortSignal) => {
    const answer = await kms.send(new sdk.ListKeysCommand({ Limit: 1000, Marker }), { abortSignal });
    return { items: listOf(answer.Keys, (key) => textOf(fieldsOf(key).KeyArn)), next: nextOf(answer) };
  });
}

/**
 * Every alias of the account and region that stands for a key.
 *
 * @throws MlsignError what {@link KmsClient.call} throws
 */
export async function listAliases(client: KmsClient, signal?: AbortSignal): Promise<readonly KmsAlias[]> {
  return allPages(client, 'kms:ListAliases', signal, (Marker) => async (kms, sdk, abortSignal) => {
    const answer = await kms.send(new sdk.ListAliasesCommand({ Limit: 100, Marker }), { abortSignal });
    // AWS keeps names for keys that it has not made yet: those have no target.
    const items = listOf(answer.Aliases, (alias) => {
      const { AliasName, TargetKeyId } = fieldsOf(alias);
      const keyId = optionalTextOf(TargetKeyId);
      return keyId === undefined ? [] : [{ name: textOf(AliasName), keyId }];
    });
    return { items: items.flat(), next: nextOf(answer) };
  });
}

interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | undefined;
}

async function allPages<T>(
  client: KmsClient,
  action: string,
  signal: AbortSignal | undefined,
  request: (marker: string | undefined) => KmsRequest<Page<T>>,
): Promise<readonly T[]> {
  const all: T[] = [];
  let marker: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const { items, next } = await client.call({ action, subject: 'the keys of the account' }, request(marker), { signal });
    all.push(...items);
    if (next === undefined) return all;
    marker = next;
  }
  throw unavailable('aws-answer-malformed', `the answer to ${action} does not come to an end`, { got: `${MAX_PAGES} pages` });
}

function nextOf({ Truncated, NextMarker }: { readonly Truncated?: unknown; readonly NextMarker?: unknown }): string | undefined {
  return Truncated === true ? textOf(NextMarker) : undefined;
}

async function putPolicy(client: KmsClient, arn: string, signers: readonly string[], signal: AbortSignal | undefined): Promise<void> {
  await client.call(
    { action: 'kms:PutKeyPolicy', subject: arn },
    (kms, sdk, abortSignal) => kms.send(new sdk.PutKeyPolicyCommand({ KeyId: arn, Policy: signingPolicy(arn, signers) }), { abortSignal }),
    { signal },
  );
}

/** A key policy by which the account administers a key, and only the named signers sign with it. */
export function signingPolicy(arn: string, signers: readonly string[]): string {
  const partition = arn.split(':')[1];
  const root = `arn:${partition}:iam::${readKeyArn(arn)?.account}:root`;
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      { Sid: 'AccountAdministers', Effect: 'Allow', Principal: { AWS: root }, Action: ADMINISTRATION, Resource: '*' },
      { Sid: 'SignersSign', Effect: 'Allow', Principal: { AWS: signers }, Action: USE, Resource: '*' },
    ],
  });
}

/** Schedules the deletion of a key that is not complete; the error says what became of it. */
async function withdraw(client: KmsClient, arn: string, error: unknown): Promise<unknown> {
  if (!(error instanceof MlsignError)) return error;
  const fate = await client
    .call({ action: 'kms:ScheduleKeyDeletion', subject: arn }, (kms, sdk, abortSignal) =>
      kms.send(new sdk.ScheduleKeyDeletionCommand({ KeyId: arn, PendingWindowInDays: DELETION_DAYS }), { abortSignal }),
    )
    .then(
      () => `the new key ${arn} will be deleted in ${DELETION_DAYS} days`,
      () => `the new key ${arn} is left over: aws kms schedule-key-deletion --key-id ${arn}`,
    );
  const { outcome, code, message, subject, expected, got, suggestions } = error;
  return new MlsignError(outcome, code, message, { subject, expected, got, suggestions: [...suggestions, fate] });
}
