import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { treeModel, writeModel } from '../interop/models.ts';
import { type Ended, runCosign, runMlsign, runModelSigning } from './clients.ts';
import { environment, type IdentityKind, mintToken, sigstoreFile } from './environment.ts';

/** Who can sign for an identity. */
export const KEYLESS_SIGNERS = ['mlsign', 'model_signing', 'cosign'] as const;
export type KeylessSigner = (typeof KEYLESS_SIGNERS)[number];

/** A folder of a suite's own. */
export class Bench {
  readonly folder: string;
  #made = 0;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** A path that nothing is at yet. */
  fresh(name: string): string {
    return join(this.folder, `${++this.#made}-${name}`);
  }

  /** Writes a model with every kind of name and size. */
  async model(): Promise<string> {
    const path = this.fresh('model');
    await writeModel(path, treeModel());
    return path;
  }

  /** Writes a file and returns its path. */
  async file(name: string, content: string | Uint8Array): Promise<string> {
    const path = this.fresh(name);
    await writeFile(path, content);
    return path;
  }

  json(name: string, document: unknown): Promise<string> {
    return this.file(name, JSON.stringify(document));
  }

  /** A key pair that mlsign made: paths of the private and the public key. */
  async keyPair(type: string): Promise<{ readonly key: string; readonly publicKey: string }> {
    const key = this.fresh(`${type}.key`);
    ended(0, await runMlsign(['keygen', key, '--type', type]));
    return { key, publicKey: `${key}.pub` };
  }

  /** Signs a model for an identity with the private Sigstore, log entry and timestamp included; returns the bundle. */
  async signKeyless(signer: KeylessSigner, model: string, kind: IdentityKind): Promise<string> {
    const bundle = this.fresh(`${signer}-${kind}.sig`);
    const token = await mintToken(kind);
    const trustConfig = sigstoreFile('clientTrustConfig');
    const tokenFile = await this.file('token', token);
    switch (signer) {
      case 'mlsign': {
        const identity = ['--sigstore', '--identity-token-file', tokenFile, '--trust-config', trustConfig];
        ended(0, await runMlsign(['sign', model, '--signature', bundle, ...identity]));
        break;
      }
      case 'model_signing':
        ended(
          0,
          await runModelSigning([
            ...['sign', 'sigstore', model, '--signature', bundle],
            ...['--trust_config', trustConfig, '--identity_token', token],
          ]),
        );
        break;
      case 'cosign': {
        const services = ['--signing-config', sigstoreFile('signingConfig'), '--trusted-root', sigstoreFile('trustedRoot')];
        const statement = await this.statement(model);
        const args = ['attest-blob', '--statement', statement, '--bundle', bundle, '--identity-token', tokenFile, ...services, '--yes'];
        ended(0, await runCosign(args));
        break;
      }
    }
    return bundle;
  }

  /** The OMS statement about a model, for programs that sign statements. */
  async statement(model: string): Promise<string> {
    const { key } = await this.keyPair('ec-p256');
    const bundle = this.fresh('statement.sig');
    ended(0, await runMlsign(['sign', model, '--key', key, '--signature', bundle]));
    const { dsseEnvelope } = JSON.parse(await readFile(bundle, 'utf8'));
    return this.file('statement.json', Buffer.from(dsseEnvelope.payload, 'base64'));
  }

  /** A bundle with something in it changed. */
  async changed(bundle: string, change: (document: BundleDocument) => void): Promise<string> {
    const document = JSON.parse(await readFile(bundle, 'utf8'));
    change(document);
    return this.json('changed.sig', document);
  }
}

/** The parts of a bundle that tests change. */
export interface BundleDocument {
  verificationMaterial: {
    certificate?: { rawBytes: string };
    publicKey?: { hint?: string };
    tlogEntries: LogEntryDocument[];
    timestampVerificationData?: { rfc3161Timestamps: { signedTimestamp: string }[] };
  };
  dsseEnvelope: { payload: string; signatures: { sig: string }[] };
}

export interface LogEntryDocument {
  logId: { keyId: string };
  inclusionProof: { rootHash: string; hashes: string[]; treeSize: string; logIndex: string; checkpoint: { envelope: string } };
  canonicalizedBody: string;
}

/** Reads a bundle. */
export async function readBundle(path: string): Promise<BundleDocument> {
  return JSON.parse(await readFile(path, 'utf8'));
}

/** Asserts how a program ended, showing what it said. */
export function ended(code: number, run: Ended): void {
  assert.equal(run.code, code, run.output);
}

/** The codes of the findings in the JSON that `mlsign verify` printed, without those that follow from others. */
export function codesOf({ stdout }: Ended): readonly string[] {
  const { findings } = JSON.parse(stdout);
  const codes = findings.map(({ code }: { code: string }) => code).filter((code: string) => code !== 'signer-missing');
  return [...new Set<string>(codes)].sort();
}

/** A bench before the tests of a suite, cleared away after them. */
export function useBench(): () => Bench {
  let bench: Bench | undefined;
  before(async () => {
    bench = new Bench(await mkdtemp(join(environment().folder, 'bench-')));
  });
  after(async () => {
    if (bench !== undefined) await rm(bench.folder, { recursive: true, force: true });
  });
  return () => {
    assert.ok(bench);
    return bench;
  };
}

/** Flips the last bit of base64 content. */
export function flipped(base64: string): string {
  const bytes = Buffer.from(base64, 'base64');
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  return bytes.toString('base64');
}
