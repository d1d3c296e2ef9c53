import { Flags } from '@oclif/core';
import { type EvidenceOptions, policySignature } from '../app/index.ts';
import { readCapped, systemClock, usage } from '../core/index.ts';
import { parseCertificates, TRUST_CONFIG_LIMITS } from '../formats/index.ts';
import {
  checkFlagsBesidePolicy,
  combine,
  FLAGS_OF_A_POLICY,
  type IdentitySource,
  type LoadPolicyOptions,
  loadPolicy,
  type PemSource,
  type Policy,
  type PolicyFlags,
  policyFromFlags,
  type RevocationPlace,
} from '../policy/index.ts';
import { isStoreLocation } from '../store/index.ts';
import { instanceTrustedRoot, KmsTrust, readTrustedRoot } from '../verify/index.ts';
import { type AwsFlags, awsFlags, connectKms } from './kms.ts';
import { namedPem } from './pem-files.ts';
import { type InstanceFlags, instanceFlags } from './sigstore.ts';
import { cacheDirectory } from './wiring.ts';

const TRUST = 'TRUST';
const REPEATABLE = { multiple: true, multipleNonGreedy: true } as const;

function trustKeyFlag(aliases: string[]) {
  return Flags.string({
    summary: 'Public key or certificate whose key is trusted (PEM; repeatable).',
    helpValue: 'PEM',
    aliases,
    ...REPEATABLE,
    helpGroup: TRUST,
  });
}

/** Whom to trust, and what must hold. */
export const trustFlags = {
  'trust-key': trustKeyFlag(['key']),
  'trust-kms': Flags.string({
    summary: 'AWS KMS key that is trusted, by its ARN (repeatable); a pinned --trust-key needs no network.',
    helpValue: 'ARN',
    ...REPEATABLE,
    helpGroup: TRUST,
  }),
  ca: Flags.string({
    summary: 'Root certificates trusted to issue signers (PEM; repeatable).',
    helpValue: 'PEM',
    ...REPEATABLE,
    helpGroup: TRUST,
  }),
  identity: Flags.string({
    summary: 'Sigstore identity that is trusted, exactly; with --issuer.',
    helpValue: 'ID',
    aliases: ['certificate-identity'],
    dependsOn: ['issuer'],
    helpGroup: TRUST,
  }),
  'identity-pattern': Flags.string({
    summary: 'Regular expression for the whole identity; with --issuer.',
    helpValue: 'RE',
    dependsOn: ['issuer'],
    exclusive: ['identity'],
    helpGroup: TRUST,
  }),
  issuer: Flags.string({
    summary: 'OpenID Connect issuer that authenticates the identity, exactly.',
    helpValue: 'URL',
    aliases: ['certificate-oidc-issuer'],
    helpGroup: TRUST,
  }),
  claim: Flags.string({
    summary: 'Claim that the identity must carry: repository=owner/name, ref, commit, workflow … (repeatable).',
    helpValue: 'NAME=VALUE',
    dependsOn: ['issuer'],
    ...REPEATABLE,
    helpGroup: TRUST,
  }),
  'trusted-root': Flags.string({
    summary: 'Trusted root of a Sigstore instance (JSON): its Fulcio, logs and timestamp authorities.',
    helpValue: 'FILE',
    exclusive: ['trust-config', 'staging'],
    helpGroup: TRUST,
  }),
  'timestamp-ca': Flags.string({
    summary: 'Root certificates of timestamp authorities to believe (PEM; repeatable).',
    helpValue: 'PEM',
    ...REPEATABLE,
    helpGroup: TRUST,
  }),
  offline: Flags.boolean({
    summary: 'Use no network: Sigstore is judged by the trusted root that comes with mlsign, or one that is given.',
    exclusive: ['trust-kms'],
    helpGroup: TRUST,
  }),
  revocations: Flags.string({
    summary:
      'Revocation list that must be there and revoke nothing of the model: a file, or the store that keeps it; with --trust-revoker.',
    helpValue: 'FILE|STORE',
    dependsOn: ['trust-revoker'],
    helpGroup: TRUST,
  }),
  'trust-revoker': Flags.string({
    summary: 'Public key or certificate of a revoker, who may sign that list (PEM; repeatable).',
    helpValue: 'PEM',
    dependsOn: ['revocations'],
    ...REPEATABLE,
    helpGroup: TRUST,
  }),
  policy: Flags.string({ summary: 'Policy file that says what must hold.', helpValue: 'FILE', helpGroup: TRUST }),
  'policy-key': Flags.string({
    summary: 'Key that must have signed the policy, in FILE.sig beside it (PEM; repeatable: any one of them).',
    helpValue: 'PEM',
    dependsOn: ['policy'],
    ...REPEATABLE,
    helpGroup: TRUST,
  }),
  ...instanceFlags,
  ...awsFlags,
};

/** The same where `--key` signs. */
export const trustFlagsBesideSigner = { ...trustFlags, 'trust-key': trustKeyFlag([]) };

/** What may be unsigned, and which forms are accepted. */
export const toleranceFlags = {
  'ignore-paths': Flags.string({
    summary: 'Accept a path unsigned (exact, relative to the model; repeatable).',
    helpValue: 'PATH',
    ...REPEATABLE,
  }),
  'ignore-unsigned-files': Flags.boolean({ summary: 'Accept files that are not signed: they are counted, and not hashed.' }),
  'allow-symlinks': Flags.boolean({ summary: 'Follow symbolic links, where the signer did too.' }),
  'allow-legacy': Flags.boolean({ summary: 'Accept the bundle form of model-signing 0.2.0.' }),
};

/** Flags that say whom to believe about times and logs. */
export interface EvidenceFlags extends InstanceFlags {
  readonly 'trusted-root'?: string | undefined;
  readonly 'timestamp-ca'?: readonly string[] | undefined;
  readonly offline: boolean;
}

/** Flags that say whom to trust and what may be left unsigned. */
export interface TrustFlags extends AwsFlags, EvidenceFlags {
  readonly 'trust-key'?: readonly string[] | undefined;
  readonly 'trust-kms'?: readonly string[] | undefined;
  readonly ca?: readonly string[] | undefined;
  readonly 'trust-release'?: readonly string[] | undefined;
  readonly identity?: string | undefined;
  readonly 'identity-pattern'?: string | undefined;
  readonly issuer?: string | undefined;
  readonly claim?: readonly string[] | undefined;
  readonly revocations?: string | undefined;
  readonly 'trust-revoker'?: readonly string[] | undefined;
  readonly policy?: string | undefined;
  readonly 'policy-key'?: readonly string[] | undefined;
  readonly 'ignore-paths'?: readonly string[] | undefined;
  readonly 'ignore-unsigned-files'?: boolean | undefined;
  readonly 'allow-symlinks'?: boolean | undefined;
  readonly 'allow-legacy'?: boolean | undefined;
}

/** The policy that flags ask for: the file, the flags, or both, where both must hold. */
export async function loadPolicyOfFlags(flags: TrustFlags, signal: AbortSignal): Promise<Policy> {
  const { policy: file } = flags;
  const kms = new KmsTrust((key) => connectKms(flags, key, { asTrustRoot: true }));
  const trust = await trustOf(flags, kms, signal);
  const isTrusting = [trust.trustKeys, trust.kmsKeys, trust.cas, trust.identities].some((some) => (some ?? []).length > 0);
  if (!isTrusting && file === undefined) {
    throw usage('trust-missing', 'say whom you trust: without that there is nothing to verify', {
      suggestions: ['--trust-key signer.pub', '--ca root.pem', '--identity ID --issuer URL', '--policy mlsign.policy.yaml'],
    });
  }
  if (file === undefined) {
    return policyFromFlags({
      ...trust,
      allowSymlinks: flags['allow-symlinks'],
      allowLegacy: flags['allow-legacy'],
      unsignedPaths: flags['ignore-paths'],
      ignoreUnsigned: flags['ignore-unsigned-files'],
    });
  }
  checkFlagsBesidePolicy(FLAGS_OF_A_POLICY.filter((name) => isGiven(flags[name])));
  return combine(await loadPolicyFile(file, flags, signal, kms), trust);
}

/** Flags that say how a policy file is read. */
export interface PolicyFileFlags extends AwsFlags, EvidenceFlags {
  readonly 'policy-key'?: readonly string[] | undefined;
}

/** A policy file as it is. */
export async function loadPolicyFile(file: string, flags: PolicyFileFlags, signal: AbortSignal, kms?: KmsTrust): Promise<Policy> {
  return loadPolicy(file, await policyFileOptions(flags, signal, kms));
}

/** How a policy file is read, as flags say. Offline, one that names a KMS key is refused: nobody may be asked for it. */
export async function policyFileOptions(
  flags: PolicyFileFlags,
  signal: AbortSignal,
  kms = new KmsTrust((key) => connectKms(flags, key, { asTrustRoot: true })),
): Promise<LoadPolicyOptions> {
  const files = flags['policy-key'] ?? [];
  const keys = await Promise.all(files.map((path) => namedPem(path, 'policy key')));
  return {
    ...(flags.offline ? {} : { resolveKms: (arn, scheme) => kms.trust(arn, scheme, signal) }),
    ...(keys.length === 0 ? {} : { authenticate: policySignature({ keys, files, ...(await evidenceOfFlags(flags)) }) }),
  };
}

async function trustOf(flags: TrustFlags, kms: KmsTrust, signal: AbortSignal): Promise<PolicyFlags> {
  const {
    'trust-key': keys = [],
    'trust-kms': arns = [],
    ca = [],
    'trust-release': releasers = [],
    'trust-revoker': revokers = [],
  } = flags;
  return {
    trustKeys: await Promise.all(keys.map((path) => namedPem(path, 'trusted key'))),
    kmsKeys: await Promise.all(arns.map((arn) => kms.trust(arn, undefined, signal))),
    cas: await Promise.all(ca.map((path) => namedPem(path, 'root certificate'))),
    identities: identityOf(flags),
    releaseKeys: await Promise.all(releasers.map((path) => namedPem(path, 'trusted release key'))),
    revocations: flags.revocations === undefined ? undefined : { place: listPlaceOf(flags.revocations), keys: await revokerKeys(revokers) },
    files: [...keys, ...ca, ...releasers, ...revokers],
  };
}

/** Where a revocation list is: a file, or the prefix of a store. */
export function listPlaceOf(text: string): RevocationPlace {
  return isStoreLocation(text) ? { kind: 'store', url: text } : { kind: 'file', path: text };
}

/** The keys of revokers. */
export function revokerKeys(paths: readonly string[]): Promise<readonly PemSource[]> {
  return Promise.all(paths.map((path) => namedPem(path, "revoker's key")));
}

/** The identity that flags trust. */
export function identityOf({ identity, 'identity-pattern': pattern, issuer, claim = [] }: TrustFlags): readonly IdentitySource[] {
  if (issuer === undefined) return [];
  const where = identity ?? `--identity-pattern ${pattern ?? ''}`;
  return [{ identity, pattern, issuer, claims: Object.fromEntries(claim.map(readClaim)), where }];
}

function readClaim(text: string): readonly [string, string] {
  const at = text.indexOf('=');
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw usage('claim-malformed', 'this is not a claim', { subject: text, expected: 'NAME=VALUE, such as repository=acme/models' });
}

/** Whom to believe about times and logs, as flags say. */
export async function evidenceOfFlags(flags: EvidenceFlags): Promise<EvidenceOptions> {
  const roots = await Promise.all((flags['timestamp-ca'] ?? []).map((path) => namedPem(path, 'root certificate')));
  const file = flags['trusted-root'] ?? flags['trust-config'];
  return {
    timestampRoots: roots.flatMap(({ pem, where }) => parseCertificates(pem, where)),
    checkEvidence: file !== undefined || flags.staging || roots.length > 0,
    trustedRoot: async () => {
      if (file !== undefined) return readTrustedRoot(await readCapped(file, TRUST_CONFIG_LIMITS.maxBytes, 'trusted root'), file);
      const instance = flags.staging ? 'staging' : 'public-good';
      return instanceTrustedRoot({ instance, offline: flags.offline, cacheDirectory: cacheDirectory('tuf'), now: systemClock() });
    },
  };
}

function isGiven(value: boolean | readonly string[] | undefined): boolean {
  return typeof value === 'boolean' ? value : (value ?? []).length > 0;
}
