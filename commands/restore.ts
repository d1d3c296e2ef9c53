import { Flags } from '@oclif/core';
import { restoreRelease } from '../src/app/index.ts';
import {
  attributeFlags,
  attributesOf,
  BaseCommand,
  type CommandReport,
  channelFlags,
  eventFlags,
  exitCodeOfVerdict,
  findingWarnings,
  locationArg,
  type Session,
  storedModelOptions,
  storeFlags,
  trustFlags,
  withStore,
} from '../src/cli/index.ts';
import { restoreDocument, restoreEvent, restoreLine, restoreText } from '../src/report/index.ts';
import { parseLocation } from '../src/store/index.ts';

export default class Restore extends BaseCommand {
  static override summary = 'Make overwritten or deleted files of a release the current ones again.';
  static override description =
    `The release's record is verified first. Of its files, its bundles and the record itself, those whose current version has other bytes, or none,
get a new version with the bytes that were pinned, which are verified before. Other files in the prefix stay, and mlsign verify names them;
with --prune each gets a delete marker. No version is ever removed.`;
  static override examples = [
    '<%= config.bin %> restore s3://models/my-model@production --policy mlsign.policy.yaml',
    {
      description: 'What would be done, files that are not of the release included',
      command: '<%= config.bin %> restore s3://models/my-model@7 --trust-key release.key.pub --prune --dry-run',
    },
  ];
  static override args = { release: locationArg('a release or a channel: s3://bucket/prefix/name@7') };
  static override flags = {
    prune: Flags.boolean({ summary: 'Remove from the prefix what is not of the release; every version of it stays.' }),
    'dry-run': Flags.boolean({ summary: 'Tell what would be done; nothing is written.' }),
    ...channelFlags,
    ...trustFlags,
    ...attributeFlags,
    ...storeFlags,
    ...eventFlags,
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Restore);
    const location = parseLocation(args.release);
    const use = async (session: Session): Promise<CommandReport> => {
      const restored = await withStore(location, flags, async (store) => {
        const options = await storedModelOptions(store, flags, session);
        return restoreRelease(location, { ...options, attributes: attributesOf(flags), dryRun: flags['dry-run'], prune: flags.prune });
      });
      const isDone = restored.verdict === 'verified';
      return {
        document: () => restoreDocument(restored),
        text: (style) => restoreText(restored, style),
        complaint: isDone ? undefined : restoreLine(restored),
        warnings: isDone ? findingWarnings(restored.findings) : [],
        event: restoreEvent(restored),
        exitCode: exitCodeOfVerdict(restored.verdict),
      };
    };
    await this.perform(flags, use, 'reading');
  }
}
