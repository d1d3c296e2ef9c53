import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { compareCodePoints, type Finding, fileError, MlsignError, readCapped, refused, sha256Hex, systemErrorCode } from '../core/index.ts';
import { MAX_BUNDLE_BYTES, parseBundle, parseStatement } from '../formats/index.ts';
import type { ReleaseBundle } from '../release/index.ts';
import { attestationOfKey, type HistoryEntry, layoutOf, type Store, type StoredObject, type StoreLocation } from '../store/index.ts';

/** A signed statement about a model that is not its signature; nothing of it is verified. */
export interface AttestationSource {
  /** A path, or the name of an object. */
  readonly path: string;
  /** SHA-256 of its bytes, hex, where its place says it. */
  readonly digest?: string | undefined;
  /** Bytes, where its place says it. */
  readonly size?: number | undefined;
  read(): Promise<Uint8Array>;
}

/** What an attestation says it is about. Anyone could have written it. */
export interface ClaimedAttestation {
  readonly predicateType: string;
  /** Of every subject that has one. */
  readonly modelIds: readonly string[];
}

/** The most attestations of one model that are looked at: whoever may write beside it can put any number. */
export const MOST_ATTESTATIONS = 256;

const ENDING = '.att';

/** The name of an attestation beside a model: its first sixteen digits. Never that of a signature. */
export function attestationName(digest: string): string {
  return `${digest.slice(0, 16)}${ENDING}`;
}

/**
 * Tells what an attestation says it is about, without verifying it.
 *
 * @throws MlsignError what `parseBundle` and `parseStatement` throw
 */
export function claimedAttestation(bytes: Uint8Array, where: string): ClaimedAttestation {
  const { predicateType, subject } = parseStatement(parseBundle(bytes, where).envelope.payload, where);
  const modelIds = subject.flatMap(({ digests: { mlsignModel: id } }) => (typeof id === 'string' ? [id] : []));
  return { predicateType, modelIds };
}

/**
 * The attestations beside a model, in name order.
 *
 * @param companion `<model>.mlsign`, which need not be there
 * @param findings gets `too-many-attestations`
 * @throws MlsignError what the file system gives
 */
export async function localAttestations(companion: string, findings: Finding[]): Promise<readonly AttestationSource[]> {
  const names = await readdir(companion).catch((error: unknown) => {
    if (['ENOENT', 'ENOTDIR'].includes(systemErrorCode(error) ?? '')) return [];
    throw fileError(error, 'list the attestations', companion);
  });
  const attestations = names.filter((name) => name.endsWith(ENDING)).sort(compareCodePoints);
  if (attestations.length > MOST_ATTESTATIONS) findings.push(tooMany(companion));
  return attestations.slice(0, MOST_ATTESTATIONS).map((name) => {
    const path = join(companion, name);
    return { path, read: () => readCapped(path, MAX_BUNDLE_BYTES, 'attestation') };
  });
}

/**
 * The attestations of a model in a store: those that its release pins, and those that were added later, where they may be
 * listed.
 *
 * @param pinned of a verified release
 * @param findings gets `too-many-attestations`, `attestations-not-listed`
 * @param listed the bundles of the model as {@link firstVersions} gives them, where they are listed already
 */
export async function storedAttestations(
  store: Store,
  location: StoreLocation,
  modelId: string,
  pinned: readonly ReleaseBundle[],
  findings: Finding[],
  signal?: AbortSignal,
  listed?: Iterable<HistoryEntry>,
): Promise<readonly AttestationSource[]> {
  const layout = layoutOf(location);
  const found = new Map<string, StoredObject>(
    pinned.map(({ digest, version, size }) => [digest, { key: layout.attestation(modelId, digest), version, size }]),
  );
  const folder = layout.bundles(modelId);
  try {
    for await (const entry of listed ?? firstVersions(store.history(folder, signal))) {
      const digest = attestationOfKey(layout, modelId, entry.key);
      if (digest === undefined || found.has(digest)) continue;
      if (found.size >= MOST_ATTESTATIONS) {
        findings.push(tooMany(`${store.url}/${folder}`));
        break;
      }
      found.set(digest, entry);
    }
  } catch (error) {
    if (!(error instanceof MlsignError) || error.outcome === 'interrupted') throw error;
    findings.push(notListed(error, `${store.url}/${folder}`));
  }
  return [...found].map(([digest, object]) => storedAttestation(store, object, digest, signal));
}

/**
 * Of each object that is there still the oldest version: a bundle is named by its digest, so what was written over it is
 * another, and whoever may write must not hide it so.
 *
 * @param history by key, the newest first
 */
export async function* firstVersions(history: AsyncIterable<HistoryEntry>): AsyncGenerator<HistoryEntry> {
  let first: HistoryEntry | undefined;
  for await (const entry of history) {
    if (entry.isCurrent) {
      if (first !== undefined) yield first;
      first = entry.isDeleted ? undefined : entry;
    } else if (first?.key === entry.key && !entry.isDeleted) first = entry;
  }
  if (first !== undefined) yield first;
}

function storedAttestation(store: Store, object: StoredObject, digest: string, signal: AbortSignal | undefined): AttestationSource {
  const path = `${store.url}/${object.key}`;
  return {
    path,
    digest,
    size: object.size,
    read: async () => {
      const bytes = await store.read(object, MAX_BUNDLE_BYTES, signal);
      const got = sha256Hex(bytes);
      if (got === digest) return bytes;
      throw refused('attestation-changed', 'an attestation is not the one that its name says', { subject: path, expected: digest, got });
    },
  };
}

function tooMany(subject: string): Finding {
  return {
    code: 'too-many-attestations',
    severity: 'undetermined',
    message: `of the attestations of this model only ${MOST_ATTESTATIONS} were looked at`,
    subject,
    expected: `at most ${MOST_ATTESTATIONS}`,
    suggestion: 'remove those that are of no use',
  };
}

function notListed(error: MlsignError, subject: string): Finding {
  return {
    code: 'attestations-not-listed',
    severity: 'note',
    message: `attestations added after the release were not looked for: ${error.message}`,
    subject,
    suggestion: 'allow s3:ListBucketVersions, or have the model pushed again with all its attestations',
  };
}
