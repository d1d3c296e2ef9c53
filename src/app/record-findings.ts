import { archiveFormatOf } from '../archive/index.ts';
import type { Finding } from '../core/index.ts';
import type { Manifest, ManifestFile, OmsStatement } from '../formats/index.ts';
import { expectedFiles } from '../model/index.ts';
import type { ReleaseObject, ReleaseRecord } from '../release/index.ts';
import { isOfOneFile } from './open-model.ts';

/** Where a release record and the manifest that the model's signers signed contradict each other. */
export function recordFindings(record: ReleaseRecord, statement: Pick<OmsStatement, 'subjectName' | 'manifest'>): readonly Finding[] {
  if (record.kind === 'archive') return archiveFindings(record, statement);
  const { manifest } = statement;
  const signed = expectedFiles(manifest, { kind: record.kind, name: record.objects[0]?.name ?? '' });
  const released = new Set(record.objects.map(({ name }) => name));
  const findings: Finding[] = [];
  for (const object of record.objects) {
    const file = signed.get(object.name);
    if (file === undefined) findings.push(contradiction(record, object.name, 'lists a file that is not signed', undefined, undefined));
    else findings.push(...objectFindings(record, object, file, manifest));
  }
  for (const name of signed.keys()) {
    if (!released.has(name)) findings.push(contradiction(record, name, 'lacks a signed file', undefined, undefined));
  }
  return findings;
}

/** What an archive holds, only its bytes tell; but it must be one, and signed as what it holds. */
function archiveFindings(record: ReleaseRecord, statement: Pick<OmsStatement, 'subjectName' | 'manifest'>): readonly Finding[] {
  const name = record.objects[0]?.name ?? '';
  if (archiveFormatOf(name) === undefined || name.includes('/')) {
    return [contradiction(record, name, 'has an archive under a name that is none', 'a name that ends in .tar, .tar.gz or .tgz', name)];
  }
  const isWhole = isOfOneFile(statement) || isOfOneFile({ ...statement, subjectName: name });
  return isWhole ? [contradiction(record, name, 'takes one file that was signed for what an archive holds', 'one file', 'an archive')] : [];
}

function objectFindings(record: ReleaseRecord, object: ReleaseObject, file: ManifestFile, manifest: Manifest): readonly Finding[] {
  const { name, size } = object;
  if (file.size !== undefined && file.size !== size) {
    return [contradiction(record, name, 'has another size for a file than what is signed', `${file.size} bytes`, `${size} bytes`)];
  }
  const pairs = comparableParts(object, file, manifest);
  const wrong = pairs.find(([expected, got]) => expected !== got);
  return wrong === undefined ? [] : [contradiction(record, name, 'has another digest for a file than what is signed', ...wrong)];
}

/**
 * The parts of an object that are exactly one signed range, each as signed digest and digest of the record: then the
 * signers themselves vouch for what the store proves of a part, and not the releaser alone.
 */
export function comparableParts(
  { partSize, parts, size }: Pick<ReleaseObject, 'partSize' | 'parts' | 'size'>,
  { digests }: ManifestFile,
  { serialization: { hashType, shardSize = Number.POSITIVE_INFINITY } }: Manifest,
): readonly (readonly [string, string])[] {
  if (hashType !== 'sha256' || parts.length !== digests.length) return [];
  if (parts.length > 1 && partSize !== shardSize) return [];
  if (parts.length === 1 && size > shardSize) return [];
  return parts.map((part, i) => [digests[i] ?? '', part]);
}

function contradiction(
  { number }: ReleaseRecord,
  subject: string,
  what: string,
  expected: string | undefined,
  got: string | undefined,
): Finding {
  return {
    code: 'release-contradicts-signature',
    severity: 'rejected',
    message: `the record of release ${number} ${what}`,
    subject,
    expected,
    got,
    suggestion: 'have the model pushed again: whoever signed this record did not push what was signed',
  };
}
