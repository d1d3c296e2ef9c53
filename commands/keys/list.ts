import { listKmsKeys } from '../../src/app/index.ts';
import { awsFlags, BaseCommand, connectKms } from '../../src/cli/index.ts';
import { listedKeysDocument, listedKeysText } from '../../src/report/index.ts';

export default class KeysList extends BaseCommand {
  static override summary = 'List the KMS keys of an account and region, by ARN and alias.';
  static override description = `Keys that AWS manages for its own services are left out. Needs kms:ListKeys and kms:ListAliases.`;
  static override examples = ['<%= config.bin %> keys list', '<%= config.bin %> keys list --region eu-central-1 --json'];
  static override flags = { ...awsFlags };

  async run(): Promise<void> {
    const { flags } = await this.parse(KeysList);
    await this.perform(flags, async ({ signal }) => {
      const client = connectKms(flags);
      try {
        const keys = await listKmsKeys({ client, signal });
        return {
          document: () => listedKeysDocument(keys),
          text: (style) => listedKeysText(keys, style),
          brief: keys.map(({ arn }) => `${arn}\n`).join(''),
          exitCode: 0,
        };
      } finally {
        await client.close();
      }
    });
  }
}
