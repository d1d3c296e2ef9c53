import { Args, Flags } from '@oclif/core';
import { diffModels } from '../src/app/index.ts';
import { BaseCommand, EXIT, engineFlags, engineOptions } from '../src/cli/index.ts';
import { diffDocument, diffLine, diffText } from '../src/report/index.ts';

const EXIT_CODES = { same: EXIT.done, differs: EXIT.rejected, undetermined: EXIT.undetermined } as const;
const ANY = 'a model, a signature, or a manifest of mlsign hash --json';

export default class Diff extends BaseCommand {
  static override summary = 'Show how two models differ: files, and tensors of safetensors files.';
  static override description =
    `Models are hashed only where their sizes do not already tell, the way the other side was hashed. Signatures are read, not verified.`;
  static override examples = [
    '<%= config.bin %> diff my-model my-model-tuned',
    { description: 'What changed since it was signed', command: '<%= config.bin %> diff my-model/model.sig my-model' },
    { description: 'Two manifests, no model at hand', command: '<%= config.bin %> diff old.json new.json' },
  ];
  static override args = {
    a: Args.string({ description: ANY, required: true }),
    b: Args.string({ description: ANY, required: true }),
  };
  static override flags = {
    'ignore-paths': Flags.string({
      summary: 'Leave a path out of the comparison (exact, relative to the models; repeatable).',
      helpValue: 'PATH',
      multiple: true,
      multipleNonGreedy: true,
    }),
    'allow-symlinks': Flags.boolean({ summary: 'Follow symbolic links.' }),
    ...engineFlags,
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Diff);
    await this.perform(flags, async (session) => {
      const diff = await diffModels(args.a, args.b, {
        ignorePaths: flags['ignore-paths'],
        allowSymlinks: flags['allow-symlinks'],
        ...engineOptions(flags),
        ...session,
      });
      return {
        document: () => diffDocument(diff),
        text: (style) => diffText(diff, style),
        complaint: diff.verdict === 'same' ? undefined : diffLine(diff),
        exitCode: EXIT_CODES[diff.verdict],
      };
    });
  }
}
