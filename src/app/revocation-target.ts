import { X509Certificate } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { MlsignError, readCapped, sha256Hex, usage } from '../core/index.ts';
import {
  isDigestName,
  isDigestValue,
  MAX_BUNDLE_BYTES,
  MAX_PEM_BYTES,
  type Manifest,
  parseBundle,
  parseOmsStatement,
  parseTrustedPem,
  publicKeyHint,
} from '../formats/index.ts';
import { DIGEST, KEY_NAME, type Revocation } from '../lineage/index.ts';
import { modelId, type Source } from '../model/index.ts';
import { isStoreLocation, parseLocation, type Store, type StoreLocation } from '../store/index.ts';
import { claimedRelease } from './claimed-release.ts';
import { furtherSignatures } from './further-signatures.ts';
import { identifyModel } from './identify-model.ts';
import { openModel } from './open-model.ts';
import { readBundle } from './read-bundle.ts';
import { areOfOtherModels } from './revoked-contents.ts';

/** What is revoked, and how it was found out. */
export interface RevocationTarget extends Pick<Revocation, 'kind' | 'value'> {
  /** What else of the same kind is the same: a model that is signed in several ways has an id for each. */
  readonly further: readonly string[];
  /** In words. */
  readonly description: string;
}

/** How a release in a store is looked up. */
export interface TargetOptions {
  readonly openStore: (place: Pick<StoreLocation, 'store'>) => Promise<Store>;
  readonly signal?: AbortSignal | undefined;
}

const PEM = '-----BEGIN ';

/**
 * What a word of the user's means: a digest (`sha256:…`), a key (`key:…`, or a PEM file), a release in a store, a model on disk
 * (by its signature, or hashed), or else an identity.
 *
 * @throws MlsignError `target-unknown`, `digest-malformed`, and what reading it throws
 */
export async function revocationTarget(text: string, options: TargetOptions): Promise<RevocationTarget> {
  const key = text.startsWith('key:') ? text.slice('key:'.length) : undefined;
  if (key !== undefined && KEY_NAME.test(key)) return { kind: 'key', value: key, further: [], description: 'the key of this name' };
  const statement = text.startsWith('attestation:') ? text.slice('attestation:'.length) : undefined;
  if (statement !== undefined && KEY_NAME.test(statement))
    return { kind: 'attestation', value: statement, further: [], description: 'the statement with this digest' };
  if (DIGEST.test(text)) return { kind: 'digest', value: digestTarget(text), further: [], description: 'whatever has this digest' };
  if (isStoreLocation(text)) return releaseTarget(parseLocation(text), options);
  const found = await stat(text).catch(() => undefined);
  if (found?.isFile() && text.endsWith('.att')) return attestationTarget(text);
  if (found !== undefined) return found.isFile() && (await isPem(text)) ? keyTarget(text) : modelTarget(text);
  if (/^[^\s/]+@[^\s/]+$|^[a-z][a-z0-9+.-]*:\/\/|^[A-Z]+=/.test(text))
    return { kind: 'identity', value: text, further: [], description: 'whoever signs under this name' };
  throw usage('target-unknown', 'this is nothing that can be revoked: no such file, and no digest, key or identity', {
    subject: text,
    expected: 'sha256:…, a model, s3://bucket/prefix/name@7, key.pub, key:…, MODEL.mlsign/….att, or an identity such as ci@example.com',
  });
}

/** As lists have it: one that nothing would ever be compared with revokes nothing. */
function digestTarget(text: string): string {
  const [algorithm = '', value = ''] = text.split(':');
  if (isDigestValue(algorithm, value)) {
    // Models are known by their ids as `sha256:…`.
    if (algorithm === 'mlsignModel') return `sha256:${value}`;
    if (isDigestName(algorithm)) return text;
  }
  throw usage('digest-malformed', 'this is no digest that mlsign knows, so revoking it would reach nothing', {
    subject: text,
    expected: 'sha256: with 64 lower-case hex digits; also sha512, blake3, mlsignModel, gitCommit and others of in-toto',
  });
}

/** The signed bytes, and not the bundle around them, which anybody could write in another way. */
async function attestationTarget(path: string): Promise<RevocationTarget> {
  const { payload } = parseBundle(await readCapped(path, MAX_BUNDLE_BYTES, 'attestation'), path).envelope;
  return { kind: 'attestation', value: sha256Hex(payload), further: [], description: `statement ${path}` };
}

async function isPem(path: string): Promise<boolean> {
  try {
    return Buffer.from(await readCapped(path, MAX_PEM_BYTES, 'PEM file'))
      .toString('latin1')
      .includes(PEM);
  } catch (error) {
    if (error instanceof MlsignError && error.code === 'file-too-large') return false;
    throw error;
  }
}

async function keyTarget(path: string): Promise<RevocationTarget> {
  const trusted = parseTrustedPem(await readCapped(path, MAX_PEM_BYTES, 'PEM file'), path);
  const key = trusted.kind === 'key' ? trusted.key : new X509Certificate(trusted.der).publicKey;
  return {
    kind: 'key',
    value: publicKeyHint(key),
    further: [],
    description: trusted.kind === 'key' ? path : `the key of certificate ${path}`,
  };
}

async function modelTarget(path: string): Promise<RevocationTarget> {
  const source = await openModel(path);
  const { name, modelId: id, manifest } = await identifyModel(source, {}, false);
  const ids = new Set<string>();
  for (const other of await furtherManifests(source)) {
    if (!areOfOtherModels(manifest, other)) ids.add(modelId(other));
  }
  ids.delete(id);
  const further = [...ids].map((other) => `sha256:${other}`);
  return { kind: 'digest', value: `sha256:${id}`, further, description: `model ${name}` };
}

/** Of the other signatures beside a model; what cannot be read signs nothing. */
async function furtherManifests(source: Source): Promise<readonly Manifest[]> {
  const manifests: Manifest[] = [];
  for (const path of await furtherSignatures(source, [])) {
    try {
      const { bundle } = await readBundle(path);
      manifests.push(parseOmsStatement(bundle.envelope.payload, path, { allowLegacy: true }).manifest);
    } catch (error) {
      if (!(error instanceof MlsignError) || error.outcome === 'interrupted') throw error;
    }
  }
  return manifests;
}

async function releaseTarget(location: StoreLocation, { openStore, signal }: TargetOptions): Promise<RevocationTarget> {
  const { reference } = location;
  if (reference?.kind === 'model') {
    return { kind: 'digest', value: `sha256:${reference.id}`, further: [], description: `model ${location.name}` };
  }
  const store = await openStore(location);
  try {
    const { modelId, number } = await claimedRelease(store, location, signal);
    return { kind: 'digest', value: `sha256:${modelId}`, further: [], description: `model ${location.name}, release ${number}` };
  } finally {
    await store.close();
  }
}
