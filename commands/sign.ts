import { Args, Flags } from '@oclif/core';
import {
  BaseCommand,
  channelFlags,
  engineFlags,
  eventFlags,
  givenManifestFlags,
  manifestFlags,
  signatureFlag,
  signByFlags,
  signerFlags,
  sigstoreFlags,
  storeFlags,
  trustFlagsBesideSigner,
  wholeFlag,
} from '../src/cli/index.ts';

export default class Sign extends BaseCommand {
  static override summary = 'Sign a model as an OpenSSF Model Signing (OMS) v1.0 bundle.';
  static override description =
    `Hashes every file and signs the manifest. The signature is written when it is complete, and never over another one unless --force is given.

Of an archive (.tar, .tar.gz, .tgz) the content is signed, file by file: the same signature holds for the directory that it unpacks to.
With --whole its own bytes are signed as one file.

A release in a store is signed where it lies, beside those who signed it before: its record and one of its signatures are verified first
(--trust-key, --policy), then every byte is streamed.`;
  static override examples = [
    '<%= config.bin %> sign my-model --key release.key',
    { description: 'With a certificate', command: '<%= config.bin %> sign my-model --key leaf.key --cert leaf.pem --chain issuer.pem' },
    {
      description: 'The way an earlier bundle was made',
      command: '<%= config.bin %> sign my-model --key release.key --like old/model.sig',
    },
    { description: 'What an archive holds', command: '<%= config.bin %> sign model.tar.gz --key release.key' },
    {
      description: 'A manifest made elsewhere',
      command: '<%= config.bin %> sign --manifest manifest.json --signature model.sig --key release.key',
    },
    {
      description: 'Where it lies, as a further signer',
      command: '<%= config.bin %> sign s3://models/my-model@7 --key security.key --trust-key trainer.pub',
    },
  ];
  static override args = {
    model: Args.string({ description: 'a model: a directory, a file, an archive, or a release in a store; not with --manifest' }),
  };
  static override flags = {
    ...signerFlags,
    ...sigstoreFlags,
    ...trustFlagsBesideSigner,
    ...channelFlags,
    ...storeFlags,
    signature: signatureFlag,
    force: Flags.boolean({ summary: 'Replace an existing signature.' }),
    ...manifestFlags,
    ...givenManifestFlags,
    whole: wholeFlag,
    ...engineFlags,
    ...eventFlags,
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Sign);
    await this.perform(flags, (session) => signByFlags(args.model, flags, session));
  }
}
