import { Args } from '@oclif/core';
import { BaseCommand, engineFlags, initPolicyByFlags, policyInitFlags } from '../../src/cli/index.ts';

export default class PolicyInit extends BaseCommand {
  static override summary = 'Write a policy: what a verified model shows must hold from now on.';
  static override description =
    `The model is verified under the trust that you give, and then again under what was written, so that the policy is one that it passes. Each
line is explained: signers, what proves when they signed, formats, what is unsigned; of a release, releasers and channel too.

Paths in the policy begin at --output-file, or at the working directory. An existing file is replaced with --force only.`;
  static override examples = [
    '<%= config.bin %> policy init models/llama --trust-key trainer.pub --output-file mlsign.policy.yaml',
    {
      description: 'From a release in a store',
      command:
        '<%= config.bin %> policy init s3://models/llama@production --trust-key trainer.pub --trust-release ci.pub --output-file p.yaml',
    },
  ];
  static override args = {
    model: Args.string({ description: 'a model: a directory, a single file, or a release in a store', required: true }),
  };
  static override flags = { ...policyInitFlags, ...engineFlags };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(PolicyInit);
    // A policy is kept where there is no new one, unlike other results.
    await this.perform({ ...flags, 'output-file': undefined }, (session) => initPolicyByFlags(args.model, flags, session));
  }
}
