import { basename, resolve } from 'node:path';
import { type Clock, type Finding, MlsignError, readCapped, refused, sha256Hex, systemClock, unavailable } from '../core/index.ts';
import { groupByFile, MAX_BUNDLE_BYTES, type Manifest } from '../formats/index.ts';
import { keyPrincipal, type LoadPolicyOptions, type PemSource } from '../policy/index.ts';
import { openBundle } from '../verify/index.ts';
import type { EvidenceOptions } from './open-signatures.ts';

/** Whom to believe about policies. */
export interface PolicySignatureOptions extends EvidenceOptions {
  /** Any one of them must have signed. */
  readonly keys: readonly PemSource[];
  /** The files that the keys came from. */
  readonly files?: readonly string[] | undefined;
  readonly clock?: Clock | undefined;
}

/** Where the signature of a policy lies: `mlsign sign mlsign.policy.yaml` puts it there. */
export function policySignaturePath(path: string): string {
  return `${resolve(path)}.sig`;
}

/**
 * Demands that a policy file be signed, by name and content, before it is read.
 *
 * @returns an `authenticate` for `loadPolicy`, which throws `policy-signature-missing` and `policy-not-trusted`
 */
export function policySignature({ keys, files = [], clock = systemClock, ...evidence }: PolicySignatureOptions) {
  const principals = keys.map((key) => keyPrincipal('policy key', key));
  const authenticate: NonNullable<LoadPolicyOptions['authenticate']> = async (bytes, path) => {
    const signature = policySignaturePath(path);
    const bundle = await readSignature(signature, path);
    const { verified, findings } = await openBundle(bundle, signature, principals, { ...evidence, now: clock(), allowLegacy: false });
    if (verified === undefined) throw notTrusted(path, signature, findings);
    const name = basename(resolve(path));
    const signed = describe(verified.statement.manifest);
    const there = `${name} with SHA-256 ${sha256Hex(bytes)}`;
    if (signed !== there) {
      throw refused('policy-not-trusted', 'the policy is not the file that was signed', {
        subject: path,
        expected: signed,
        got: there,
        suggestions: [`restore the signed file, or have it signed again: mlsign sign ${path} --key policy.key --force`],
      });
    }
    return [signature, ...files];
  };
  return authenticate;
}

async function readSignature(signature: string, path: string): Promise<Uint8Array> {
  try {
    return await readCapped(signature, MAX_BUNDLE_BYTES, 'signature of the policy');
  } catch (error) {
    if (!(error instanceof MlsignError) || error.code !== 'file-not-found') throw error;
    throw unavailable('policy-signature-missing', 'the policy must be signed, and there is no signature beside it', {
      subject: path,
      expected: signature,
      suggestions: [`mlsign sign ${path} --key policy.key`],
      cause: error,
    });
  }
}

function notTrusted(path: string, signature: string, findings: readonly Finding[]): MlsignError {
  const [first] = findings.filter(({ severity }) => severity === 'rejected' || severity === 'undetermined');
  const open = first?.severity === 'undetermined';
  return (open ? unavailable : refused)('policy-not-trusted', 'the policy is not signed by one of the policy keys', {
    subject: path,
    expected: first?.expected ?? 'the signature of a policy key',
    got: `${signature}: ${first?.message ?? 'no trusted signature'}`,
    suggestions: ['ask whoever owns the policy to sign it, or check which key you trust (--policy-key)'],
  });
}

/** What a manifest of one whole file says of it. */
function describe(manifest: Manifest): string {
  const { method, hashType } = manifest.serialization;
  const [first, ...others] = [...groupByFile(manifest)];
  if (others.length > 0 || first === undefined) return 'a model of several files';
  const [name, file] = first;
  if (method !== 'files' || hashType !== 'sha256') return `${name} with ${hashType} over ${method}, and not SHA-256 over the whole file`;
  return `${name} with SHA-256 ${file.digests[0]}`;
}
