import { STATEMENT_TYPE } from './statement.ts';

/** What a statement about a model names it by; never the root digest, which does not bind names. */
export interface ModelSubject {
  readonly name: string;
  readonly modelId: string;
  /** Digest of the directory as Go's `h1:` has it, hex, where the model is signed as whole files in SHA-256. */
  readonly dirHash?: string | undefined;
}

/** The subject of a statement about one model. */
export function subjectsOf({ name, modelId, dirHash }: ModelSubject): readonly object[] {
  return [{ name, digest: { mlsignModel: modelId, ...(dirHash === undefined ? {} : { dirHash }) } }];
}

/**
 * A statement about a model, with a predicate that somebody else wrote.
 *
 * @param predicate JSON; it is signed as it stands, so that no number in it is rounded
 */
export function predicatePayload(subject: ModelSubject, predicateType: string, predicate: Uint8Array): Uint8Array {
  const head = { _type: STATEMENT_TYPE, subject: subjectsOf(subject), predicateType };
  return Buffer.concat([Buffer.from(`${JSON.stringify(head).slice(0, -1)},"predicate":`), predicate, Buffer.from('}')]);
}
