import { channelHistory } from '../src/app/index.ts';
import {
  BaseCommand,
  channelFlags,
  exitCodeOfVerdict,
  listingOfFlags,
  locationArg,
  parseChannelLocation,
  storeFlags,
  trustFlags,
  withStore,
} from '../src/cli/index.ts';
import { historyDocument, historyLine, historyText } from '../src/report/index.ts';

export default class History extends BaseCommand {
  static override summary = 'Show who pointed a channel at what, when, why and until when.';
  static override description =
    `Lists every version of the channel's pointer that the store still has, deleted and foreign ones included. With --trust-key, --trust-release or
--policy each is verified under the channel's role; without them it is only told what they say. It is
rejected where what readers get is not the newest signed pointer, or has expired.`;
  static override examples = [
    '<%= config.bin %> history s3://models/llama@production --policy mlsign.policy.yaml',
    '<%= config.bin %> history s3://models/llama@production --json',
  ];
  static override args = { channel: locationArg('a channel: s3://bucket/prefix/name@production') };
  static override flags = { 'trust-release': channelFlags['trust-release'], ...trustFlags, ...storeFlags };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(History);
    const { location, channel } = parseChannelLocation(args.channel);
    await this.perform(flags, async ({ signal }) => {
      const listing = await listingOfFlags(flags, signal);
      const history = await withStore(location, flags, (store) => channelHistory(location, channel, { ...listing, store }));
      return {
        document: () => historyDocument(history),
        text: (style) => historyText(history, style),
        complaint: history.verdict === 'verified' ? undefined : historyLine(history),
        exitCode: exitCodeOfVerdict(history.verdict),
      };
    });
  }
}
