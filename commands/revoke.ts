import { Args, Flags } from '@oclif/core';
import { BaseCommand, expiresFlag, revokeByFlags, revokeFlags } from '../src/cli/index.ts';

export default class Revoke extends BaseCommand {
  static override summary = 'Say that a model, file, dataset, key or identity is not to be used any more.';
  static override description =
    `Adds to a signed, numbered, expiring list, in a file or in the store itself, that whoever verifies is told to ask (mlsign verify
--revocations, or a policy). Only revokers count: the list that is there must be one's, and so must the signer be. What is revoked is
rejected, and so is every model that is proven to be made from it.

A model on disk is revoked by its id, a release in a store likewise, a PEM file by its key; everything else is a digest (sha256:…), a key by
its name (key:…) or an identity. Signatures of a key or identity that are proven to be older than --since still count.`;
  static override examples = [
    {
      description: 'The first time',
      command:
        '<%= config.bin %> revoke --init --revocations revocations.json --expires 30d --key security.key --trust-revoker security.pub',
    },
    '<%= config.bin %> revoke sha256:4f9c… --reason "poisoned samples" --revocations revocations.json --key security.key --trust-revoker security.pub',
    {
      description: 'A key that was stolen, in the list of a store',
      command:
        '<%= config.bin %> revoke trainer.pub --since 2026-11-01 --reason "laptop stolen" --revocations s3://models --policy p.yaml --kms alias/security',
    },
    { description: 'Before it expires', command: '<%= config.bin %> revoke --renew --policy p.yaml --kms alias/security' },
  ];
  static override args = {
    target: Args.string({ description: 'sha256:…, a model, s3://bucket/prefix/name@7, a file.att, key.pub, key:…, or an identity' }),
  };
  static override flags = {
    reason: Flags.string({ summary: 'Why, for those who meet it: one line.', helpValue: 'TEXT' }),
    since: Flags.string({ summary: 'Of a key or identity: signatures proven to be older still count.', helpValue: 'TIME' }),
    issuer: Flags.string({ summary: 'Of an identity: only where this issuer has authenticated it.', helpValue: 'URL' }),
    expires: expiresFlag({ summary: 'How long the list is good for: 30d, 12h, or a date; as long as the one before unless given.' }),
    init: Flags.boolean({ summary: 'There is no list yet, and this is its first.' }),
    renew: Flags.boolean({
      summary: 'Add nothing: sign the list again, so that it does not expire.',
      exclusive: ['init', 'reason', 'since'],
    }),
    ...revokeFlags,
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Revoke);
    await this.perform(flags, (session) => revokeByFlags(args.target, flags, session));
  }
}
