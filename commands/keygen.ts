import { Args, Flags } from '@oclif/core';
import { generateKeyPair } from '../src/app/index.ts';
import { BaseCommand, passphraseFileFlag, readNewPassphrase } from '../src/cli/index.ts';
import { keyPairDocument, keyPairText } from '../src/report/index.ts';
import { KEY_TYPES } from '../src/sign/index.ts';

export default class Keygen extends BaseCommand {
  static override summary = 'Make a key pair to sign models with.';
  static override description =
    `Writes OUT (the private key, PKCS#8 PEM, readable by you alone) and OUT.pub (the public key, for those who verify).
The private key is encrypted when a passphrase is given: at the prompt, by MLSIGN_KEY_PASSPHRASE or --passphrase-file.`;
  static override examples = [
    '<%= config.bin %> keygen release.key',
    '<%= config.bin %> keygen release.key --type ed25519 --passphrase-file pass.txt',
  ];
  static override args = { out: Args.string({ description: 'the private key to write; OUT.pub is the public one', required: true }) };
  static override flags = {
    type: Flags.option({ options: KEY_TYPES })({ summary: 'Kind of key.', default: 'ec-p256' }),
    'passphrase-file': passphraseFileFlag('File with the passphrase to encrypt the key with.'),
    force: Flags.boolean({ summary: 'Replace existing files.' }),
  };

  async run(): Promise<void> {
    const { args, flags } = await this.parse(Keygen);
    await this.perform(flags, async () => {
      const passphrase = await readNewPassphrase(flags['passphrase-file']);
      const pair = await generateKeyPair(args.out, { type: flags.type, passphrase, force: flags.force });
      return { document: () => keyPairDocument(pair), text: (style) => keyPairText(pair, style), exitCode: 0 };
    });
  }
}
