import { Args, Flags } from '@oclif/core';
import { BaseCommand, checkPolicyByFlags, policyFileFlags } from '../../src/cli/index.ts';

export default class PolicyCheck extends BaseCommand {
  static override summary = 'Explain a policy file in sentences, and warn of what is seldom meant in it.';
  static override description =
    `The file is read as strictly as by mlsign verify: fields that nobody knows, names that nobody has, rules that are chosen for no
model. Warnings are about what is allowed and seldom meant: patterns that match nothing, names that nothing uses, keys that end soon.`;
  static override examples = [
    '<%= config.bin %> policy check mlsign.policy.yaml',
    {
      description: 'Which rule is for that model?',
      command: '<%= config.bin %> policy check mlsign.policy.yaml --against s3://models/prod/llama',
    },
    { description: 'In CI', command: '<%= config.bin %> policy check mlsign.policy.yaml --strict --policy-key owner.pub' },
  ];
  static override args = { policy: Args.string({ description: 'the policy file', required: true }) };
  static override flags = {
    against: Flags.string({
      summary: 'Tell which rule is for this model, on disk or in a store (repeatable); nothing has to be there.',
      helpValue: 'MODEL',
      multiple: true,
      multipleNonGreedy: true,
    }),
    strict: Flags.boolean({ summary: 'End with exit code 1 where there are warnings.' }),
    ...policyFileFlags,
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(PolicyCheck);
    await this.perform(flags, (session) => checkPolicyByFlags(args.policy, flags, session));
  }
}
