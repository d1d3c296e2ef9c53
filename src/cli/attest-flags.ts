import { Flags } from '@oclif/core';
import { RELATIONS, type Relation } from '../lineage/index.ts';
import { eventFlags } from './event-log.ts';
import { engineFlags, signatureFlag, signerFlags } from './flags.ts';
import type { SignerFlags } from './signers.ts';
import { sigstoreFlags } from './sigstore.ts';
import { channelFlags, type StoreFlags, storeFlags } from './store.ts';
import type { StoredModelFlags } from './stored-model.ts';
import { trustFlagsBesideSigner } from './trust.ts';

const PROVENANCE = 'PROVENANCE';
const REPEATABLE = { multiple: true, multipleNonGreedy: true, helpGroup: PROVENANCE } as const;

/** How a model was made. */
export const provenanceFlags = {
  base: Flags.string({
    summary: 'Model that it was made from: a path, a release in a store, or URI=mlsignModel:ID (repeatable, for merges).',
    helpValue: 'MODEL',
    ...REPEATABLE,
  }),
  relation: Flags.option({ options: [...RELATIONS] })({ summary: 'How it was made from its base.', helpGroup: PROVENANCE }),
  dataset: Flags.string({
    summary: 'Data that it was made with: a path, a release in a store, or URI=sha256:DIGEST (repeatable).',
    helpValue: 'DATA',
    ...REPEATABLE,
  }),
  code: Flags.string({
    summary: 'Code that made it, at one commit: git+https://host/path@COMMIT (repeatable).',
    helpValue: 'CODE',
    ...REPEATABLE,
  }),
  container: Flags.string({
    summary: 'Container that it was made in: IMAGE@sha256:DIGEST (repeatable).',
    helpValue: 'IMAGE',
    ...REPEATABLE,
  }),
  param: Flags.string({ summary: 'Parameter of the training (repeatable).', helpValue: 'NAME=VALUE', ...REPEATABLE }),
  metric: Flags.string({ summary: 'What was measured (repeatable).', helpValue: 'NAME=NUMBER', ...REPEATABLE }),
  builder: Flags.string({ summary: 'URI that names who made it.', helpValue: 'ID', helpGroup: PROVENANCE }),
  invocation: Flags.string({ summary: 'The one run that made it.', helpValue: 'ID', helpGroup: PROVENANCE }),
  'from-env': Flags.boolean({
    summary: 'Take code, builder and invocation from the CI job: GitHub Actions, GitLab CI, CodeBuild, SageMaker training.',
    helpGroup: PROVENANCE,
  }),
  'from-dvc': Flags.string({
    summary: 'Take data and parameters from a .dvc file or dvc.lock (repeatable).',
    helpValue: 'FILE',
    ...REPEATABLE,
  }),
  'from-mlflow': Flags.string({
    summary: 'Take data, code, parameters, metrics and times from the folder of an MLflow run (repeatable).',
    helpValue: 'DIR',
    ...REPEATABLE,
  }),
};

/** Any other statement. */
export const predicateFlags = {
  predicate: Flags.string({
    summary: 'Attest this instead: a JSON file, the predicate of any in-toto statement.',
    helpValue: 'FILE',
    dependsOn: ['type'],
    exclusive: Object.keys(provenanceFlags),
  }),
  type: Flags.string({ summary: 'Type of the --predicate.', helpValue: 'URI', dependsOn: ['predicate'] }),
};

/** Who signs a statement about a model, and where the model is. */
export const attestingFlags = {
  ...signerFlags,
  ...sigstoreFlags,
  ...trustFlagsBesideSigner,
  ...channelFlags,
  ...storeFlags,
  signature: signatureFlag,
  'allow-symlinks': Flags.boolean({ summary: 'Follow symbolic links, where the signer did too.' }),
  ...engineFlags,
  ...eventFlags,
};

/** Flags of `mlsign attest`. */
export const attestFlags = {
  ...provenanceFlags,
  ...predicateFlags,
  ...attestingFlags,
};

/** How a model was made, as flags say it. */
export interface ProvenanceFlags {
  readonly base?: readonly string[] | undefined;
  readonly relation?: Relation | undefined;
  readonly dataset?: readonly string[] | undefined;
  readonly code?: readonly string[] | undefined;
  readonly container?: readonly string[] | undefined;
  readonly param?: readonly string[] | undefined;
  readonly metric?: readonly string[] | undefined;
  readonly builder?: string | undefined;
  readonly invocation?: string | undefined;
  readonly 'from-env': boolean;
  readonly 'from-dvc'?: readonly string[] | undefined;
  readonly 'from-mlflow'?: readonly string[] | undefined;
}

/** Flags of `mlsign attest`. */
export interface AttestFlags extends ProvenanceFlags, AttestingFlags {
  readonly predicate?: string | undefined;
  readonly type?: string | undefined;
}

/** Who signs a statement about a model, and where the model is. */
export interface AttestingFlags extends SignerFlags, StoredModelFlags, StoreFlags {
  readonly quiet: boolean;
  readonly staging: boolean;
  readonly signature?: string | undefined;
  readonly 'allow-symlinks': boolean;
  readonly engine: 'auto' | 'native' | 'wasm';
  readonly workers?: number | undefined;
}
