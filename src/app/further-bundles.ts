import { type Finding, MlsignError } from '../core/index.ts';
import type { ReleaseRecord } from '../release/index.ts';
import { type HistoryEntry, layoutOf, type Store, type StoreLocation } from '../store/index.ts';
import { type StoredBundle, storedBundle } from './stored-bundle.ts';

/** More than any honest model has. */
const MOST_FURTHER = 64;

/**
 * Signatures that were added to a model after its release, as `mlsign sign s3://…` does; where nothing may be listed, there
 * are none.
 *
 * @param findings gets `too-many-signatures`, `bundles-not-listed`
 */
export async function furtherBundles(
  store: Store,
  location: StoreLocation,
  { modelId, bundles }: ReleaseRecord,
  findings: Finding[],
  signal?: AbortSignal,
): Promise<readonly StoredBundle[]> {
  const layout = layoutOf(location);
  const folder = layout.bundles(modelId);
  const known = new Set(bundles.map(({ digest }) => layout.bundle(modelId, digest)));
  // Of each key the oldest version: whatever was written over it later, the signature came first.
  const entries = new Map<string, HistoryEntry>();
  try {
    for await (const entry of store.history(folder, signal)) {
      if (entry.isDeleted || known.has(entry.key) || digestOf(folder, entry.key) === undefined) continue;
      if (entries.size === MOST_FURTHER && !entries.has(entry.key)) {
        findings.push(tooMany(`${store.url}/${folder}`));
        break;
      }
      entries.set(entry.key, entry);
    }
  } catch (error) {
    if (!(error instanceof MlsignError) || error.outcome === 'interrupted') throw error;
    findings.push(notListed(error, `${store.url}/${folder}`));
    return [];
  }
  return [...entries.values()].map((entry) => storedBundle(store, entry, digestOf(folder, entry.key) ?? '', signal));
}

function digestOf(folder: string, key: string): string | undefined {
  return /^([0-9a-f]{64})\.sig$/.exec(key.slice(folder.length))?.[1];
}

function tooMany(subject: string): Finding {
  return {
    code: 'too-many-signatures',
    severity: 'warning',
    message: `of the signatures added after the release only the first ${MOST_FURTHER} by name were looked at`,
    subject,
    expected: `at most ${MOST_FURTHER}`,
  };
}

function notListed(error: MlsignError, subject: string): Finding {
  return {
    code: 'bundles-not-listed',
    severity: 'note',
    message: `signatures added after the release were not looked for: ${error.message}`,
    subject,
    suggestion: 'allow s3:ListBucketVersions, or have the model pushed again with all its signatures',
  };
}
