import { Flags } from '@oclif/core';
import { createKmsKey } from '../../src/app/index.ts';
import { KMS_SPECS } from '../../src/aws/index.ts';
import { awsFlags, BaseCommand, connectKms } from '../../src/cli/index.ts';
import { createdKeyDocument, createdKeyText } from '../../src/report/index.ts';

export default class KeysCreate extends BaseCommand {
  static override summary = 'Make a signing key in AWS KMS.';
  static override description = `The key never leaves KMS; whoever may call kms:Sign signs with it. With --signer only those named may,
and the account administers the key but does not sign with it. Needs kms:CreateKey, kms:CreateAlias and kms:TagResource;
with --signer also kms:PutKeyPolicy. Where the alias or the policy fails, the new key is scheduled for deletion.`;
  static override examples = [
    '<%= config.bin %> keys create --alias alias/models',
    '<%= config.bin %> keys create --alias alias/models-pq --spec ML_DSA_65 --tag team=ml',
    '<%= config.bin %> keys create --alias alias/release --signer arn:aws:iam::111122223333:role/release',
  ];
  static override flags = {
    alias: Flags.string({ summary: 'Name of the key.', helpValue: 'alias/NAME', required: true }),
    spec: Flags.option({ options: KMS_SPECS })({ summary: 'Kind of key.', default: 'ECC_NIST_P256' }),
    description: Flags.string({ summary: 'Description of the key.', helpValue: 'TEXT' }),
    tag: Flags.string({ summary: 'A tag (repeatable).', helpValue: 'NAME=VALUE', multiple: true, multipleNonGreedy: true }),
    signer: Flags.string({
      summary: 'Role or user that may sign; no one else may then (repeatable).',
      helpValue: 'ARN',
      multiple: true,
      multipleNonGreedy: true,
    }),
    ...awsFlags,
  };

  async run(): Promise<void> {
    const { flags } = await this.parse(KeysCreate);
    await this.perform(flags, async ({ signal }) => {
      const { spec, alias, description, tag: tags, signer: signers } = flags;
      const client = connectKms(flags);
      try {
        const made = await createKmsKey({ client, spec, alias, description, tags, signers, signal });
        return {
          document: () => createdKeyDocument(made),
          text: (style) => createdKeyText(made, style),
          brief: `${made.arn}\n`,
          exitCode: 0,
        };
      } finally {
        await client.close();
      }
    });
  }
}
