import { createHash } from 'node:crypto';
import { BUNDLE_MEDIA_TYPE, type Manifest, PAYLOAD_TYPE } from '../../src/formats/index.ts';

/** JSON that tests bend out of shape, typed as `JSON.parse` types it: vectors are wrong on purpose. */
export type Loose = ReturnType<typeof JSON.parse>;

/** SHA-256 of a text, hex: any digest that is different for different texts. */
export function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** A manifest of whole files whose content is their name. */
export function filesManifest(...names: readonly string[]): Manifest {
  return {
    serialization: { method: 'files', hashType: 'sha256', allowSymlinks: false, ignorePaths: ['.git', 'model.sig'] },
    resources: names.map((name) => ({ name, digest: digestOf(name) })),
  };
}

/** A statement about two files, as plain JSON; `change` bends it, and its root digest is made right again unless it is kept. */
export function statement(change: (statement: Loose) => void = () => {}, keepRoot = false): Loose {
  const resources: Loose[] = ['config.json', 'sub/weights.bin'].map((name) => ({ name, algorithm: 'sha256', digest: digestOf(name) }));
  const document: Loose = {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: 'model', digest: { sha256: '' } }],
    predicateType: 'https://model_signing/signature/v1.0',
    predicate: { serialization: { method: 'files', hash_type: 'sha256', allow_symlinks: false, ignore_paths: ['.git'] }, resources },
  };
  if (keepRoot) document.subject[0].digest.sha256 = rootOf(resources);
  change(document);
  if (!keepRoot && document.subject?.[0]?.digest?.sha256 === '') document.subject[0].digest.sha256 = rootOf(document.predicate?.resources);
  return document;
}

function rootOf(resources: Loose): string {
  const hash = createHash('sha256');
  if (Array.isArray(resources)) for (const resource of resources) hash.update(Buffer.from(`${resource?.digest ?? ''}`, 'hex'));
  return hash.digest('hex');
}

/** A statement about shards of 10 bytes, each `path:start:end`. */
export function shardStatement(...names: readonly string[]): Loose {
  return statement(({ predicate }) => {
    predicate.serialization.method = 'shards';
    predicate.serialization.shard_size = 10;
    predicate.resources = names.map((name) => ({ name, algorithm: 'sha256', digest: digestOf(name) }));
  });
}

/** JSON as bytes. */
export function bytesOf(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

/** A bundle of the key method, as plain JSON. */
export function bundle(change: (bundle: Loose) => void = () => {}): Loose {
  const document: Loose = {
    mediaType: BUNDLE_MEDIA_TYPE,
    verificationMaterial: { publicKey: { hint: digestOf('key') }, tlogEntries: [] },
    dsseEnvelope: {
      payload: Buffer.from(bytesOf(statement())).toString('base64'),
      payloadType: PAYLOAD_TYPE,
      signatures: [{ sig: Buffer.from('signature').toString('base64'), keyid: '' }],
    },
  };
  change(document);
  return document;
}
