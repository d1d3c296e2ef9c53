import { listReleases } from '../src/app/index.ts';
import {
  BaseCommand,
  channelFlags,
  EXIT,
  listingOfFlags,
  locationArg,
  parseModelLocation,
  storeFlags,
  trustFlags,
  withStore,
} from '../src/cli/index.ts';
import { releasesDocument, releasesText } from '../src/report/index.ts';

export default class Releases extends BaseCommand {
  static override summary = 'List the releases of a model, and the channels that point to them.';
  static override description =
    'Nothing is verified unless it is said whom to trust; a record that cannot be read, or does not verify, is a line that says so.';
  static override examples = [
    '<%= config.bin %> releases s3://models/llama',
    '<%= config.bin %> releases s3://models/llama --policy mlsign.policy.yaml --json',
  ];
  static override args = { model: locationArg('a model in a store: s3://bucket/prefix/name') };
  static override flags = { 'trust-release': channelFlags['trust-release'], ...trustFlags, ...storeFlags };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Releases);
    const location = parseModelLocation(args.model);
    await this.perform(flags, async ({ signal }) => {
      const options = await listingOfFlags(flags, signal);
      const listing = await withStore(location, flags, (store) => listReleases(location, { ...options, store }));
      return { document: () => releasesDocument(listing), text: (style) => releasesText(listing, style), exitCode: EXIT.done };
    });
  }
}
