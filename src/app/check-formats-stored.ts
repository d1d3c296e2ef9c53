import type { Rule } from '../policy/index.ts';
import type { Store, StoredObject } from '../store/index.ts';
import { type CheckedFormats, type FileToExamine, FormatExaminer, formatsSkipped } from './check-formats.ts';
import { openedFile } from './check-formats-local.ts';
import type { EvidenceMode } from './prove-objects.ts';
import type { StoredFile } from './stored-model.ts';

/** Enough to hide the latency of a bucket. */
const AT_ONCE = 16;
/** Most is told by the beginning of a file; other places are read in blocks of this size, of which a few are kept. */
const BLOCK = 64 * 1024;
const BLOCKS_KEPT = 8;

/** Looks at the pinned versions of a release where they lie: ranges of them are read, and none where nothing may be downloaded. */
export async function checkStoredFormats(
  store: Store,
  files: readonly StoredFile[],
  { formats }: Pick<Rule, 'formats'>,
  mode: EvidenceMode,
  signal: AbortSignal | undefined,
): Promise<CheckedFormats> {
  const examiner = new FormatExaminer(formats, signal, AT_ONCE);
  if (mode !== 'attested' || formats === 'any') {
    for (const file of files) examiner.add(storedFile(store, file, signal));
    return await examiner.finish();
  }
  const why = 'nothing is downloaded with --attested, and what files are is known by their bytes alone';
  if (formats.by !== 'rule') return formatsSkipped(formats, why);
  // Who asks for formats is not told that they are fine.
  for (const { name } of files) examiner.miss(name, why);
  return await examiner.finish();
}

function storedFile(store: Store, { name, object }: StoredFile, signal: AbortSignal | undefined): FileToExamine {
  return { name, use: (look) => look(openedFile(name, object.size, rangedReader(store, object, signal))) };
}

/** Reads a version in blocks, so that small reads close to each other are one request. */
function rangedReader(store: Store, object: StoredObject, signal: AbortSignal | undefined) {
  const blocks = new Map<number, Promise<Uint8Array>>();
  const fetchBlock = async (index: number): Promise<Uint8Array> => {
    const start = index * BLOCK;
    const bytes = new Uint8Array(Math.min(BLOCK, object.size - start));
    await store.readRange(object, start, bytes, signal);
    return bytes;
  };
  const blockAt = (index: number): Promise<Uint8Array> => {
    const block = blocks.get(index) ?? fetchBlock(index);
    blocks.delete(index);
    blocks.set(index, block);
    const [oldest] = blocks.keys();
    if (blocks.size > BLOCKS_KEPT && oldest !== undefined) blocks.delete(oldest);
    return block;
  };
  return async (buffer: Buffer, offset: number): Promise<number> => {
    const length = Math.max(0, Math.min(buffer.length, object.size - offset));
    if (length > BLOCK) {
      await store.readRange(object, offset, buffer.subarray(0, length), signal);
      return length;
    }
    for (let done = 0; done < length; ) {
      const at = offset + done;
      const block = await blockAt(Math.floor(at / BLOCK));
      const part = block.subarray(at % BLOCK, (at % BLOCK) + length - done);
      buffer.set(part, done);
      done += part.length;
    }
    return length;
  };
}
