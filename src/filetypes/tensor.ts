/** One tensor of a file, and where its bytes are. */
export interface TensorInfo {
  readonly name: string;
  /** As the format names it: `F32`, `BF16`, `Q4_K`. */
  readonly dtype: string;
  /** Elements along each axis, in the format's own order. */
  readonly shape: readonly number[];
  /** Offset in the file of its first byte. */
  readonly start: number;
  /** Offset in the file after its last byte. */
  readonly end: number;
}

/** The number of values that tensors hold. */
export function countParameters(tensors: readonly Pick<TensorInfo, 'shape'>[]): number {
  return tensors.reduce((sum, { shape }) => sum + shape.reduce((product, dimension) => product * dimension, 1), 0);
}
