import { X509Certificate } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { MlsignError, readCapped, sha256Hex, usage } from '../core/index.ts';
import {
  claimsPredicateType,
  isDigestName,
  isDigestValue,
  LEGACY_PREDICATE_TYPE,
  MAX_BUNDLE_BYTES,
  MAX_PEM_BYTES,
  type Manifest,
  OMS_PREDICATE_TYPE,
  parseBundle,
  parseOmsStatement,
  parseTrustedPem,
  publicKeyHint,
} from '../formats/index.ts';
import { DIGEST, KEY_NAME, REVOCATIONS_TYPE, type Revocation } from '../lineage/index.ts';
import { modelId, type Source } from '../model/index.ts';
import { CHANNEL_TYPE, RELEASE_TYPE } from '../release/index.ts';
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
 * (by its signature, or hashed), a statement about one (`….att`), or else an identity.
 *
 * @throws MlsignError `target-unknown`, `target-not-revocable`, `digest-malformed`, and what reading it throws
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
  if (found?.isFile()) return (await isPem(text)) ? keyTarget(text) : ((await statementTarget(text)) ?? modelTarget(text));
  if (found !== undefined) return modelTarget(text);
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

/** What is signed, but no statement about a model: what it is, and what is meant by revoking it. */
const OTHER_STATEMENTS: readonly (readonly [type: string, what: string, instead: string])[] = [
  [OMS_PREDICATE_TYPE, 'the signature of a model', 'the model, by its path or id, or the key or identity of the signer'],
  [LEGACY_PREDICATE_TYPE, 'the signature of a model', 'the model, by its path or id, or the key or identity of the signer'],
  [RELEASE_TYPE, 'the record of a release', 'the release (s3://bucket/prefix/name@7), or the key or identity of the signer'],
  [CHANNEL_TYPE, 'the pointer of a channel', 'the release that it points to, or the key or identity of the signer'],
  [REVOCATIONS_TYPE, 'a revocation list', 'what is to be revoked: the list that is written then takes its place'],
];

/**
 * Of the bundle of a statement about a model the signed bytes, and not those around them, which anybody could write in another
 * way; undefined for any other file.
 */
async function statementTarget(path: string): Promise<RevocationTarget | undefined> {
  const payload = await readPayload(path);
  if (payload === undefined) return undefined;
  const other = OTHER_STATEMENTS.find(([type]) => claimsPredicateType(payload, type));
  if (other === undefined) return { kind: 'attestation', value: sha256Hex(payload), further: [], description: `statement ${path}` };
  const [, what, expected] = other;
  throw usage('target-not-revocable', `this is ${what}, which is not revoked by itself`, { subject: path, expected });
}

async function readPayload(path: string): Promise<Uint8Array | undefined> {
  try {
    return parseBundle(await readCapped(path, MAX_BUNDLE_BYTES, 'attestation'), path).envelope.payload;
  } catch (error) {
    // Whatever is no bundle is a model; a damaged attestation is none.
    if (error instanceof MlsignError && error.outcome === 'refused' && !path.endsWith('.att')) return undefined;
    throw error;
  }
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
