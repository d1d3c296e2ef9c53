import {
  createKey,
  getPublicKey,
  isAliasName,
  type KmsClient,
  type KmsKeyReference,
  type KmsSpec,
  listAliases,
  listKeys,
} from '../aws/index.ts';
import { compareCodePoints, usage } from '../core/index.ts';
import { parseTrustedPem, publicKeyHint, type SchemeName, schemeForKmsKey } from '../formats/index.ts';

/** How a KMS key is made. */
export interface CreateKmsKeyOptions {
  readonly client: KmsClient;
  readonly spec: KmsSpec;
  /** `alias/NAME` */
  readonly alias: string;
  readonly description?: string | undefined;
  /** Each `NAME=VALUE`. */
  readonly tags?: readonly string[] | undefined;
  /** ARNs of the roles and users that alone may sign; without one, IAM policies of the account decide. */
  readonly signers?: readonly string[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A KMS key that was made. */
export interface CreatedKmsKey {
  readonly arn: string;
  readonly alias: string;
  readonly spec: KmsSpec;
  readonly signers: readonly string[];
}

/**
 * Makes a signing key in AWS KMS, with its alias, tags and policy.
 *
 * @throws MlsignError `kms-alias-malformed`, `kms-tag-malformed`, `kms-signer-malformed`, `kms-alias-exists`, `kms-…`, `aws-…`
 */
export async function createKmsKey(options: CreateKmsKeyOptions): Promise<CreatedKmsKey> {
  const { client, spec, alias, description = 'signs models (mlsign)', tags = [], signers = [], signal } = options;
  if (!isAliasName(alias)) {
    throw usage('kms-alias-malformed', 'this is not a name that an alias may have', {
      subject: alias,
      expected: 'alias/NAME, of letters, digits, "/", "_" and "-", and not alias/aws/…',
    });
  }
  for (const signer of signers) {
    if (/^arn:aws(-[a-z]+)*:iam::\d{12}:(role|user)\/[\w+=,.@/-]+$/.test(signer)) continue;
    throw usage('kms-signer-malformed', 'a signer is named by the ARN of a role or a user', {
      subject: signer,
      expected: 'arn:aws:iam::ACCOUNT:role/NAME',
    });
  }
  const made = await createKey(client, { spec, alias, description, tags: readTags(tags), signers }, signal);
  return { ...made, signers };
}

function readTags(tags: readonly string[]): Readonly<Record<string, string>> {
  const read = new Map<string, string>();
  for (const tag of tags) {
    const at = tag.indexOf('=');
    const name = tag.slice(0, Math.max(at, 0));
    if (name === '' || name.length > 128 || tag.length - at - 1 > 256 || name.startsWith('aws:') || read.has(name)) {
      throw usage('kms-tag-malformed', 'a tag is NAME=VALUE, each name once', {
        subject: tag,
        expected: 'a name of 1 to 128 characters that does not begin with aws:, and a value of at most 256',
      });
    }
    read.set(name, tag.slice(at + 1));
  }
  return Object.fromEntries(read);
}

/** A KMS key and its aliases. */
export interface ListedKmsKey {
  readonly arn: string;
  readonly aliases: readonly string[];
}

/**
 * The keys of the account and region by ARN, each with its aliases; those that AWS manages for its services are left out.
 *
 * @throws MlsignError `kms-access-denied`, `aws-…`
 */
export async function listKmsKeys({ client, signal }: Pick<CreateKmsKeyOptions, 'client' | 'signal'>): Promise<readonly ListedKmsKey[]> {
  const [arns, aliases] = await Promise.all([listKeys(client, signal), listAliases(client, signal)]);
  const names = Map.groupBy(aliases, ({ keyId }) => keyId);
  return arns
    .map((arn) => {
      const own = names.get(arn.slice(arn.indexOf(':key/') + ':key/'.length)) ?? [];
      return { arn, aliases: own.map(({ name }) => name).sort(compareCodePoints) };
    })
    .filter((key) => !key.aliases.some((name) => name.startsWith('alias/aws/')))
    .sort((a, b) => compareCodePoints(a.aliases[0] ?? '\u{10ffff}', b.aliases[0] ?? '\u{10ffff}') || compareCodePoints(a.arn, b.arn));
}

/** The public half of a KMS key. */
export interface ExportedKmsKey {
  readonly arn: string;
  readonly spec: KmsSpec;
  readonly scheme: SchemeName;
  readonly hint: string;
  /** SPKI */
  readonly pem: string;
}

/**
 * Exports the public half of a KMS key, for those who pin it.
 *
 * @throws MlsignError `kms-…`, `aws-…`, `key-unsupported`
 */
export async function exportKmsKey(
  key: KmsKeyReference,
  { client, signal }: Pick<CreateKmsKeyOptions, 'client' | 'signal'>,
): Promise<ExportedKmsKey> {
  const { arn, spec, pem } = await getPublicKey(client, key, signal);
  const trusted = parseTrustedPem(pem, key.text);
  if (trusted.kind !== 'key') throw new TypeError('a public key in PEM is read as a key');
  return { arn, spec, pem, scheme: schemeForKmsKey(trusted.key, key.text), hint: publicKeyHint(trusted.key) };
}
