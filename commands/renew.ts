import { renewChannel } from '../src/app/index.ts';
import { BaseCommand, expiresFlag, locationArg, moveByFlags, moveFlags, parseChannelLocation, reasonFlag } from '../src/cli/index.ts';

export default class Renew extends BaseCommand {
  static override summary = "Extend the life of a channel's pointer.";
  static override description =
    `Signs a pointer to the same release again, under the next number, after the release's record and the signatures of its model were
verified. It lives as long as the one before unless --expires says otherwise.`;
  static override examples = [
    '<%= config.bin %> renew s3://models/llama@production --key releaser.key --policy mlsign.policy.yaml',
    '<%= config.bin %> renew s3://models/llama@production --expires 90d --kms alias/releaser --policy mlsign.policy.yaml',
  ];
  static override args = { channel: locationArg('a channel: s3://bucket/prefix/name@production') };
  static override flags = { expires: expiresFlag(), reason: reasonFlag(), ...moveFlags };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Renew);
    const { location, channel } = parseChannelLocation(args.channel);
    const { expires, reason } = flags;
    await this.perform(flags, (session) =>
      moveByFlags(location, flags, session, (options) => renewChannel(location, channel, { ...options, expires, reason })),
    );
  }
}
