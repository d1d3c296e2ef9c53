import { Args } from '@oclif/core';
import { inspectModel } from '../src/app/index.ts';
import { archiveLimitFlags, archiveLimitsOf, BaseCommand, EXIT } from '../src/cli/index.ts';
import { inspectDocument, inspectText } from '../src/report/index.ts';

export default class Inspect extends BaseCommand {
  static override summary = 'Show who signed a model, what is covered, and what it is. Verifies nothing.';
  static override description =
    `Takes a model, a signature, or a manifest of mlsign hash --json, and shows what it says of itself: anyone could have written it.
For a model, packed or not, it also tells its formats, tensors and architecture, and whether shards are missing.`;
  static override examples = [
    '<%= config.bin %> inspect my-model',
    '<%= config.bin %> inspect my-model/model.sig',
    { description: 'Who claims to have signed it, for a program', command: '<%= config.bin %> inspect my-model/model.sig --json' },
  ];
  static override args = { path: Args.string({ description: 'a model, a signature, or a manifest', required: true }) };

  static override flags = { ...archiveLimitFlags };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Inspect);
    await this.perform(flags, async ({ signal }) => {
      const inspection = await inspectModel(args.path, { signal, archiveLimits: archiveLimitsOf(flags['archive-limit']) });
      const isRejected = inspection.findings.some(({ severity }) => severity === 'rejected');
      return {
        document: () => inspectDocument(inspection),
        text: (style) => inspectText(inspection, style),
        exitCode: isRejected ? EXIT.rejected : EXIT.done,
      };
    });
  }
}
