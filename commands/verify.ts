import { Args, Flags } from '@oclif/core';
import {
  BaseCommand,
  channelFlags,
  engineFlags,
  eventFlags,
  reportFlag,
  searchFlag,
  signaturesFlag,
  storeFlags,
  summaryFlags,
  toleranceFlags,
  trustFlagsBesideSigner,
  verifyByFlags,
} from '../src/cli/index.ts';

export default class Verify extends BaseCommand {
  static override summary = 'Verify a model: who signed it, and that every byte is what was signed.';
  static override description =
    `The signature is checked first, against the keys or certificate authorities you name (--trust-key, --ca) or a policy file; then every
file is hashed and compared. All that is missing, extra, changed, renamed or a link is reported at once.

Of a release in a store (s3://bucket/prefix/name@production, file:path/name@7) the channel and the record are verified as well, and that a
plain reader of its prefix gets exactly the release. Where the checksums of the store prove the bytes, they are not downloaded.

Where the policy asks for lineage, every model that this one was made from is found and verified too; --with-base binds an adapter to the
base that it is really loaded with.`;
  static override examples = [
    '<%= config.bin %> verify my-model --trust-key release.key.pub',
    { description: 'Signed with a certificate of your CA', command: '<%= config.bin %> verify my-model --ca root.pem' },
    { description: 'Under a policy, for a pipeline', command: '<%= config.bin %> verify my-model --policy mlsign.policy.yaml --json' },
    {
      description: 'In CI, for code scanning, and with a signed summary for later stages',
      command:
        '<%= config.bin %> verify my-model --policy p.yaml --report sarif=mlsign.sarif --report vsa=gate.att --verifier https://example.com/gate --key gate.key',
    },
    { description: 'May I deploy what lies there?', command: '<%= config.bin %> verify s3://models/my-model@production --policy p.yaml' },
  ];
  static override args = {
    model: Args.string({ description: 'a model: a directory, a single file, an archive, or a release in a store', required: true }),
  };
  static override flags = {
    ...trustFlagsBesideSigner,
    report: reportFlag,
    signature: signaturesFlag,
    ...toleranceFlags,
    full: Flags.boolean({ summary: 'In a store: download and hash every byte.', exclusive: ['attested'] }),
    attested: Flags.boolean({ summary: 'In a store: download nothing, and believe the checksums of this endpoint.' }),
    'with-base': Flags.string({
      summary: 'The base that the model is loaded with: verified too, and the one that its provenance names.',
      helpValue: 'MODEL',
    }),
    search: searchFlag,
    ...channelFlags,
    ...storeFlags,
    ...engineFlags,
    ...summaryFlags,
    ...eventFlags,
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Verify);
    await this.perform(flags, (session) => verifyByFlags(args.model, flags, this.config.version, session));
  }
}
