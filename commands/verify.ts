import { Flags } from '@oclif/core';
import { verifyModel } from '../src/app/index.ts';
import {
  BaseCommand,
  engineFlags,
  engineOptions,
  evidenceOfFlags,
  exitCodeOfVerdict,
  loadPolicyOfFlags,
  modelArg,
  toleranceFlags,
  trustFlags,
} from '../src/cli/index.ts';
import { verdictLine, verificationDocument, verificationText } from '../src/report/index.ts';

const REPEATABLE = { multiple: true, multipleNonGreedy: true } as const;

export default class Verify extends BaseCommand {
  static override summary = 'Verify a model: who signed it, and that every byte is what was signed.';
  static override description =
    `The signature is checked first, against the keys or certificate authorities you name (--trust-key, --ca) or a policy file; then every
file is hashed and compared. All that is missing, extra, changed, renamed or a link is reported at once.

Exit code: 0 verified, 1 rejected, 2 wrong flags or policy, 3 could not be determined.`;
  static override examples = [
    '<%= config.bin %> verify my-model --key release.pub',
    { description: 'Signed with a certificate of your CA', command: '<%= config.bin %> verify my-model --ca root.pem' },
    { description: 'Under a policy, for a pipeline', command: '<%= config.bin %> verify my-model --policy mlsign.policy.yaml --json' },
  ];
  static override args = { model: modelArg };
  static override flags = {
    ...trustFlags,
    signature: Flags.string({
      summary: "The bundle (repeatable); the model's own and those in MODEL.mlsign/ unless given.",
      helpValue: 'FILE',
      ...REPEATABLE,
    }),
    ...toleranceFlags,
    ...engineFlags,
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Verify);
    await this.perform(flags, async (session) => {
      const policy = await loadPolicyOfFlags(flags, session.signal);
      const verification = await verifyModel(args.model, {
        policy,
        ...(await evidenceOfFlags(flags)),
        signatures: flags.signature,
        ...engineOptions(flags),
        ...session,
      });
      return {
        document: () => verificationDocument(verification),
        text: (style) => verificationText(verification, style),
        complaint: verification.verdict === 'verified' ? undefined : verdictLine(verification),
        exitCode: exitCodeOfVerdict(verification.verdict),
      };
    });
  }
}
