import { Args } from '@oclif/core';
import { exportKmsKey } from '../../src/app/index.ts';
import { parseKmsKey } from '../../src/aws/index.ts';
import { awsFlags, BaseCommand, connectKms } from '../../src/cli/index.ts';
import { exportedKeyDocument } from '../../src/report/index.ts';

export default class KeysPublic extends BaseCommand {
  static override summary = 'Print the public key of a KMS key (PEM), for those who verify.';
  static override description = `Whoever pins the file verifies without AWS: mlsign verify MODEL --trust-key FILE. Needs kms:GetPublicKey.`;
  static override examples = [
    '<%= config.bin %> keys public alias/models --output-file models.pub',
    '<%= config.bin %> keys public arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab',
  ];
  static override args = {
    key: Args.string({ description: 'the key: its id, ARN, alias, or awskms:///…', required: true }),
  };
  static override flags = { ...awsFlags };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(KeysPublic);
    await this.perform(flags, async ({ signal }) => {
      const key = parseKmsKey(args.key);
      const client = connectKms(flags, key);
      try {
        const exported = await exportKmsKey(key, { client, signal });
        return { document: () => exportedKeyDocument(exported), text: () => exported.pem, brief: exported.pem, exitCode: 0 };
      } finally {
        await client.close();
      }
    });
  }
}
