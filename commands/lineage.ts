import { Args, Flags } from '@oclif/core';
import { BaseCommand, channelFlags, lineageByFlags, searchFlag, storeFlags, trustFlags } from '../src/cli/index.ts';

export default class Lineage extends BaseCommand {
  static override summary = 'Show what a model was made from: base models, datasets, code, to the roots.';
  static override description =
    `Follows the signed provenance that mlsign attest writes. Ancestors are known by model id alone: they are found beside the model, in the
directories of --search, in the store that their URI names, and among the models of the same prefix.

Nothing is verified unless it is said whom to trust: then the signatures of the model and of every ancestor are, but no file is read.`;
  static override examples = [
    '<%= config.bin %> lineage my-adapter',
    '<%= config.bin %> lineage s3://models/my-adapter@production --policy mlsign.policy.yaml',
    { description: 'A drawing', command: '<%= config.bin %> lineage my-adapter --format dot | dot -Tsvg > lineage.svg' },
  ];
  static override args = {
    model: Args.string({ description: 'a model: a directory, a single file, or a release in a store', required: true }),
  };
  static override flags = {
    format: Flags.string({ summary: 'How it is shown.', options: ['tree', 'json', 'dot', 'mermaid'], default: 'tree' }),
    descendants: Flags.string({
      summary: 'Show what was made from it instead, among the models of a store (repeatable).',
      helpValue: 'STORE',
      multiple: true,
      multipleNonGreedy: true,
    }),
    depth: Flags.integer({ summary: 'Steps to the roots that are looked at.', helpValue: 'N', min: 1, max: 64 }),
    search: searchFlag,
    ...trustFlags,
    state: channelFlags.state,
    'min-sequence': channelFlags['min-sequence'],
    'trust-release': channelFlags['trust-release'],
    ...storeFlags,
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Lineage);
    const json = flags.json || flags.format === 'json';
    await this.perform({ ...flags, json }, (session) => lineageByFlags(args.model, flags, session));
  }
}
