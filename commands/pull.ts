import { Args, Flags } from '@oclif/core';
import { pullModel } from '../src/app/index.ts';
import {
  archiveLimitFlags,
  BaseCommand,
  type CommandReport,
  channelFlags,
  eventFlags,
  exitCodeOfVerdict,
  findingWarnings,
  locationArg,
  openReports,
  type Session,
  sarifFlag,
  storedModelOptions,
  storeFlags,
  trustFlags,
  vsaFlag,
  withSarif,
  withStore,
} from '../src/cli/index.ts';
import { pullDocument, pullText, verdictLine, verificationEvent } from '../src/report/index.ts';
import { parseLocation } from '../src/store/index.ts';

export default class Pull extends BaseCommand {
  static override summary = 'Pull a release out of a store, verified before it appears.';
  static override description =
    `Signatures come first, then every byte of the pinned versions; the directory appears when all of it is verified, or is filled, where it is
there already and empty (a mount point). Run again, an interrupted pull uses what is right of what it left.`;
  static override examples = [
    '<%= config.bin %> pull s3://models/my-model@production my-model --policy mlsign.policy.yaml',
    { description: 'One release', command: '<%= config.bin %> pull file:store/my-model@7 my-model --trust-key release.key.pub' },
  ];
  static override args = {
    release: locationArg('a release or a channel: s3://bucket/prefix/name@production'),
    directory: Args.string({ description: 'where it appears: a directory that is empty, or not there yet', required: true }),
  };
  static override flags = {
    'lock-file': Flags.string({
      summary: 'Where to write what was pulled from where; DIRECTORY.mlsign/lock.json unless given.',
      helpValue: 'FILE',
    }),
    force: Flags.boolean({ summary: 'Replace what is in the directory, once the release is verified.' }),
    ...channelFlags,
    ...trustFlags,
    vsa: vsaFlag,
    ...storeFlags,
    ...archiveLimitFlags,
    report: sarifFlag,
    ...eventFlags,
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Pull);
    const { 'lock-file': lockFile, force } = flags;
    const location = parseLocation(args.release);
    const use = async (session: Session): Promise<CommandReport> => {
      const reports = await openReports(args.release, flags.report ?? [], false);
      const pull = () =>
        withStore(location, flags, async (store) =>
          pullModel(location, args.directory, { ...(await storedModelOptions(store, flags, session)), lockFile, force }),
        );
      const pulled = await withSarif(args.release, reports, this.config.version, pull);
      const isPulled = pulled.verdict === 'verified';
      return {
        document: () => pullDocument(pulled),
        text: (style) => pullText(pulled, style),
        complaint: isPulled ? undefined : verdictLine(pulled),
        warnings: isPulled ? findingWarnings(pulled.findings) : [],
        event: verificationEvent(pulled),
        exitCode: exitCodeOfVerdict(pulled.verdict),
      };
    };
    await this.perform(flags, use, 'fetching');
  }
}
