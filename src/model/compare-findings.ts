import type { Finding } from '../core/index.ts';
import type { ManifestFile, Serialization } from '../formats/index.ts';
import type { HashedModel, ModelFile } from './hash-model.ts';
import { type ByteRange, changedRanges } from './shard-ranges.ts';

/** The most names that one finding lists. */
const MAX_LISTED = 100;
const MAX_RANGES = 5;

const REPLACE = 'put the signed file back, or have the model signed again if the change is meant';

/** A file that was signed and is not there. */
export function missingFile(name: string, file: ManifestFile, { hashType }: Serialization): Finding {
  return {
    code: 'file-missing',
    severity: 'rejected',
    message: 'a signed file is missing',
    subject: name,
    expected: digestText(hashType, file.digests),
    got: 'no such file',
    suggestion: 'put the file back: a model counts only whole',
  };
}

/** What macOS writes beside files whose attributes a file system, tar or zip does not keep. */
const OF_MACOS = /(?:^|\/)\._[^/]+$|^__MACOSX\//u;

/** A file that is there and was not signed. */
export function extraFile(name: string): Finding {
  const byMacos =
    'macOS writes such files beside others when it packs or copies them: remove it, and pack with COPYFILE_DISABLE=1 tar …, or with mlsign pack';
  return {
    code: 'file-extra',
    severity: 'rejected',
    message: 'a file that is not signed lies in the model',
    subject: name,
    expected: 'only signed files',
    suggestion: OF_MACOS.test(name)
      ? byMacos
      : 'remove it; if it may be there, name it with --ignore-paths or accept every such file with --ignore-unsigned-files',
  };
}

/** A signed file that is there under another name. */
export function misnamedFile(signed: string, now: string): Finding {
  const alike = signed.normalize('NFC').toLowerCase() === now.normalize('NFC').toLowerCase();
  return {
    code: 'file-misnamed',
    severity: 'rejected',
    message: 'a signed file is there under another name',
    subject: now,
    expected: signed,
    got: now,
    suggestion: alike
      ? 'the names differ only in letter case or in their Unicode form: copy the model with a tool that keeps names as they are'
      : 'give the file its signed name back',
  };
}

/** A signed file whose content is other than signed: changed, cut short or grown. Sizes are known only in shards. */
export function changedFile(name: string, file: ManifestFile, there: ModelFile, serialization: Serialization): Finding {
  const { hashType, shardSize } = serialization;
  const { size } = file;
  const base = { severity: 'rejected', subject: name, suggestion: REPLACE } as const;
  if (size === undefined || shardSize === undefined) {
    return {
      ...base,
      code: 'file-changed',
      message: 'the content of a file is not what was signed',
      expected: digestText(hashType, file.digests),
      got: digestText(hashType, there.digests),
    };
  }
  const ranges = changedRanges({ size, digests: file.digests }, there, shardSize);
  if (there.size !== size) {
    const shorter = there.size < size;
    const also = ranges.length > 0 ? `, and what is left differs in ${rangesText(ranges)}` : '';
    return {
      ...base,
      code: shorter ? 'file-truncated' : 'file-grown',
      message: shorter
        ? `a file was cut short: ${size - there.size} of its ${size} signed bytes are gone${also}`
        : `a file has grown: ${there.size - size} bytes follow its ${size} signed ones${also.replace('what is left', 'the file')}`,
      expected: `${size} bytes`,
      got: `${there.size} bytes`,
    };
  }
  const first = (ranges[0]?.start ?? 0) / shardSize;
  return {
    ...base,
    code: 'file-changed',
    message: `the content of a file is not what was signed in ${rangesText(ranges)}`,
    expected: digestText(hashType, file.digests.slice(first, first + 1)),
    got: digestText(hashType, there.digests.slice(first, first + 1)),
  };
}

/** A signed file that was listed and not read. */
export function notHashed(name: string): Finding {
  return {
    code: 'file-not-hashed',
    severity: 'undetermined',
    message: 'a signed file is there, but it was not read',
    subject: name,
    expected: 'every signed file to be hashed',
  };
}

/** A link that was not followed where signed files should be. */
export function symlinked(link: Finding, names: readonly string[]): Finding {
  const itself = names.includes(link.subject);
  return {
    code: 'file-symlinked',
    severity: 'rejected',
    message: itself
      ? 'a symbolic link stands where a file was signed'
      : `a symbolic link stands where a directory with ${names.length} signed files was`,
    subject: link.subject,
    expected: itself ? 'a regular file' : 'a directory',
    got: 'a symbolic link',
    suggestion: 'put the file itself there; links are followed only where the signer did so and you allow it (--allow-symlinks)',
  };
}

/** One file where a directory was signed, or the other way round. */
export function kindWrong(signed: ReadonlyMap<string, ManifestFile>, { source }: HashedModel): Finding | undefined {
  const single = signed.size === 1 && ![...signed.keys()].some((name) => name.includes('/'));
  const base = { code: 'model-kind-wrong', severity: 'rejected', subject: source.path } as const;
  if (source.kind === 'file' && !single) {
    return {
      ...base,
      message: `the signature covers a directory of ${signed.size} files, and this is one file`,
      expected: 'a directory',
      got: 'a file',
      suggestion: 'give the path of the directory that was signed',
    };
  }
  if (source.kind === 'directory' && signed.has('.')) {
    return {
      ...base,
      message: 'the signature covers a single file, and this is a directory',
      expected: 'a file',
      got: 'a directory',
      suggestion: 'give the path of the file that was signed',
    };
  }
  return undefined;
}

const LISTS = {
  'unsigned-extra': ['warning', 'files in the model are not signed, and were accepted'],
  'unsigned-ignored': ['warning', 'paths in the model are ignored: nothing in them is signed'],
  'unsigned-empty': ['note', 'zero-byte files are not signed: a manifest of shards leaves them out'],
} as const;

/** One finding that lists what is not signed and was accepted, or none. */
export function listed(code: keyof typeof LISTS, names: readonly string[]): readonly Finding[] {
  const [first] = names;
  if (first === undefined) return [];
  const [severity, message] = LISTS[code];
  return [{ code, severity, message: `${names.length} ${message}`, subject: first, got: listText(names, MAX_LISTED, ', ') }];
}

function digestText(hashType: string, digests: readonly string[]): string {
  const [first] = digests;
  if (first === undefined) return 'no content';
  return digests.length === 1 ? `${hashType}:${first}` : `${digests.length} shards, the first ${hashType}:${first}`;
}

function rangesText(ranges: readonly ByteRange[]): string {
  const texts = ranges.map(({ start, end }) => `${start}–${end - 1}`);
  return `bytes ${listText(texts, MAX_RANGES, ' and ')}`;
}

function listText(items: readonly string[], max: number, separator: string): string {
  const rest = items.length - max;
  return rest > 0 ? `${items.slice(0, max).join(separator)}${separator}${rest} more` : items.join(separator);
}
