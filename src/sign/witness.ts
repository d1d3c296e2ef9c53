import type { MlsignError } from '../core/index.ts';
import type { Bundle } from '../formats/index.ts';
import type { Signer } from './signer.ts';

/** Testifies to a signature: a timestamp authority, a transparency log. */
export interface Witness {
  /** In words, with its host: `timestamp authority timestamp.example.com`. */
  readonly name: string;
  /** Why it cannot take what a signer makes; asked before anything is signed. */
  accepts(signer: Signer): MlsignError | undefined;
  /** The bundle with one more timestamp or log entry, which is about this signature as far as a signer can tell. */
  testify(bundle: Bundle, signer: Signer, signal?: AbortSignal): Promise<Bundle>;
}
