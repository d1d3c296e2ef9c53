import { Flags } from '@oclif/core';
import { collectGarbage, GARBAGE_KINDS } from '../src/app/index.ts';
import {
  BaseCommand,
  eventFlags,
  exitCodeOfVerdict,
  locationArg,
  parseDuration,
  parseModelLocation,
  storeFlags,
  withStore,
} from '../src/cli/index.ts';
import { garbageDocument, garbageEvent, garbageLine, garbageText } from '../src/report/index.ts';

export default class Gc extends BaseCommand {
  static override summary = 'Show what no release and no channel refers to; delete it when told to.';
  static override description =
    `Reads every release record and every pointer in the history of every channel. What they refer to stays, and they themselves. The rest is told:
files of models that were never released (model) and their signatures (bundle), uploads that were never ended (upload), older versions of
released files that nothing pins (version), and files that no release lists (extra). With --yes it is deleted for good.

Where a record cannot be read, nothing is deleted.`;
  static override examples = [
    '<%= config.bin %> gc s3://models/llama',
    { description: 'Delete abandoned uploads', command: '<%= config.bin %> gc s3://models/llama --kind upload --yes' },
  ];
  static override args = { model: locationArg('a model in a store: s3://bucket/prefix/name') };
  static override flags = {
    kind: Flags.option({ options: GARBAGE_KINDS, multiple: true, multipleNonGreedy: true } as const)({
      summary: 'What to look for (repeatable); everything unless given.',
    }),
    'min-age': Flags.custom<number>({ parse: async (text) => parseDuration(text) })({
      summary: 'Leave alone what is younger, as a push may be under way; 7d unless given.',
      helpValue: 'TIME',
    }),
    yes: Flags.boolean({ summary: 'Delete it.' }),
    ...storeFlags,
    ...eventFlags,
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Gc);
    const location = parseModelLocation(args.model);
    const { kind: kinds, 'min-age': minAge, yes } = flags;
    await this.perform(flags, async ({ signal }) => {
      const garbage = await withStore(location, flags, (store) => collectGarbage(location, { store, kinds, minAge, delete: yes, signal }));
      return {
        document: () => garbageDocument(garbage),
        text: (style) => garbageText(garbage, style),
        complaint: garbage.verdict === 'verified' ? undefined : garbageLine(garbage),
        event: garbageEvent(garbage),
        exitCode: exitCodeOfVerdict(garbage.verdict),
      };
    });
  }
}
