import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { mlsign } from '../helpers/cli.ts';
import { type Expected, environment, sigstoreFile } from './environment.ts';

/** How a program ended. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  /** Everything that it said. */
  readonly output: string;
}

/** Whom a bundle is verified against; what the logs and authorities of the trusted root say about it is verified too. */
export type Trusted =
  /** An identity, certified by the authorities of the trusted root. */
  | (Expected & { readonly kind: 'identity'; readonly trustedRoot: string; readonly trustConfig: string })
  /** A public key; a policy where mlsign would take another scheme for it. */
  | { readonly kind: 'key'; readonly key: string; readonly policy?: string; readonly trustedRoot: string; readonly proven: Proven }
  /** Certificates below a root of one's own: for cosign it is also in the trusted root, with the name that the leaf has. */
  | { readonly kind: 'ca'; readonly roots: string; readonly name: string; readonly trustedRoot: string };

/** What a bundle brings besides the signature. cosign has to be told what to leave out. */
export type Proven = 'nothing' | 'time' | 'time and log';

/** A program that verifies signed models. */
export interface Verifier {
  readonly name: 'mlsign' | 'cosign' | 'model_signing';
  verify(model: string, bundle: string, trusted: Trusted): Promise<Ended>;
}

/** Runs mlsign as a user would. */
export async function runMlsign(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  const { code, stdout, stderr } = await mlsign(args, { env });
  return { code, stdout, output: `${stdout}${stderr}` };
}

/** Runs Sigstore's own client. It is asked about a statement, and knows nothing of the model's files. */
export function runCosign(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  return runProgram(environment().installed.cosign, args, { COSIGN_PASSWORD: '', ...env });
}

/** Runs the command line of the Python reference client. */
export function runModelSigning(args: readonly string[]): Promise<Ended> {
  return runProgram(environment().installed.reference.python, ['-m', 'model_signing', ...args], {
    PYTHONUTF8: '1',
    PYTHONWARNINGS: 'ignore',
  });
}

/** Runs a program with variables added to the environment. */
export function runProgram(command: string, args: readonly string[], env: Readonly<Record<string, string>>): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(command, args, { env: { ...process.env, ...env } }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      resolve({ code, stdout, output: `${stdout}${stderr}` });
    });
  });
}

const ours: Verifier = {
  name: 'mlsign',
  verify: (model, bundle, trusted) => {
    const trust = (): readonly string[] => {
      switch (trusted.kind) {
        case 'identity':
          return ['--identity', trusted.identity, '--issuer', trusted.issuer];
        case 'key':
          return trusted.policy === undefined ? ['--trust-key', trusted.key] : ['--policy', trusted.policy];
        case 'ca':
          return ['--ca', trusted.roots];
      }
    };
    return runMlsign(['verify', model, '--signature', bundle, ...trust(), '--trusted-root', trusted.trustedRoot, '--json']);
  },
};

const cosign: Verifier = {
  name: 'cosign',
  verify: async (_model, bundle, trusted) => {
    const trust = (): readonly string[] => {
      switch (trusted.kind) {
        case 'identity':
          return ['--certificate-identity', trusted.identity, '--certificate-oidc-issuer', trusted.issuer];
        case 'key':
          return ['--key', trusted.key, ...(trusted.proven === 'time and log' ? [] : ['--insecure-ignore-tlog'])];
        case 'ca':
          // Certificates that are not Fulcio's name no issuer of an identity and have no SCT.
          return [
            ...['--allow-certificate-chain', '--insecure-ignore-sct'],
            ...['--certificate-identity', trusted.name, '--certificate-oidc-issuer-regexp', '^$'],
          ];
      }
    };
    return runCosign([
      ...['verify-blob-attestation', '--bundle', bundle, '--trusted-root', trusted.trustedRoot],
      ...(trusted.kind === 'key' && trusted.proven === 'nothing' ? [] : ['--use-signed-timestamps']),
      ...['--type', 'https://model_signing/signature/v1.0', '--digest', await subjectDigest(bundle), '--digestAlg', 'sha256'],
      ...trust(),
    ]);
  },
};

const reference: Verifier = {
  name: 'model_signing',
  verify: (model, bundle, trusted) => {
    const trust = (): readonly string[] => {
      switch (trusted.kind) {
        case 'identity':
          return ['--trust_config', trusted.trustConfig, '--identity', trusted.identity, '--identity_provider', trusted.issuer];
        case 'key':
          return ['--public_key', trusted.key];
        case 'ca':
          return ['--certificate_chain', trusted.roots];
      }
    };
    const method = { identity: 'sigstore', key: 'key', ca: 'certificate' }[trusted.kind];
    return runModelSigning(['verify', method, model, '--signature', bundle, ...trust()]);
  },
};

/** Every program that is asked. */
export const VERIFIERS: readonly Verifier[] = [ours, cosign, reference];

/** The digest of the statement's subject as it stands in a bundle. */
async function subjectDigest(bundle: string): Promise<string> {
  const { dsseEnvelope } = JSON.parse(await readFile(bundle, 'utf8'));
  try {
    return JSON.parse(Buffer.from(dsseEnvelope.payload, 'base64').toString()).subject[0].digest.sha256;
  } catch {
    // A payload that a test has spoilt.
    return '0'.repeat(64);
  }
}

/** An identity, certified by the private Sigstore. */
export function trustedIdentity(expected: Expected): Trusted & { readonly kind: 'identity' } {
  return { kind: 'identity', ...expected, trustedRoot: sigstoreFile('trustedRoot'), trustConfig: sigstoreFile('clientTrustConfig') };
}
