import type { ByteWindow } from './byte-window.ts';
import { isImport, PickleInstance, type PickleValue } from './pickle-value.ts';

/**
 * Where the array ends that joblib puts between the opcodes of a pickle, right after the `BUILD` of its wrapper
 * (joblib/numpy_pickle.py, `NumpyArrayWrapper.read_array`); undefined where that cannot be told.
 */
export async function joblibArrayEnd(built: PickleInstance | undefined, bytes: ByteWindow): Promise<number | undefined> {
  if (built === undefined || built.made.name !== 'NumpyArrayWrapper' || !(built.state instanceof Map)) return undefined;
  const itemBytes = itemBytesOf(built.state.get('dtype'));
  const shape = built.state.get('shape');
  if (itemBytes === undefined || !Array.isArray(shape)) return undefined;
  let size = itemBytes;
  for (const dimension of shape) {
    if (typeof dimension !== 'number') return undefined;
    size *= dimension;
  }
  let start = bytes.offset;
  // Since joblib 1.2 a byte before the array says how many more come before it.
  if (typeof built.state.get('numpy_array_alignment_bytes') === 'number') {
    if (!(await bytes.fill(1))) return Number.POSITIVE_INFINITY;
    start += 1 + (bytes.ahead[0] ?? 0);
  }
  return Number.isSafeInteger(start + size) && size >= 0 ? start + size : undefined;
}

/** The size of one element of a plain dtype; undefined for objects, which are pickled, and for records. */
function itemBytesOf(dtype: PickleValue | undefined): number | undefined {
  if (!(dtype instanceof PickleInstance) || !isImport(dtype.made)) return undefined;
  if (dtype.made.name !== 'dtype' || !Array.isArray(dtype.args) || typeof dtype.args[0] !== 'string') return undefined;
  const [, kind, size] = /^[<>|=]?([biufcSUVmM])(\d{1,6})$/.exec(dtype.args[0]) ?? [];
  if (kind === undefined || (kind === 'V' && dtype.state !== undefined)) return undefined;
  return Number(size) * (kind === 'U' ? 4 : 1);
}
