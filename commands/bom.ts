import { Args } from '@oclif/core';
import { BaseCommand, bomByFlags, channelFlags, searchFlag, storeFlags, trustFlags } from '../src/cli/index.ts';

export default class Bom extends BaseCommand {
  static override summary = 'Print the bill of materials of a model: CycloneDX ML-BOM, as JSON.';
  static override description =
    `Lists the model, its files with their hashes, everything that it was made from as far as its provenance says, and who signed what. No file
is read, but of a model that is not signed.

Nothing is verified unless it is said whom to trust; the bill says which it was (the properties mlsign:verdict and mlsign:lineage).`;
  static override examples = [
    '<%= config.bin %> bom my-model > my-model.cdx.json',
    '<%= config.bin %> bom s3://models/my-model@production --policy mlsign.policy.yaml --output-file bom.cdx.json',
  ];
  static override args = {
    model: Args.string({ description: 'a model: a directory, a single file, or a release in a store', required: true }),
  };
  static override flags = {
    search: searchFlag,
    ...trustFlags,
    state: channelFlags.state,
    'min-sequence': channelFlags['min-sequence'],
    'trust-release': channelFlags['trust-release'],
    ...storeFlags,
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Bom);
    await this.perform(flags, (session) => bomByFlags(args.model, flags, this.config.version, session));
  }
}
