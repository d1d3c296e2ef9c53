import { Flags } from '@oclif/core';
import { rollbackChannel } from '../src/app/index.ts';
import {
  BaseCommand,
  channelFlag,
  expiresFlag,
  locationArg,
  moveByFlags,
  moveFlags,
  parseModelLocation,
  reasonFlag,
} from '../src/cli/index.ts';

export default class Rollback extends BaseCommand {
  static override summary = 'Point a channel at an earlier release again.';
  static override description =
    `The channel's verified history tells which release came before, whatever was written over its pointer or deleted. What is written is a new
pointer under a higher number, recorded as a rollback. It ends when the one that it replaces would have, unless --expires says otherwise.

Prints the prefix to redeploy from, and the command that makes files of the release current again where they are not.`;
  static override examples = [
    '<%= config.bin %> rollback s3://models/llama --channel production --reason "wrong answers since noon" --key releaser.key --policy mlsign.policy.yaml',
    '<%= config.bin %> rollback s3://models/llama --channel production --to 6 --reason INC-4711 --key releaser.key --policy mlsign.policy.yaml',
  ];
  static override args = { model: locationArg('a model in a store: s3://bucket/prefix/name') };
  static override flags = {
    channel: channelFlag,
    to: Flags.integer({ summary: 'Number of the release; the one before the present one unless given.', helpValue: 'RELEASE', min: 1 }),
    reason: reasonFlag(),
    expires: expiresFlag(),
    ...moveFlags,
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Rollback);
    const location = parseModelLocation(args.model);
    const { channel, to, reason, expires } = flags;
    await this.perform(flags, (session) =>
      moveByFlags(location, flags, session, (options) => rollbackChannel(location, { ...options, channel, to, reason, expires })),
    );
  }
}
