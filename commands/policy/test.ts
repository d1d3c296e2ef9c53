import { Args } from '@oclif/core';
import { BaseCommand, engineFlags, policyFileFlags, searchFlag, storeFlags, testPolicyByFlags } from '../../src/cli/index.ts';

export default class PolicyTest extends BaseCommand {
  static override summary = 'Run the cases of a policy: models, and what it must say of each.';
  static override description =
    `Each case is verified for real, on disk or in a store, and its verdict compared: so a policy has a CI of its own. The cases are a YAML file:

  version: 1
  policy: mlsign.policy.yaml
  cases:
    - { name: shipped, model: models/llama, expect: verified }
    - { name: changed, model: cases/changed, expect: rejected }

Further fields: rule, finding, signature (bundles), at (when it is verified), policy. Paths begin at the file. Nothing is remembered of
channels. The text is TAP 14.`;
  static override examples = ['<%= config.bin %> policy test cases.yaml', '<%= config.bin %> policy test cases.yaml --json'];
  static override args = { cases: Args.string({ description: 'the file of cases', required: true }) };
  static override flags = { search: searchFlag, ...policyFileFlags, ...storeFlags, ...engineFlags };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(PolicyTest);
    await this.perform(flags, (session) => testPolicyByFlags(args.cases, flags, session));
  }
}
