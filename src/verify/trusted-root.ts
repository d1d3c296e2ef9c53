import type { TrustedRoot } from '../formats/index.ts';

/** A trusted root and where it came from. */
export interface TrustedRootSource {
  readonly root: TrustedRoot;
  /** For the evidence: `the trusted root of Sigstore's public-good instance, by TUF`. */
  readonly description: string;
}
