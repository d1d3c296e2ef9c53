import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Answer, Driver, type Hashing } from './driver.ts';
import { signingKey } from './keys.ts';
import { type Files, type Link, writeModel } from './models.ts';
import type { SigningFiles, Trusted } from './ours.ts';
import { installReference, type Reference } from './reference.ts';

/** What a suite works with: the running reference implementation, keys and certificates, a folder of its own. */
export class Workbench {
  readonly reference: Reference;
  readonly driver: Driver;
  readonly folder: string;
  #made = 0;

  constructor(reference: Reference, driver: Driver, folder: string) {
    this.reference = reference;
    this.driver = driver;
    this.folder = folder;
  }

  /** A path that nothing is at yet. */
  fresh(name = 'x'): string {
    return join(this.folder, `${name}-${++this.#made}`);
  }

  /** Writes a model to a fresh folder. */
  async model(files: Files, links: readonly Link[] = []): Promise<string> {
    const folder = this.fresh('model');
    await writeModel(folder, files, links);
    return folder;
  }

  /** Adds files to a model. */
  addTo(model: string, files: Files): Promise<void> {
    return writeModel(model, files);
  }

  /** The private key of a curve, or of a certificate set with its chain. */
  signing(signer: Signer): Promise<SigningFiles & { key: string }> {
    return 'key' in signer ? signingKey(this.#keys, signer.key, undefined) : signingKey(this.#keys, undefined, signer.certificate);
  }

  /** The public key of a curve, or the root of a certificate set. */
  trust(signer: Signer): Trusted {
    return 'key' in signer ? { key: join(this.#keys, `${signer.key}.pub`) } : { roots: join(this.#keys, signer.certificate, 'root.pem') };
  }

  /** Signs with the reference, into a fresh file. */
  async theirs(model: string, signer: Signer, hashing: Hashing = {}): Promise<string> {
    const signature = this.fresh('theirs');
    const answer = await this.driver.sign({ model, signature, ...(await this.signing(signer)), ...hashing });
    assert.ok(answer.ok, answer.ok ? '' : answer.error);
    return signature;
  }

  /** Verifies with the reference. */
  verifyWithReference(
    model: string,
    signature: string,
    signer: Signer,
    options: Hashing & { ignore_unsigned?: boolean; guess?: boolean } = {},
  ): Promise<Answer> {
    const trust = this.trust(signer);
    return this.driver.verify({ model, signature, ...('key' in trust ? trust : { roots: [trust.roots] }), ...options });
  }

  get #keys(): string {
    return join(this.folder, 'keys');
  }
}

/** Who signs: a bare key by its curve, or a certificate set of `certificates.py`. */
export type Signer = { readonly key: 'p256' | 'p384' | 'p521' } | { readonly certificate: string };

/** Says that a key or certificate set signs, for test names. */
export function nameOf(signer: Signer): string {
  return 'key' in signer ? `key ${signer.key}` : `certificate ${signer.certificate}`;
}

/** Sets a workbench up before the tests of a suite (installing the reference where it is not yet) and clears it away after them. */
export function useWorkbench(): () => Workbench {
  let workbench: Workbench | undefined;

  before(async function () {
    this.timeout(600_000);
    const reference = await installReference();
    const folder = await mkdtemp(join(tmpdir(), 'mlsign-live-'));
    workbench = new Workbench(reference, new Driver(reference, folder), folder);
    const made = await workbench.driver.certificates(join(folder, 'keys'));
    assert.ok(made.ok, made.ok ? '' : made.error);
  });

  after(async () => {
    if (workbench === undefined) return;
    await workbench.driver.close();
    await rm(workbench.folder, { recursive: true, force: true });
  });

  return () => {
    assert.ok(workbench);
    return workbench;
  };
}
