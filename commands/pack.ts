import { Args } from '@oclif/core';
import {
  BaseCommand,
  engineFlags,
  eventFlags,
  manifestFlags,
  packByFlags,
  packFlags,
  signerFlags,
  sigstoreFlags,
} from '../src/cli/index.ts';

const { 'archive-limit': _, ...hashingFlags } = engineFlags;

export default class Pack extends BaseCommand {
  static override summary = 'Pack a model as .tar or .tar.gz, always the same way, and sign it.';
  static override description =
    `Each file is read once: hashed, packed and compressed on several cores. What is signed is the content, file by file: the signature holds
for the directory, for the archive and for whatever it is unpacked to.

Order, times, owners and permissions are the same for all: equal models give equal archives. Times are 1970, or what SOURCE_DATE_EPOCH says.
Links are refused unless --allow-symlinks packs what they lead to; ignored paths and empty directories are left out.

The signature goes beside the archive (ARCHIVE.sig), or into it as model.sig (--inside). Without either, the directory's own model.sig goes
along as it is.`;
  static override examples = [
    '<%= config.bin %> pack my-model model.tar.gz --key release.key',
    {
      description: 'For a loader that takes nothing but the archive',
      command: '<%= config.bin %> pack my-model model.tar.gz --key release.key --inside',
    },
    { description: 'Weights hardly pack: fast', command: '<%= config.bin %> pack my-model model.tar.gz --level 1 --kms alias/models' },
  ];
  static override args = {
    directory: Args.string({ description: 'the model: a directory', required: true }),
    archive: Args.string({ description: 'where it goes: NAME.tar, NAME.tar.gz or NAME.tgz', required: true }),
  };
  static override flags = { ...packFlags, ...signerFlags, ...sigstoreFlags, ...manifestFlags, ...hashingFlags, ...eventFlags };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Pack);
    await this.perform(flags, (session) => packByFlags(args.directory, args.archive, flags, session), 'packing');
  }
}
