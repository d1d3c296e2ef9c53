import { Flags } from '@oclif/core';
import { promoteRelease } from '../src/app/index.ts';
import { BaseCommand, channelFlag, expiresFlag, locationArg, moveByFlags, moveFlags, reasonFlag } from '../src/cli/index.ts';
import { parseLocation } from '../src/store/index.ts';

export default class Promote extends BaseCommand {
  static override summary = 'Point a channel at a release.';
  static override description =
    `The release's record and the signatures of its model are verified first, and the pointer that is replaced; the signer must be one who may
move the channel. No byte of the model is read: mlsign verify does that. Where somebody else was faster, nothing is
done: run it again.`;
  static override examples = [
    '<%= config.bin %> promote s3://models/llama@7 --channel production --expires 30d --key releaser.key --policy mlsign.policy.yaml',
    {
      description: 'The first time',
      command:
        '<%= config.bin %> promote s3://models/llama@1 --channel production --init --expires 30d --key releaser.key --trust-key trainer.pub --trust-release releaser.pub',
    },
    {
      description: 'What staging points to',
      command: '<%= config.bin %> promote s3://models/llama@staging --channel production --expires 30d --key releaser.key --policy p.yaml',
    },
  ];
  static override args = { release: locationArg('a release: s3://bucket/prefix/name@7, or @sha256:… or another channel') };
  static override flags = {
    channel: channelFlag,
    expires: expiresFlag({ required: true }),
    reason: reasonFlag(),
    init: Flags.boolean({ summary: 'The channel has no sound pointer yet, and this is its first.' }),
    ...moveFlags,
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Promote);
    const location = parseLocation(args.release);
    const { channel, expires, reason, init } = flags;
    await this.perform(flags, (session) =>
      moveByFlags(location, flags, session, (options) => promoteRelease(location, { ...options, channel, expires, reason, init })),
    );
  }
}
