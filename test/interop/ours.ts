import { readFile } from 'node:fs/promises';
import {
  certificateSigner,
  localKeySigner,
  policyFromFlags,
  type SignedModel,
  type Signer,
  signModel,
  type Verification,
  verifyModel,
} from '../../src/index.ts';
import type { Hashing } from './driver.ts';

/** Whom to trust: a public key file, or a file of root certificates. */
export type Trusted = { readonly key: string } | { readonly roots: string };

/** What verification may accept beyond its defaults. */
export interface Tolerance {
  readonly allowSymlinks?: boolean | undefined;
  readonly allowLegacy?: boolean | undefined;
  readonly ignoreUnsigned?: boolean | undefined;
  readonly ignorePaths?: readonly string[] | undefined;
}

/** The files of a private key, and of its certificate and issuers. */
export interface SigningFiles {
  readonly key: string;
  readonly certificate?: string | undefined;
  readonly chain?: readonly string[] | undefined;
}

/** Verifies with mlsign. */
export async function verifyWithMlsign(model: string, signature: string, trust: Trusted, tolerance: Tolerance = {}): Promise<Verification> {
  const where = 'key' in trust ? trust.key : trust.roots;
  const source = { pem: await readFile(where), where };
  const { allowSymlinks, allowLegacy, ignoreUnsigned, ignorePaths } = tolerance;
  const policy = policyFromFlags({
    ...('key' in trust ? { trustKeys: [source] } : { cas: [source] }),
    allowSymlinks,
    allowLegacy,
    ignoreUnsigned,
    unsignedPaths: ignorePaths,
  });
  return verifyModel(model, { policy, signatures: [signature], workers: 1 });
}

/** The codes of the findings that decided against a model, each once, sorted; without `signer-missing`, which follows from any other. */
export function rejections({ findings }: Verification): readonly string[] {
  const codes = [...new Set(findings.filter(({ severity }) => severity === 'rejected').map(({ code }) => code))].sort();
  const reasons = codes.filter((code) => code !== 'signer-missing');
  return reasons.length > 0 ? reasons : codes;
}

/** Verdict and findings on one line, for assertion messages. */
export function inWords({ verdict, findings }: Verification): string {
  return `${verdict}: ${findings.map(({ code, message, subject, expected, got }) => `${code} (${message}; ${subject}; ${expected}; ${got})`).join(', ')}`;
}

/** Signs with mlsign. */
export async function signWithMlsign(model: string, signature: string, files: SigningFiles, hashing: Hashing = {}): Promise<SignedModel> {
  return signModel(model, {
    signer: await signerOf(files),
    signature,
    method: hashing.method,
    algorithm: hashing.algorithm,
    shardSize: hashing.shard_size,
    allowSymlinks: hashing.allow_symlinks,
    ignorePaths: hashing.ignore_paths,
    workers: 1,
  });
}

async function signerOf({ key, certificate, chain = [] }: SigningFiles): Promise<Signer> {
  const signer = await localKeySigner(await readFile(key), { where: key });
  if (certificate === undefined) return signer;
  return certificateSigner(signer, { certificate: await named(certificate), chain: await Promise.all(chain.map(named)), now: new Date() });
}

async function named(where: string): Promise<{ pem: Uint8Array; where: string }> {
  return { pem: await readFile(where), where };
}
