import { archiveFormatOf } from '../archive/index.ts';
import { MlsignError, refused } from '../core/index.ts';
import { layoutOf, type Store, type StoreLocation } from '../store/index.ts';
import type { PushContents } from './plan-push.ts';

/**
 * Refuses a model that lies there in another form already, as a directory or another archive: both would lie in one prefix, and
 * a plain reader would get both.
 *
 * @throws MlsignError `model-in-other-form`
 */
export async function refuseOtherForm(
  store: Store,
  location: StoreLocation,
  { kind, modelId, files }: PushContents,
  signal: AbortSignal | undefined,
): Promise<void> {
  const prefix = layoutOf(location).files(modelId);
  const keys = new Set(files.map(({ key }) => key));
  const found = await otherForm(store, prefix, keys, kind === 'archive', signal);
  if (found === undefined) return;
  throw refused('model-in-other-form', 'the same model lies there already in another form, and a reader would get both', {
    subject: `${store.url}/${found}`,
    expected: `only ${kind === 'archive' ? files[0]?.name : 'the files of the directory'}`,
    suggestions: ['push it under another name', 'or remove what lies there, with the releases of it'],
  });
}

async function otherForm(store: Store, prefix: string, own: ReadonlySet<string>, isArchive: boolean, signal: AbortSignal | undefined) {
  try {
    for await (const { key, isCurrent, isDeleted } of store.history(prefix, signal)) {
      if (!isCurrent || isDeleted || own.has(key)) continue;
      // Of what else lies in a directory, verify tells.
      const name = key.slice(prefix.length);
      if (isArchive || (!name.includes('/') && archiveFormatOf(name) !== undefined)) return key;
    }
  } catch (error) {
    // Who may push need not be one who may list.
    if (!(error instanceof MlsignError) || error.code !== 'object-forbidden') throw error;
  }
  return undefined;
}
