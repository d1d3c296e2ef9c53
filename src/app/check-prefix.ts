import { type Finding, MlsignError } from '../core/index.ts';
import {
  type CurrentObject,
  inParallel,
  layoutOf,
  READS_AT_ONCE,
  type Store,
  type StoredObject,
  type StoreLocation,
} from '../store/index.ts';
import type { StoredFile } from './stored-model.ts';

/** What a reader who knows of no versions gets from a model's prefix, compared with what is pinned. */
export interface PrefixState {
  /** Keys beneath the prefix that the release does not list: the first hundred. */
  readonly extra: readonly string[];
  /** How many there are. */
  readonly extras: number;
  /** Files whose current version is another one than the pinned. */
  readonly replaced: readonly { readonly file: StoredFile; readonly current: StoredObject }[];
  /** Files of which such a reader gets nothing. */
  readonly absent: readonly StoredFile[];
  /** Why the prefix could not be listed; then extra files are not known. */
  readonly notListed?: MlsignError | undefined;
}

const MOST_EXTRA = 100;

/**
 * Looks at the current versions of everything beneath a model's prefix; where it may not be listed, at those of its files.
 *
 * @throws MlsignError what the store throws for the files themselves; `interrupted`
 */
export async function readPrefix(
  store: Store,
  location: StoreLocation,
  modelId: string,
  files: readonly StoredFile[],
  signal?: AbortSignal,
): Promise<PrefixState> {
  const current = new Map<string, StoredObject>();
  const keys = new Set(files.map(({ object }) => object.key));
  const extra: string[] = [];
  let extras = 0;
  let notListed: MlsignError | undefined;
  try {
    for await (const entry of store.history(layoutOf(location).files(modelId), signal)) {
      if (!entry.isCurrent || entry.isDeleted) continue;
      if (keys.has(entry.key)) current.set(entry.key, entry);
      else if (++extras <= MOST_EXTRA) extra.push(entry.key);
    }
  } catch (error) {
    if (!(error instanceof MlsignError) || error.outcome !== 'unavailable') throw error;
    notListed = error;
    const found = await inParallel(files, READS_AT_ONCE, signal, ({ object }) => store.current(object.key, signal));
    for (const object of found) if (object !== undefined) current.set(object.key, object);
  }
  return { extra, extras, ...compare(files, current), ...(notListed === undefined ? {} : { notListed }) };
}

function compare(files: readonly StoredFile[], current: ReadonlyMap<string, StoredObject | CurrentObject>) {
  const replaced: { file: StoredFile; current: StoredObject }[] = [];
  const absent: StoredFile[] = [];
  for (const file of files) {
    const now = current.get(file.object.key);
    if (now === undefined) absent.push(file);
    else if (now.version !== file.object.version) replaced.push({ file, current: now });
  }
  return { replaced, absent };
}

/** That extra files were not looked for. */
export function prefixNotListed(error: MlsignError, subject: string): Finding {
  return {
    code: 'prefix-not-listed',
    severity: 'undetermined',
    message: `whether other files lie in the prefix cannot be told: ${error.message}`,
    subject,
    expected: 'a listing of the prefix',
    suggestion: 'allow s3:ListBucketVersions for this prefix',
  };
}
