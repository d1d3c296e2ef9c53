import { Args } from '@oclif/core';
import { BaseCommand, explain } from '../src/cli/index.ts';

export default class Explain extends BaseCommand {
  static override summary = 'Say what the code of a finding or an error means, and what to do.';
  static override description = 'Without a code it lists all of them, by topic. The same texts are docs/findings.md.';
  static override examples = ['<%= config.bin %> explain file-changed', '<%= config.bin %> explain'];
  static override args = { code: Args.string({ description: 'a code, as it stands in brackets behind a finding: file-changed' }) };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Explain);
    await this.perform(flags, () => explain(args.code));
  }
}
