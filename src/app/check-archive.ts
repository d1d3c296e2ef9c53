import { type Check, errorFinding, type Finding, MlsignError, type OnProgress, sha256Hex } from '../core/index.ts';
import { MAX_BUNDLE_BYTES } from '../formats/index.ts';
import type { ArchiveSource } from '../model/index.ts';
import { checkContent, type Unsigned } from './check-content.ts';
import { type CheckedFormats, formatsSkipped } from './check-formats.ts';
import { SIGNATURE_NAME } from './locations.ts';
import { innerSignaturePath } from './open-model.ts';
import type { OpenedModel } from './stored-model.ts';
import type { ReleaseVerification } from './verify-release.ts';

/** What reading the archive of a release showed. */
export interface CheckedArchive {
  readonly unsigned: Unsigned;
  readonly read: ReleaseVerification['read'];
  readonly formats: CheckedFormats['evidence'] | undefined;
  readonly checks: readonly Check[];
  readonly findings: readonly Finding[];
}

/** How an archive is read. */
export interface CheckArchiveOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/**
 * Compares what the archive of a release holds with what was signed, as if it lay on a disk: one that is wrong, or that readers
 * might take for different things, is rejected.
 */
export async function checkArchive(model: OpenedModel, source: ArchiveSource, options: CheckArchiveOptions): Promise<CheckedArchive> {
  const { contents, rule } = model;
  try {
    const signatures = (await holdsReleased(model, source, options)) ? [innerSignaturePath(source)] : [];
    // A plain reader unpacks what nobody signed, too.
    const strict = { ...rule, ignoreUnsigned: false };
    const { unsigned, hashed, formats, checks, findings } = await checkContent(source, strict, [contents.candidate], {
      ...options,
      signatures,
    });
    const read = { files: hashed.files.length - hashed.unhashed.length, bytes: hashed.bytes, engine: hashed.engine };
    return { unsigned, read, formats, checks, findings };
  } catch (error) {
    if (!(error instanceof MlsignError) || error.outcome === 'interrupted' || error.outcome === 'usage') throw error;
    const finding = errorFinding(error, source.path);
    const rejected = error.outcome === 'refused';
    const check: Check = { name: 'model-content', status: rejected ? 'failed' : 'could-not-run', detail: error.message };
    const formats = formatsSkipped(rule.formats, 'no file was looked at, because the archive could not be read');
    return { unsigned: NOTHING, read: undefined, formats: formats.evidence, checks: [check, formats.check], findings: [finding] };
  }
}

const NOTHING: Unsigned = { ignored: [], empty: [], extra: [] };

/** Whether the archive holds one of the release's own signatures, where `mlsign verify` looks for it: that is not content. */
async function holdsReleased({ contents }: OpenedModel, source: ArchiveSource, options: CheckArchiveOptions): Promise<boolean> {
  const { hashType: algorithm, shardSize } = contents.manifest.serialization;
  // What has to be read for this is hashed on the way, and not read again.
  const inside = await source.contents.read(SIGNATURE_NAME, MAX_BUNDLE_BYTES, { algorithm, shardSize, ...options });
  return inside !== undefined && contents.bundles.some(({ digest }) => digest === sha256Hex(inside));
}
