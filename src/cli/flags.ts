import { Args, Flags } from '@oclif/core';
import { HASH_TYPES } from '../core/index.ts';
import { archiveLimitFlags } from './archive-limits.ts';
import { parseSize } from './size.ts';

/** The model that a command works on. */
export const modelArg = Args.string({
  description: 'a model: a directory, a single file, or an archive (.tar, .tar.gz, .tgz)',
  required: true,
});

const HASHING = 'HASHING';
const SIGNING = 'SIGNING';

/** How a model is hashed, whoever asks. */
export const engineFlags = {
  engine: Flags.option({ options: ['auto', 'native', 'wasm'] as const })({
    summary: 'Hash with node:crypto (native) or WebAssembly (wasm); auto takes the faster.',
    default: 'auto',
    helpGroup: HASHING,
  }),
  workers: Flags.integer({
    summary: 'Threads that hash; the number of cores unless given.',
    helpValue: 'N',
    min: 1,
    max: 256,
    helpGroup: HASHING,
  }),
  ...archiveLimitFlags,
};

/** How a new manifest is made. */
export const manifestFlags = {
  method: Flags.option({ options: ['files', 'shards'] as const })({
    summary: 'Hash whole files, or byte ranges of them (faster for one huge file).',
    helpGroup: HASHING,
  }),
  'shard-size': Flags.custom<number>({ parse: async (text) => parseSize(text) })({
    summary: 'Size of a shard, such as 64MiB or 1GB; 1GB unless given.',
    helpValue: 'SIZE',
    helpGroup: HASHING,
  }),
  algorithm: Flags.option({ options: [...HASH_TYPES] })({ summary: 'Hash algorithm; sha256 unless given.', helpGroup: HASHING }),
  'ignore-paths': Flags.string({
    summary: 'Leave a path out of the manifest (exact, relative to the model; repeatable).',
    helpValue: 'PATH',
    multiple: true,
    multipleNonGreedy: true,
    helpGroup: HASHING,
  }),
  'allow-symlinks': Flags.boolean({ summary: 'Follow symbolic links; each is signed under its own name.', helpGroup: HASHING }),
};

/** A manifest, or the way to make one, that is there already. */
export const givenManifestFlags = {
  like: Flags.string({
    summary: "Repeat an earlier bundle's method, algorithm and ignored paths.",
    helpValue: 'BUNDLE',
    helpGroup: HASHING,
  }),
  manifest: Flags.string({
    summary: 'Sign a manifest of mlsign hash --json; no byte of the model is read.',
    helpValue: 'FILE',
    dependsOn: ['signature'],
    exclusive: ['like', 'method', 'shard-size', 'algorithm', 'ignore-paths', 'allow-symlinks'],
    helpGroup: HASHING,
  }),
};

/** The bundle, for commands that use exactly one. */
export const signatureFlag = Flags.string({
  summary: 'The signature; model.sig inside a model directory, or FILE.sig beside a file, unless given.',
  helpValue: 'FILE',
});

/** The bundles of a model, for commands that count signers. */
export const signaturesFlag = Flags.string({
  summary: "The bundle (repeatable); the model's own and those in MODEL.mlsign/ unless given.",
  helpValue: 'FILE',
  multiple: true,
  multipleNonGreedy: true,
});

/** What to sign with. */
export const signerFlags = {
  key: Flags.string({ summary: 'Private key to sign with (PEM).', helpValue: 'PEM', helpGroup: SIGNING }),
  kms: Flags.string({
    summary: 'AWS KMS key to sign with: id, ARN, alias or awskms:///… (repeatable: one bundle each).',
    helpValue: 'KEY',
    multiple: true,
    multipleNonGreedy: true,
    helpGroup: SIGNING,
  }),
  'public-key': Flags.string({
    summary: 'Public key of the --kms in the same place (PEM): then kms:Sign is the only permission needed.',
    helpValue: 'PEM',
    multiple: true,
    multipleNonGreedy: true,
    dependsOn: ['kms'],
    helpGroup: SIGNING,
  }),
  cert: Flags.string({
    summary: "The signer's certificate (PEM); its key is the one of --key.",
    helpValue: 'PEM',
    dependsOn: ['key'],
    helpGroup: SIGNING,
  }),
  chain: Flags.string({
    summary: 'Certificates of its issuers, leaf to root (PEM; repeatable).',
    helpValue: 'PEM',
    multiple: true,
    multipleNonGreedy: true,
    dependsOn: ['cert'],
    helpGroup: SIGNING,
  }),
  'rsa-padding': Flags.option({ options: ['pss', 'pkcs1'] as const })({
    summary: 'Padding of an RSA key.',
    default: 'pss',
    helpGroup: SIGNING,
  }),
  'passphrase-file': passphraseFileFlag('File with the passphrase of the key; else MLSIGN_KEY_PASSPHRASE, else a prompt.'),
};

/** A file that holds a passphrase. */
export function passphraseFileFlag(summary: string) {
  return Flags.string({ summary, helpValue: 'FILE', helpGroup: SIGNING });
}
