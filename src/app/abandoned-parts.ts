import { type Finding, MlsignError } from '../core/index.ts';
import type { Store } from '../store/index.ts';

/** Uploads that nobody has completed beneath a prefix: their parts cost money and are seen nowhere. */
export async function abandonedParts(store: Store, prefix: string, signal?: AbortSignal): Promise<readonly Finding[]> {
  try {
    const uploads = await store.abandonedUploads(prefix, signal);
    const [first] = uploads;
    if (first === undefined) return [];
    return [
      {
        code: 'upload-abandoned',
        severity: 'warning',
        message: `${uploads.length} ${uploads.length === 1 ? 'upload was' : 'uploads were'} begun here and never completed, by this client or another`,
        subject: `${store.url}/${first.key}`,
        got: `begun ${first.started.toISOString()}`,
        suggestion: 'mlsign gc tells of them and removes them',
      },
    ];
  } catch (error) {
    // Whoever may push need not be allowed to look for what others left.
    if (error instanceof MlsignError && error.outcome === 'unavailable') return [];
    throw error;
  }
}
