import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type BundleDocument, codesOf, ended, flipped, KEYLESS_SIGNERS, type KeylessSigner, readBundle, useBench } from './bench.ts';
import { type Trusted, trustedIdentity, VERIFIERS, type Verifier } from './clients.ts';
import { identityOf, sigstoreFile } from './environment.ts';

/** A bundle that must not verify, for one reason. */
interface Case {
  readonly name: string;
  /** What mlsign says. */
  readonly code: string;
  readonly change: (bundle: BundleDocument, other: BundleDocument) => void;
  /** Who does not look at what was changed, and need not: it is said twice. */
  readonly acceptedBy?: Verifier['name'];
}

const BUNDLES: readonly Case[] = [
  { name: 'a changed signature', code: 'signature-invalid', change: ({ dsseEnvelope }) => flipSignature(dsseEnvelope) },
  {
    name: 'the signature of another model',
    code: 'signature-invalid',
    change: (bundle, other) => {
      bundle.dsseEnvelope.signatures = other.dsseEnvelope.signatures;
    },
  },
  {
    name: 'the payload of another model',
    code: 'signature-invalid',
    change: (bundle, other) => {
      bundle.dsseEnvelope.payload = other.dsseEnvelope.payload;
    },
  },
  {
    name: 'the certificate of another signature',
    code: 'signature-invalid',
    change: (bundle, other) => {
      bundle.verificationMaterial.certificate = other.verificationMaterial.certificate ?? { rawBytes: '' };
    },
  },
  {
    name: 'no log entry',
    code: 'log-entry-missing',
    change: ({ verificationMaterial }) => {
      verificationMaterial.tlogEntries = [];
    },
  },
  {
    name: 'the log entry of another signature',
    code: 'log-entry-mismatch',
    change: (bundle, other) => {
      bundle.verificationMaterial.tlogEntries = other.verificationMaterial.tlogEntries;
    },
  },
  {
    name: 'another root hash in the proof than in its checkpoint',
    code: 'log-proof-invalid',
    acceptedBy: 'cosign',
    change: (bundle) => {
      const { inclusionProof } = entryOf(bundle);
      inclusionProof.rootHash = flipped(inclusionProof.rootHash);
    },
  },
  {
    name: 'one more hash in the proof',
    code: 'log-proof-invalid',
    change: (bundle) => {
      entryOf(bundle).inclusionProof.hashes = [...(entryOf(bundle).inclusionProof.hashes ?? []), Buffer.alloc(32).toString('base64')];
    },
  },
  {
    name: 'a checkpoint with another signature',
    code: 'log-checkpoint-invalid',
    change: (bundle) => {
      const { checkpoint } = entryOf(bundle).inclusionProof;
      checkpoint.envelope = checkpoint.envelope.replace(/(\S+)\n$/, (_, signature: string) => `${flipped(signature)}\n`);
    },
  },
  {
    name: 'no timestamp',
    code: 'time-unproven',
    change: ({ verificationMaterial }) => {
      verificationMaterial.timestampVerificationData = { rfc3161Timestamps: [] };
    },
  },
  {
    name: 'the timestamp of another signature',
    code: 'timestamp-mismatch',
    change: (bundle, other) => {
      const { timestampVerificationData } = other.verificationMaterial;
      if (timestampVerificationData !== undefined) bundle.verificationMaterial.timestampVerificationData = timestampVerificationData;
    },
  },
];

/** A trusted root that must not do: what is taken from it or replaced in it. */
const ROOTS: readonly { readonly name: string; readonly code: string; readonly change: (root: RootDocument) => void }[] = [
  {
    name: 'a log that is not trusted',
    code: 'log-untrusted',
    change: ({ tlogs }) => {
      for (const { publicKey, logId } of tlogs) {
        publicKey.rawBytes = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
        logId.keyId = flipped(logId.keyId);
      }
    },
  },
  {
    name: 'a timestamp authority that is not trusted',
    code: 'timestamp-untrusted',
    change: (root) => {
      root.timestampAuthorities = [];
    },
  },
  {
    name: 'a certificate authority that is not trusted',
    code: 'certificate-untrusted',
    change: (root) => {
      root.certificateAuthorities = [];
    },
  },
  {
    name: 'a certificate transparency log that is not trusted',
    code: 'sct-untrusted',
    change: ({ ctlogs }) => {
      for (const { publicKey, logId } of ctlogs) {
        const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ type: 'spki', format: 'der' });
        publicKey.rawBytes = key.toString('base64');
        logId.keyId = createHash('sha256').update(key).digest('base64');
      }
    },
  },
];

interface RootDocument {
  tlogs: LogDocument[];
  ctlogs: LogDocument[];
  certificateAuthorities: unknown[];
  timestampAuthorities: unknown[];
}

interface LogDocument {
  publicKey: { rawBytes: string };
  logId: { keyId: string };
}

const PERSON = 'alice@example.com';

/** Identities that are not the signer's, though some are close. */
const IDENTITIES: readonly string[] = [
  'bob@example.com',
  'alice@example.co',
  'lice@example.com',
  'alice.example.com',
  `${PERSON} `,
  'ALICE@example.com',
];

describe('keyless signatures that must not verify', () => {
  const bench = useBench();

  for (const signer of KEYLESS_SIGNERS) {
    describe(`by ${signer}`, () => {
      let signed: { readonly model: string; readonly bundle: string; readonly other: BundleDocument };

      before(async () => {
        signed = await signTwice(signer);
      });

      /** Asks every verifier about a bundle: mlsign gives its reason, and none accepts. */
      function refusedByAll(
        name: string,
        code: string,
        prepare: () => Promise<{ bundle: string; trusted: Trusted }>,
        except?: string,
      ): void {
        for (const verifier of VERIFIERS) {
          it(`${verifier.name} ${verifier.name === except ? 'does not look at' : 'rejects'} ${name}`, async () => {
            const { bundle, trusted } = await prepare();
            const run = await verifier.verify(signed.model, bundle, trusted);
            ended(verifier.name === except ? 0 : 1, run);
            if (verifier.name === 'mlsign') assert.deepEqual(codesOf(run), [code]);
          });
        }
      }

      for (const { name, code, change, acceptedBy } of BUNDLES) {
        const prepare = async () => ({
          bundle: await bench().changed(signed.bundle, (document) => change(document, signed.other)),
          trusted: trustedIdentity(identityOf('email')),
        });
        refusedByAll(name, code, prepare, acceptedBy);
      }

      for (const { name, code, change } of ROOTS) {
        refusedByAll(name, code, async () => ({
          bundle: signed.bundle,
          trusted: { ...trustedIdentity(identityOf('email')), ...(await roots(change)) },
        }));
      }

      for (const identity of IDENTITIES) {
        refusedByAll(`the identity '${identity}'`, 'identity-mismatch', async () => ({
          bundle: signed.bundle,
          trusted: trustedIdentity({ ...identityOf('email'), identity }),
        }));
      }

      refusedByAll('another issuer', 'issuer-mismatch', async () => ({
        bundle: signed.bundle,
        trusted: trustedIdentity({ ...identityOf('email'), issuer: identityOf('github').issuer }),
      }));
    });
  }

  async function signTwice(signer: KeylessSigner): Promise<{ model: string; bundle: string; other: BundleDocument }> {
    const [model, another] = [await bench().model(), await bench().model()];
    await writeFile(join(another, 'config.json'), '{}');
    const bundle = await bench().signKeyless(signer, model, 'email');
    return { model, bundle, other: await readBundle(await bench().signKeyless(signer, another, 'email')) };
  }

  /** The trusted root of the instance with something in it changed, in both forms. */
  async function roots(change: (root: RootDocument) => void): Promise<{ trustedRoot: string; trustConfig: string }> {
    const config = JSON.parse(await readFile(sigstoreFile('clientTrustConfig'), 'utf8'));
    change(config.trustedRoot);
    return { trustedRoot: await bench().json('root.json', config.trustedRoot), trustConfig: await bench().json('config.json', config) };
  }
});

function flipSignature({ signatures }: BundleDocument['dsseEnvelope']): void {
  for (const signature of signatures) signature.sig = flipped(signature.sig);
}

function entryOf({ verificationMaterial }: BundleDocument): BundleDocument['verificationMaterial']['tlogEntries'][number] {
  const [entry] = verificationMaterial.tlogEntries;
  assert.ok(entry);
  return entry;
}
