import { Args } from '@oclif/core';
import { affectedByFlags, BaseCommand, channelFlags, storeFlags, trustFlags } from '../src/cli/index.ts';

export default class Affected extends BaseCommand {
  static override summary = 'List every release and channel that descends from a model, dataset or commit.';
  static override description =
    `For the day when something turns out to be bad: a digest, a release or a model on disk. All releases of all models in the stores are looked
through, each record and bundle once, and of every channel that points to an affected one it is said what it goes back to.

What is only claimed counts too. Whom to trust may be said (--policy): then each line tells whether it is proven.`;
  static override examples = [
    '<%= config.bin %> affected sha256:3f2a… s3://models',
    '<%= config.bin %> affected datasets/crawl-2026 s3://models s3://experiments --json',
    '<%= config.bin %> affected s3://models/base@7 s3://models --policy mlsign.policy.yaml',
  ];
  static override args = {
    target: Args.string({ description: 'a digest (sha256:…), a release in a store, or a model on disk', required: true }),
    stores: Args.string({ description: 'buckets, prefixes, directories with models, or models in them', required: true, multiple: true }),
  };
  static override flags = { 'trust-release': channelFlags['trust-release'], ...trustFlags, ...storeFlags };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Affected);
    await this.perform(flags, (session) => affectedByFlags(args.target, args.stores, flags, session), 'reading');
  }
}
