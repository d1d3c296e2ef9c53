import { BaseCommand, locationArg, modelArg, parseModelLocation, pushByFlags, pushFlags } from '../src/cli/index.ts';

export default class Push extends BaseCommand {
  static override summary = 'Push a signed model into a store, as a new release.';
  static override description =
    `The model's own signatures are verified first (--trust-key, --policy): nothing unsigned is pushed. Then every file is sent and compared with
what was signed, and a record of the release, signed by --key, --kms or --sigstore, makes it visible at last. Run again, an interrupted push
goes on where it stopped.`;
  static override examples = [
    '<%= config.bin %> push my-model s3://models/my-model --trust-key trainer.pub --key releaser.key',
    {
      description: 'Into a directory, which behaves the same',
      command: '<%= config.bin %> push my-model file:store/my-model --trust-key release.key.pub --key release.key',
    },
    {
      description: 'Encrypted, and locked',
      command:
        '<%= config.bin %> push my-model s3://models/my-model --policy p.yaml --kms alias/releases --sse-kms alias/models --lock-until 2027-12-31',
    },
  ];
  static override args = { model: modelArg, place: locationArg('where it goes: s3://bucket/prefix/name or file:path/name') };
  static override flags = pushFlags;

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Push);
    const location = parseModelLocation(args.place);
    await this.perform(flags, (session) => pushByFlags(args.model, location, flags, session), 'sending');
  }
}
