import { listStore } from '../src/app/index.ts';
import { BaseCommand, channelFlags, connectStore, EXIT, listingOfFlags, locationArg, storeFlags, trustFlags } from '../src/cli/index.ts';
import { storeDocument, storeText } from '../src/report/index.ts';

export default class Ls extends BaseCommand {
  static override summary = 'List the models of a store: newest release, channels, sizes, signers.';
  static override description =
    'Nothing is verified unless it is said whom to trust; a record that cannot be read, or does not verify, is a line that says so.';
  static override examples = ['<%= config.bin %> ls s3://models', '<%= config.bin %> ls file:models/llama --json'];
  static override args = { place: locationArg('a bucket, a prefix or a directory with models, or one of them: s3://bucket/prefix') };
  static override flags = { 'trust-release': channelFlags['trust-release'], ...trustFlags, ...storeFlags };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Ls);
    await this.perform(flags, async ({ signal }) => {
      const listing = await listStore(args.place, {
        ...(await listingOfFlags(flags, signal)),
        open: (place) => connectStore(place, flags),
      });
      return { document: () => storeDocument(listing), text: (style) => storeText(listing, style), exitCode: EXIT.done };
    });
  }
}
