import { Args, Flags } from '@oclif/core';
import {
  BaseCommand,
  channelFlags,
  engineFlags,
  eventFlags,
  sarifFlag,
  searchFlag,
  signaturesFlag,
  storeFlags,
  toleranceFlags,
  trustFlags,
  unpackByFlags,
  vsaFlag,
} from '../src/cli/index.ts';

export default class Unpack extends BaseCommand {
  static override summary = 'Unpack an archive, verified before anything of it appears.';
  static override description =
    `The archive is read once: it is unpacked to a place of its own, hashed and compared on the way. The directory appears when all of it is
verified, or is filled, where it is there already and empty; otherwise nothing appears.

Only signed files appear, with plain permissions, and the signature as model.sig: mlsign verify DIRECTORY says the same afterwards.`;
  static override examples = [
    '<%= config.bin %> unpack model.tar.gz my-model --key release.key.pub',
    { description: 'Under a policy', command: '<%= config.bin %> unpack model.tar.gz my-model --policy mlsign.policy.yaml' },
  ];
  static override args = {
    archive: Args.string({ description: 'an archive: .tar, .tar.gz or .tgz', required: true }),
    directory: Args.string({ description: 'where it appears: a directory that is empty, or not there yet', required: true }),
  };
  static override flags = {
    force: Flags.boolean({ summary: 'Replace what is in the directory, once the archive is verified.' }),
    ...trustFlags,
    vsa: vsaFlag,
    signature: signaturesFlag,
    ...toleranceFlags,
    search: searchFlag,
    state: channelFlags.state,
    ...storeFlags,
    ...engineFlags,
    report: sarifFlag,
    ...eventFlags,
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Unpack);
    const { version } = this.config;
    await this.perform(flags, (session) => unpackByFlags(args.archive, args.directory, flags, version, session), 'unpacking');
  }
}
