import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { sha256Hex } from '../src/core/index.ts';
import {
  BUILD_TYPE,
  type Manifest,
  type Material,
  materialOf,
  provenancePayload,
  serializeBundle,
  statementPayload,
} from '../src/formats/index.ts';
import { modelId } from '../src/model/index.ts';
import { releasePayload } from '../src/release/index.ts';
import { localKeySigner, type Signer, seal } from '../src/sign/index.ts';
import { layoutOf, parseLocation, type Store, type StoreLocation, type VersionId } from '../src/store/index.ts';

/** A key that signs everything. */
export interface SigningKey {
  readonly publicPem: string;
  readonly signer: Signer;
}

export async function signingKey(): Promise<SigningKey> {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const signer = await localKeySigner(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), { where: 'bench.key' });
  return { publicPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(), signer };
}

/** A store that counts what is read of it. */
export function countReads(store: Store): { readonly store: Store; readonly reads: ReadonlyMap<string, number> } {
  const reads = new Map<string, number>();
  const read: Store['read'] = (object, maxBytes, signal) => {
    reads.set(object.key, (reads.get(object.key) ?? 0) + 1);
    return store.read(object, maxBytes, signal);
  };
  const counting = new Proxy(store, {
    get: (target, name) => {
      if (name === 'read') return read;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return { store: counting, reads };
}

/** The id of a made model: its manifest is that of one file. */
function manifestOf(serial: number): Manifest {
  return {
    serialization: { method: 'files', hashType: 'sha256', allowSymlinks: false, ignorePaths: [] },
    resources: [{ name: 'weights.bin', digest: sha256Hex(`weights ${serial}`) }],
  };
}

/** Models that were each made from ten others, and from one that others were made from too; returns the place of the first. */
export async function makeLineage(
  root: string,
  nodes: number,
  { signer }: SigningKey,
): Promise<{ readonly location: StoreLocation; readonly modelId: string }> {
  const ids = Array.from({ length: nodes }, (_, i) => modelId(manifestOf(i)));
  for (const [i, id] of ids.entries()) {
    const parents = [...new Set([...Array.from({ length: 10 }, (_, k) => 10 * i + k + 1), 10 * i + 11])].filter((n) => n < nodes);
    const materials = parents.map((n) => bound({ mlsignModel: ids[n] ?? '' }, 'base-model', `m${n}`, `file:${root}/m${n}`));
    await makeModel(root, `m${i}`, i, id, materials, signer);
  }
  const location = parseLocation(`file:${root}/m0`);
  return { location, modelId: ids[0] ?? '' };
}

/** Releases of a hundred models, each made from a dataset of its own, one in ten from a bad one. */
export async function makeReleases(root: string, releases: number, { signer }: SigningKey): Promise<string> {
  const bad = sha256Hex('bad');
  for (let i = 0; i < releases; i++) {
    const name = `m${i % 100}`;
    const id = modelId(manifestOf(i));
    const sha256 = i % 10 === 0 ? bad : sha256Hex(`dataset ${i}`);
    await makeModel(root, name, i, id, [bound({ sha256 }, 'dataset', `d${i}`, `s3://data/d${i}`)], signer);
    const number = Math.floor(i / 100) + 1;
    const version = 'v1' as VersionId;
    const record = {
      name,
      number,
      created: new Date(),
      modelId: id,
      kind: 'directory' as const,
      objects: [{ name: 'weights.bin', version, size: 4, partSize: 8_388_608, parts: [sha256Hex(`weights ${i}`)] }],
      bundles: [{ digest: sha256Hex(id), version, size: 1000 }],
    };
    put(root, layoutOf(parseLocation(`file:${root}/${name}`)).release(number), await sealed(releasePayload(record), signer));
  }
  return `sha256:${bad}`;
}

function bound(digests: Readonly<Record<string, string>>, role: 'base-model' | 'dataset', name: string, uri: string): Material {
  const material = materialOf(digests, { role, name, uri });
  if (material === undefined) throw new TypeError('a digest that mlsign knows');
  return material;
}

async function makeModel(
  root: string,
  name: string,
  serial: number,
  id: string,
  materials: readonly Material[],
  signer: Signer,
): Promise<void> {
  const layout = layoutOf(parseLocation(`file:${root}/${name}`));
  const signature = await sealed(Buffer.from(statementPayload(name, manifestOf(serial))), signer);
  put(root, layout.bundle(id, sha256Hex(signature)), signature);
  const subject = { name, modelId: id };
  const about = { subject, buildType: BUILD_TYPE, builder: 'https://bench.example.com', materials, parameters: {}, metrics: {} };
  const attestation = await sealed(provenancePayload(about), signer);
  put(root, layout.attestation(id, sha256Hex(attestation)), attestation);
}

async function sealed(payload: Uint8Array, signer: Signer): Promise<Buffer> {
  return Buffer.from(serializeBundle(await seal(payload, signer)));
}

/** As somebody writes who knows nothing of versions: a measurement needs no synced writes. */
function put(root: string, key: string, bytes: Uint8Array): void {
  const path = join(root, ...key.split('/'));
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
}
