import { Args, Flags } from '@oclif/core';
import { signManifest, signModel } from '../src/app/index.ts';
import {
  awsFlags,
  BaseCommand,
  engineFlags,
  engineOptions,
  findingWarnings,
  givenManifestFlags,
  loadSigners,
  manifestFlags,
  manifestOptions,
  signatureFlag,
  signerFlags,
  sigstoreFlags,
} from '../src/cli/index.ts';
import { usage } from '../src/core/index.ts';
import { signDocument, signText } from '../src/report/index.ts';

export default class Sign extends BaseCommand {
  static override summary = 'Sign a model as an OpenSSF Model Signing (OMS) v1.0 bundle.';
  static override description =
    `Hashes every file and signs the manifest. The signature is written when it is complete, and never over another one unless --force is given.`;
  static override examples = [
    '<%= config.bin %> sign my-model --key release.key',
    { description: 'With a certificate', command: '<%= config.bin %> sign my-model --key leaf.key --cert leaf.pem --chain issuer.pem' },
    {
      description: 'The way an earlier bundle was made',
      command: '<%= config.bin %> sign my-model --key release.key --like old/model.sig',
    },
    {
      description: 'A manifest made elsewhere',
      command: '<%= config.bin %> sign --manifest manifest.json --signature model.sig --key release.key',
    },
  ];
  static override args = { model: Args.string({ description: 'a model: a directory or a single file; not with --manifest' }) };
  static override flags = {
    ...signerFlags,
    ...sigstoreFlags,
    ...awsFlags,
    signature: signatureFlag,
    force: Flags.boolean({ summary: 'Replace an existing signature.' }),
    ...manifestFlags,
    ...givenManifestFlags,
    ...engineFlags,
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Sign);
    if ((args.model === undefined) === (flags.manifest === undefined)) {
      throw usage('model-or-manifest', 'give a model, or --manifest: one of them', { suggestions: ['mlsign sign MODEL --key KEY'] });
    }
    await this.perform(flags, async (session) => {
      const team = await loadSigners(flags, session.signal);
      try {
        const common = { ...team, force: flags.force, ...session };
        const { manifest, signature } = flags;
        const result =
          manifest !== undefined && signature !== undefined
            ? await signManifest(manifest, { ...common, signature })
            : await signModel(args.model ?? '', {
                ...common,
                ...manifestOptions(flags),
                ...engineOptions(flags),
                signature,
                like: flags.like,
              });
        return {
          document: () => signDocument(result),
          text: (style) => signText(result, style),
          warnings: findingWarnings(result.findings),
          exitCode: 0,
        };
      } finally {
        await team.close();
      }
    });
  }
}
