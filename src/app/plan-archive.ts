import { realpath } from 'node:fs/promises';
import { basename } from 'node:path';
import { LocalBytes, openStreamed, type StreamedSource } from '../archive/index.ts';
import type { Check, Finding } from '../core/index.ts';
import type { FileIdentity } from '../digest/index.ts';
import { openSource, type Source } from '../model/index.ts';
import type { Rule } from '../policy/index.ts';
import type { SignedContent } from '../store/index.ts';
import { checkContent } from './check-content.ts';
import type { EngineOptions } from './hash-model.ts';
import { openModel } from './open-model.ts';
import type { Candidate } from './open-signatures.ts';

/** An archive as a push sends it: one file. */
export interface PlannedArchive {
  readonly candidate: Candidate;
  /** Absent where the archive could not be read to its end. */
  readonly file?:
    | { readonly name: string; readonly path: string; readonly identity: FileIdentity; readonly signed: SignedContent }
    | undefined;
  readonly checks: readonly Check[];
  readonly findings: readonly Finding[];
}

/** Opens a model to be pushed: an archive so that one pass over it gives the digests of what it holds, and its own. */
export async function openToPush(path: string, options: EngineOptions): Promise<Source> {
  const { archiveLimits: limits, signal } = options;
  const file = await openSource(path);
  const archive =
    file.kind === 'file' ? openStreamed(file.name, new LocalBytes(file.path), { algorithm: 'sha256' }, { limits, signal }) : undefined;
  return archive ?? (await openModel(path, options));
}

/** Whether a model was opened as an archive that is streamed. */
export function isStreamed(source: Source): source is StreamedSource {
  return source.kind === 'archive' && 'own' in source;
}

/**
 * Reads an archive to its end and compares what it holds with what was signed. Its own digest is of the very bytes that were
 * compared: what is sent must have it.
 */
export async function planArchive(
  source: StreamedSource,
  rule: Rule,
  candidates: readonly [Candidate, ...Candidate[]],
  signatures: readonly string[],
  options: EngineOptions,
): Promise<PlannedArchive> {
  // Whoever unpacks it gets what nobody signed, too.
  const content = await checkContent(source, { ...rule, ignoreUnsigned: false }, candidates, { ...options, signatures });
  const { candidate, checks, findings } = content;
  const own = source.own();
  if (own === undefined) return { candidate, checks, findings };
  const { identity, digests } = own;
  const file = {
    name: basename(source.path),
    path: await realpath(source.path),
    identity,
    signed: { algorithm: 'sha256', digests },
  } as const;
  return { candidate, file, checks, findings };
}
