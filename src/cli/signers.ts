import type { SignatureOptions, SigningParty } from '../app/index.ts';
import { type KmsClient, parseKmsKey } from '../aws/index.ts';
import { systemClock, usage } from '../core/index.ts';
import { certificateSigner, kmsSigner, localKeySigner, type Signer } from '../sign/index.ts';
import { type AwsFlags, connectKms } from './kms.ts';
import { namedPem, readPem } from './pem-files.ts';
import { flaggedWitnesses, identitySigner, instanceWitnesses, type SigstoreFlags, sigstoreServices } from './sigstore.ts';
import { readPassphrase } from './wiring.ts';

/** Flags that say what to sign with. */
export interface SignerFlags extends AwsFlags, SigstoreFlags {
  readonly key?: string | undefined;
  readonly cert?: string | undefined;
  readonly chain?: readonly string[] | undefined;
  readonly 'rsa-padding': 'pss' | 'pkcs1';
  readonly 'passphrase-file'?: string | undefined;
  readonly kms?: readonly string[] | undefined;
  readonly 'public-key'?: readonly string[] | undefined;
  readonly sigstore: boolean;
  readonly quiet: boolean;
}

/** Those who sign, in the order key, KMS keys, identity; and what to close when they have. */
export type SigningTeam = Pick<SignatureOptions, 'signer' | 'witnesses' | 'further'> & { close(): Promise<void> };

/** The signers that flags ask for, each with its witnesses. */
export async function loadSigners(flags: SignerFlags, signal: AbortSignal): Promise<SigningTeam> {
  const witnesses = await flaggedWitnesses(flags);
  const clients: KmsClient[] = [];
  const parties: SigningParty[] = [];
  // A passphrase is asked for before anything else happens on the terminal.
  if (flags.key !== undefined) parties.push({ signer: await keySigner(flags, flags.key), witnesses });
  for (const [i, text] of kmsKeys(flags).entries()) {
    const key = parseKmsKey(text);
    const client = connectKms(flags, key);
    clients.push(client);
    const pinned = flags['public-key']?.[i];
    const publicKey = pinned === undefined ? undefined : await namedPem(pinned, 'public key');
    parties.push({ signer: () => kmsSigner({ key, client, publicKey, rsaPadding: flags['rsa-padding'], signal }), witnesses });
  }
  if (flags.sigstore) {
    const services = await sigstoreServices(flags);
    const own = instanceWitnesses(services, flags);
    const others = witnesses.filter(({ name }) => own.every((witness) => witness.name !== name));
    parties.push({ signer: identitySigner(services, flags, signal), witnesses: [...own, ...others] });
  }
  const [first, ...further] = parties;
  if (first === undefined) {
    throw usage('signer-missing', 'say what to sign with', { suggestions: ['--key release.key', '--kms alias/models', '--sigstore'] });
  }
  return { ...first, further, close: async () => void (await Promise.all(clients.map((client) => client.close()))) };
}

function kmsKeys({ kms = [], 'public-key': pinned = [] }: SignerFlags): readonly string[] {
  if (pinned.length === 0 || pinned.length === kms.length) return kms;
  throw usage('public-key-count', 'with --public-key every --kms has one, in the same order', {
    expected: `${kms.length} of --public-key`,
    got: String(pinned.length),
  });
}

async function keySigner(flags: SignerFlags, path: string): Promise<Signer> {
  const signer = await localKeySigner(await readPem(path, 'private key'), {
    where: path,
    passphrase: () => readPassphrase(flags['passphrase-file'], `passphrase for ${path}:`),
    rsaPadding: flags['rsa-padding'],
  });
  if (flags.cert === undefined) return signer;
  const certificate = await namedPem(flags.cert, 'certificate');
  const chain = await Promise.all((flags.chain ?? []).map((file) => namedPem(file, 'certificate chain')));
  return certificateSigner(signer, { certificate, chain, now: systemClock() });
}
