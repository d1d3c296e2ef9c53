import { locateRelease } from '../src/app/index.ts';
import {
  BaseCommand,
  channelClientOf,
  channelFlags,
  evidenceOfFlags,
  exitCodeOfVerdict,
  findingWarnings,
  loadPolicyOfFlags,
  locationArg,
  storeFlags,
  trustFlags,
  withStore,
} from '../src/cli/index.ts';
import { locateDocument, locateLine, locateText } from '../src/report/index.ts';
import { parseLocation } from '../src/store/index.ts';

export default class Locate extends BaseCommand {
  static override summary = 'Print where a release lies, for loaders that know nothing of mlsign.';
  static override description =
    `Prints one line, for SageMaker's ModelDataUrl, KServe's storageUri, aws s3 sync: the prefix of a directory, or the object that an archive or a
single file is. The channel's pointer, the release's record and the signatures of its model are verified first, and nothing is printed where
they do not hold. No file is looked at: that is mlsign verify.`;
  static override examples = [
    '<%= config.bin %> locate s3://models/llama@production --policy mlsign.policy.yaml',
    'aws s3 sync "$(<%= config.bin %> locate s3://models/llama@7 --trust-key release.pub)" llama',
  ];
  static override args = { release: locationArg('a release or a channel: s3://bucket/prefix/name@production') };
  static override flags = { ...channelFlags, ...trustFlags, ...storeFlags };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Locate);
    const location = parseLocation(args.release);
    await this.perform(flags, async ({ signal }) => {
      const policy = await loadPolicyOfFlags(flags, signal);
      const evidence = await evidenceOfFlags(flags);
      const client = channelClientOf(flags);
      const located = await withStore(location, flags, (store) =>
        locateRelease(location, { store, policy, ...evidence, ...client, expectModelId: flags['expect-model-id'], signal }),
      );
      const isLocated = located.prefix !== undefined;
      return {
        document: () => locateDocument(located),
        text: () => locateText(located),
        brief: locateText(located),
        complaint: isLocated ? undefined : locateLine(located),
        warnings: isLocated ? findingWarnings(located.findings) : [],
        exitCode: exitCodeOfVerdict(located.verdict),
      };
    });
  }
}
