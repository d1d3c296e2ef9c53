import { hashModel } from '../src/app/index.ts';
import {
  BaseCommand,
  engineFlags,
  engineOptions,
  findingWarnings,
  manifestFlags,
  manifestOptions,
  modelArg,
  wholeFlag,
} from '../src/cli/index.ts';
import { manifestDocument } from '../src/model/index.ts';
import { hashText } from '../src/report/index.ts';

export default class Hash extends BaseCommand {
  static override summary = 'Hash a model: its digest, its id and its manifest.';
  static override description =
    `The manifest lists every file (or shard) with its digest, as mlsign sign would sign it. With --json it can be kept, compared
(mlsign diff) and signed later on a machine that has the key (mlsign sign --manifest).`;
  static override examples = [
    '<%= config.bin %> hash my-model',
    { description: 'One huge file, on all cores', command: '<%= config.bin %> hash model.gguf --method shards --shard-size 256MiB' },
    { description: 'An archive, as the directory that it holds', command: '<%= config.bin %> hash model.tar.gz' },
    { description: 'A manifest to keep', command: '<%= config.bin %> hash my-model --json --output-file manifest.json' },
  ];
  static override args = { model: modelArg };
  static override flags = { ...manifestFlags, whole: wholeFlag, ...engineFlags };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Hash);
    await this.perform(flags, async (session) => {
      const result = await hashModel(args.model, {
        ...manifestOptions(flags),
        ...engineOptions(flags),
        whole: flags.whole,
        ...session,
      });
      return {
        document: () => manifestDocument(result.hashed),
        text: (style) => hashText(result, style),
        brief: `${result.modelId}\n`,
        warnings: findingWarnings(result.findings),
        exitCode: 0,
      };
    });
  }
}
