import { openStreamed } from '../archive/index.ts';
import { type Check, type Finding, verdictOf } from '../core/index.ts';
import type { Rule } from '../policy/index.ts';
import type { Store } from '../store/index.ts';
import { type CheckArchiveOptions, type CheckedArchive, checkArchive } from './check-archive.ts';
import { FormatExaminer, formatsSkipped } from './check-formats.ts';
import { type FileEvidence, unprovenFinding } from './check-stored-content.ts';
import type { EngineOptions } from './hash-model.ts';
import { type EvidenceMode, type ObjectProof, proveObjects } from './prove-objects.ts';
import { remedyFor } from './remedy.ts';
import { StoredArchive } from './stored-archive.ts';
import type { OpenedModel, StoredFile } from './stored-model.ts';

/** How the archive of a release is checked where it lies. */
export interface CheckStoredArchiveOptions extends CheckArchiveOptions, Pick<EngineOptions, 'archiveLimits'> {
  readonly store: Store;
  readonly mode: EvidenceMode;
  /** Why the store's checksums do not count. */
  readonly distrust?: string | undefined;
}

/** What is known of the archive of a release where it lies. */
export interface CheckedStoredArchive extends CheckedArchive {
  readonly files: readonly FileEvidence[];
}

/**
 * Checks the archive of a release where it lies. Where the store proves its bytes, the signed record says what they hold;
 * otherwise it is streamed once, and what it holds is compared with what was signed. Nothing touches the disk.
 */
export async function checkStoredArchive(model: OpenedModel, options: CheckStoredArchiveOptions): Promise<CheckedStoredArchive> {
  const { store, mode, distrust, signal, onProgress, archiveLimits: limits } = options;
  const { contents, rule } = model;
  const [file] = contents.files;
  if (file === undefined) throw new Error('the release of an archive has one object');
  const { object, signed, name } = file;
  // What the archive holds is known by reading all of it: whoever asks what files are may not be told that they are fine.
  const isRead = mode === 'full' || (mode === 'auto' && asksForFormats(rule));
  const fetch = { object, ...contents.ranges, expected: signed.digests };
  const [proof] = isRead ? [] : await proveObjects(store, [fetch], { mode: 'attested', distrust, signal });
  if (proof?.kind === 'attested' || proof?.kind === 'differs' || mode === 'attested') return await byProof(model, file, proof);
  const source = openStreamed(name, new StoredArchive(store, object, signal), contents.ranges, { limits, signal });
  if (source === undefined) throw new Error('the object of an archive has the name of one');
  const checked = await checkArchive(model, source, { signal, onProgress });
  const own = source.own();
  const changed = own === undefined ? undefined : ownBytesFinding(model, file, own.digests);
  return {
    ...checked,
    files: own === undefined ? [] : [{ name, version: object.version, by: 'bytes-hashed' }],
    checks: changed === undefined ? checked.checks : [...checked.checks, failed(changed)],
    findings: changed === undefined ? checked.findings : [...checked.findings, changed],
  };
}

/** That the archive's own bytes are not those of the release; undefined where they are. */
export function ownBytesFinding(model: OpenedModel, { name, signed }: StoredFile, digests: readonly string[]): Finding | undefined {
  const wrong = signed.digests.findIndex((digest, i) => digests[i] !== digest);
  if (wrong === -1 && digests.length === signed.digests.length) return undefined;
  return {
    code: 'file-changed',
    severity: 'rejected',
    message: `changed in release ${model.release.record.number}`,
    subject: name,
    expected: signed.digests[Math.max(0, wrong)],
    got: digests[Math.max(0, wrong)] ?? 'no content',
    suggestion: remedyFor(model),
  };
}

/** Whether a file of a format that is not allowed is to be rejected, and not only told of. */
function asksForFormats({ formats }: Rule): boolean {
  return formats !== 'any' && formats.by !== 'flags';
}

async function byProof(model: OpenedModel, file: StoredFile, proof: ObjectProof | undefined): Promise<CheckedStoredArchive> {
  const { number } = model.release.record;
  const { name, object } = file;
  const isAttested = proof?.kind === 'attested';
  const findings = isAttested ? [] : [unprovenFinding(file, proof, { number, remedy: remedyFor(model) })];
  const formats = await unreadFormats(model.rule, name);
  const check: Check = {
    name: 'model-content',
    status: isAttested ? 'passed' : verdictOf(findings) === 'rejected' ? 'failed' : 'could-not-run',
    detail: isAttested
      ? `the archive was not read: the store attests its bytes, and the release record, which the releaser signed, says that they hold model id ${model.release.record.modelId}`
      : 'the archive was not read, and the store does not prove its bytes',
  };
  return {
    unsigned: { ignored: [], empty: [], extra: [] },
    read: { files: 0, bytes: 0, engine: 'native' },
    formats: formats.evidence,
    files: isAttested ? [{ name, version: object.version, by: 's3-attested' }] : [],
    checks: [check, formats.check],
    findings: [...findings, ...formats.findings],
  };
}

async function unreadFormats({ formats }: Rule, name: string) {
  const why = 'the archive was not unpacked, and what its files are is known by their bytes alone';
  if (formats !== 'any' && formats.by !== 'rule') return formatsSkipped(formats, why);
  const examiner = new FormatExaminer(formats);
  examiner.miss(name, why);
  return await examiner.finish();
}

function failed({ message }: Finding): Check {
  return { name: 'archive-bytes', status: 'failed', detail: `the archive's own bytes: ${message}` };
}
