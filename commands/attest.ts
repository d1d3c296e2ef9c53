import { Args } from '@oclif/core';
import { attestByFlags, attestFlags, BaseCommand } from '../src/cli/index.ts';

export default class Attest extends BaseCommand {
  static override summary = 'Sign what a model was made from (SLSA provenance), or another statement on it.';
  static override description =
    `Says by whom, from which models, data and code a model was made, each bound by digest, and signs that. The model must be what its own
signature says. A base or dataset that is signed is bound to its model id without reading it; an unsigned one is hashed. Nobody's signature
is looked at here: mlsign lineage and mlsign verify do that.

The attestation lies in MODEL.mlsign/, or in the store beside the model's signatures; it travels with push and pull. A release in a store
is verified before it is attested (--trust-key, --policy).`;
  static override examples = [
    '<%= config.bin %> attest my-model --base ../llama --relation finetune --dataset data.jsonl --key trainer.key',
    {
      description: 'In a CI job, about a base in a store',
      command: '<%= config.bin %> attest my-model --base s3://models/llama@7 --relation adapter --from-env --kms alias/trainer',
    },
    {
      description: 'A merge of two',
      command: '<%= config.bin %> attest merged --base s3://models/a@3 --base s3://models/b@1 --relation merge --key trainer.key',
    },
    {
      description: 'Anything else: an evaluation, a scan, a model card',
      command: '<%= config.bin %> attest my-model --predicate scan.json --type https://example.com/scan/v1 --key scanner.key',
    },
    {
      description: 'A release where it lies',
      command: '<%= config.bin %> attest s3://models/my-model@7 --predicate eval.json --type URI --key e.key --trust-key trainer.pub',
    },
  ];
  static override args = {
    model: Args.string({ description: 'a model: a directory, a single file, or a release in a store', required: true }),
  };
  static override flags = attestFlags;

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Attest);
    await this.perform(flags, (session) => attestByFlags(args.model, flags, session));
  }
}
