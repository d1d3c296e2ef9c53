import { Args } from '@oclif/core';
import { approveByFlags, approveFlags, BaseCommand } from '../src/cli/index.ts';

export default class Approve extends BaseCommand {
  static override summary = 'Sign an approval of a model, in a role, that policies can ask for.';
  static override description =
    `Says that the signer agrees, in a role, that exactly this model is used. The model on disk must be what its own signature says, but whose
signature that is nobody looks at: verify it first. A release in a store is verified before it is approved (--trust-key, --policy).

The approval lies in MODEL.mlsign/, or in the store beside the model's signatures. It counts for one model id, one role and one principal,
until it expires or is revoked (mlsign revoke). Who has approved within a day, for the same reason, does not
approve again.`;
  static override examples = [
    '<%= config.bin %> approve my-model --role security --reason "scanned, no findings" --expires 90d --key alice.key',
    {
      description: 'A release where it lies',
      command: '<%= config.bin %> approve s3://models/my-model@7 --role security --kms alias/security --policy policy.yaml',
    },
    {
      description: 'Withdraw it',
      command:
        '<%= config.bin %> revoke my-model.mlsign/1f0c….att --reason "CVE found" --revocations s3://models --policy p.yaml --key s.key',
    },
  ];
  static override args = {
    model: Args.string({ description: 'a model: a directory, a single file, or a release in a store', required: true }),
  };
  static override flags = approveFlags;

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Approve);
    await this.perform(flags, (session) => approveByFlags(args.model, flags, session));
  }
}
