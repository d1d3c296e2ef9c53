import { randomBytes } from 'node:crypto';
import { invalidArgument, invalidRequest, type S3Answer, S3Refusal } from './s3-server-answer.ts';
import { etagOf, multipartEtag, type StoredPart, type StoredUpload, sameTag, type VersionDraft } from './s3-server-bucket.ts';
import { Bytes } from './s3-server-bytes.ts';
import type { S3Call } from './s3-server-call.ts';
import { algorithmOf, type Checksum, type ChecksumAlgorithm, type ChecksumType, checksumOf, compositeOf } from './s3-server-checksums.ts';
import { copyResult, findSource, md5Of, sourceHeaders, sourceRange } from './s3-server-copies.ts';
import { encryptionHeaders, knownChecksum, xmlAnswer } from './s3-server-objects.ts';
import { numberIn } from './s3-server-request.ts';
import { fieldsOf, type XmlElement, type XmlNode } from './s3-server-xml.ts';

const MAX_PART = 5 * 1024 ** 3;

export async function createMultipartUpload(call: S3Call): Promise<S3Answer> {
  const settings = call.settings();
  const asked = call.header('x-amz-checksum-algorithm');
  const algorithm = asked === undefined ? undefined : algorithmOf(asked);
  if (asked !== undefined && algorithm === undefined) throw invalidRequest('Checksum algorithm provided is unsupported.');
  const type = checksumType(algorithm, call.header('x-amz-checksum-type'));
  const id = randomBytes(48).toString('base64url');
  call.bucket.uploads.set(id, { id, key: call.key, started: call.now, settings, algorithm, type, parts: new Map() });
  return xmlAnswer(
    [
      'InitiateMultipartUploadResult',
      [
        ['Bucket', call.bucket.name],
        ['Key', call.key],
        ['UploadId', id],
      ],
    ],
    {
      ...encryptionHeaders({ settings }),
      'x-amz-checksum-algorithm': algorithm,
      'x-amz-checksum-type': algorithm === undefined ? undefined : type,
    },
  );
}

function checksumType(algorithm: ChecksumAlgorithm | undefined, given: string | undefined): ChecksumType {
  const isSha = algorithm === 'SHA256' || algorithm === 'SHA1';
  const isFull = algorithm === undefined || algorithm === 'CRC64NVME';
  if (given === undefined) return isFull ? 'FULL_OBJECT' : 'COMPOSITE';
  if (algorithm === undefined)
    throw invalidRequest('The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.');
  if ((given === 'FULL_OBJECT' && !isSha) || (given === 'COMPOSITE' && !isFull)) return given;
  throw invalidRequest(`The ${given} checksum type cannot be used with the ${algorithm.toLowerCase()} checksum algorithm.`);
}

export async function uploadPart(call: S3Call): Promise<S3Answer> {
  const { upload, number } = partOf(call);
  if (Number(call.header('content-length') ?? 0) > MAX_PART) {
    throw new S3Refusal(400, 'EntityTooLarge', 'Your proposed upload exceeds the maximum allowed size');
  }
  const { bytes, md5, checksum } = await call.receive();
  if ((checksum?.algorithm ?? upload.algorithm) !== upload.algorithm || (upload.algorithm !== undefined && checksum === undefined)) {
    const [expected, actual] = [upload.algorithm, checksum?.algorithm].map((name) => name?.toLowerCase() ?? 'null');
    throw invalidRequest(`Checksum Type mismatch occurred, expected checksum Type: ${expected}, actual checksum Type: ${actual}`);
  }
  const part = { number, bytes, etag: etagOf(md5, upload.settings), checksum: checksum?.value, modified: call.now };
  store(call, upload, part);
  const value = checksum === undefined ? {} : { [`x-amz-checksum-${checksum.algorithm.toLowerCase()}`]: checksum.value };
  return { status: 200, headers: { etag: part.etag, ...encryptionHeaders(upload), ...value } };
}

export async function uploadPartCopy(call: S3Call): Promise<S3Answer> {
  const { upload, number } = partOf(call);
  const found = findSource(call);
  const bytes = sourceRange(call, found.version.content.bytes);
  if (bytes.size > MAX_PART) {
    throw invalidRequest(`The specified copy source is larger than the maximum allowable size for a copy source: ${MAX_PART}`);
  }
  const { algorithm } = upload;
  const checksum = algorithm === undefined ? undefined : { algorithm, value: await checksumOf(algorithm, bytes) };
  const part = { number, bytes, etag: etagOf(await md5Of(bytes), upload.settings), checksum: checksum?.value, modified: call.now };
  store(call, upload, part);
  return xmlAnswer(['CopyPartResult', copyResult(part.etag, part.modified, checksum)], {
    ...sourceHeaders(found),
    ...encryptionHeaders(upload),
  });
}

/** Completed or aborted while the part was on its way, the upload takes it no more. */
function store(call: S3Call, upload: StoredUpload, part: StoredPart): void {
  findUpload(call);
  upload.parts.set(part.number, part);
}

function partOf(call: S3Call): { readonly upload: StoredUpload; readonly number: number } {
  call.demand('s3:PutObject');
  const text = call.parameter('partNumber') ?? '';
  const number = Number(text);
  if (!/^\d+$/.test(text) || number < 1 || number > 10_000) {
    throw invalidArgument('Part number must be an integer between 1 and 10000, inclusive', 'partNumber', text);
  }
  const upload = findUpload(call);
  call.useKey('kms:Decrypt', upload.settings);
  return { upload, number };
}

export function findUpload(call: S3Call): StoredUpload {
  const upload = call.bucket.uploads.get(call.parameter('uploadId') ?? '');
  if (upload?.key === call.key) return upload;
  const message = 'The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.';
  throw new S3Refusal(404, 'NoSuchUpload', message, { fields: [['UploadId', call.parameter('uploadId') ?? '']] });
}

export async function completeMultipartUpload(call: S3Call): Promise<S3Answer> {
  call.demand('s3:PutObject');
  const condition = call.condition();
  const root = await call.receiveXml('CompleteMultipartUpload', false);
  const upload = findUpload(call);
  call.useKey('kms:Decrypt', upload.settings);
  const parts = completedParts(call, upload, root);
  const content = await assemble(upload, parts);
  checkWhole(call, content);
  // Somebody else may have ended it meanwhile.
  findUpload(call);
  const version = call.bucket.put(call.key, content, condition);
  call.bucket.uploads.delete(upload.id);
  const checksum = await knownChecksum(content);
  const suffix = checksum.type === 'COMPOSITE' ? `-${parts.length}` : '';
  return xmlAnswer(
    [
      'CompleteMultipartUploadResult',
      [
        ['Location', `http://${call.header('host')}/${call.bucket.name}/${call.key}`],
        ['Bucket', call.bucket.name],
        ['Key', call.key],
        ['ETag', content.etag],
        [`Checksum${checksum.algorithm}`, `${checksum.value}${suffix}`],
        ['ChecksumType', checksum.type],
      ],
    ],
    { ...call.versionHeader(version), ...encryptionHeaders(upload) },
  );
}

/** The parts that the client names, each proven to be the one that was uploaded. */
function completedParts(call: S3Call, upload: StoredUpload, root: XmlElement): readonly StoredPart[] {
  const { algorithm, type } = upload;
  const known = ['PartNumber', 'ETag', ...(algorithm === undefined ? [] : [`Checksum${algorithm}`])];
  if (root.children.length === 0) throw new S3Refusal(400, 'MalformedXML', 'The XML you provided was not well-formed');
  const parts = root.children.map((element, index) => {
    const fields = fieldsOf(element, known);
    const number = Number(fields.get('PartNumber'));
    const part = upload.parts.get(number);
    const given = algorithm === undefined ? undefined : fields.get(`Checksum${algorithm}`);
    if (type === 'COMPOSITE' && given === undefined) {
      throw invalidRequest(
        `The upload was created using a ${algorithm?.toLowerCase()} checksum. The complete request must include the checksum for each part. It was missing for part ${number} in the request.`,
      );
    }
    if (part === undefined || !sameTag(fields.get('ETag') ?? '', part.etag) || (given !== undefined && given !== part.checksum)) {
      const message =
        "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.";
      throw new S3Refusal(400, 'InvalidPart', message, { fields: [['PartNumber', number]] });
    }
    if (type === 'COMPOSITE' && number !== index + 1)
      throw invalidRequest('The parts of an upload with checksums must be numbered from 1 without gaps.');
    return part;
  });
  if (parts.some(({ number }, index) => number <= (parts[index - 1]?.number ?? 0))) {
    throw new S3Refusal(400, 'InvalidPartOrder', 'The list of parts was not in ascending order. Parts must be ordered by part number.');
  }
  const small = parts.slice(0, -1).find(({ bytes }) => bytes.size < call.place.minPartSize);
  if (small !== undefined) {
    throw new S3Refusal(400, 'EntityTooSmall', 'Your proposed upload is smaller than the minimum allowed size', {
      fields: [
        ['ProposedSize', small.bytes.size],
        ['MinSizeAllowed', call.place.minPartSize],
        ['PartNumber', small.number],
      ],
    });
  }
  return parts;
}

async function assemble({ algorithm, type, settings, started }: StoredUpload, parts: readonly StoredPart[]): Promise<VersionDraft> {
  const bytes = Bytes.concat(parts.map((part) => part.bytes));
  // S3 counts an object as modified when its upload began.
  const content = { bytes, etag: multipartEtag(parts), parts, settings, modified: started };
  if (algorithm === undefined) return { ...content, checksum: undefined };
  const value =
    type === 'COMPOSITE'
      ? compositeOf(
          algorithm,
          parts.map(({ checksum = '' }) => checksum),
        )
      : await checksumOf(algorithm, bytes);
  return { ...content, checksum: { algorithm, type, value } };
}

/** What the request says of the whole object. */
function checkWhole(call: S3Call, { bytes, checksum, parts }: VersionDraft): void {
  const size = call.header('x-amz-mp-object-size');
  if (size !== undefined && size !== String(bytes.size)) {
    throw invalidRequest(`The provided 'x-amz-mp-object-size' header value ${size} does not match what was computed: ${bytes.size}`);
  }
  const type = call.header('x-amz-checksum-type');
  if (type !== undefined && type !== (checksum?.type ?? 'FULL_OBJECT')) throw invalidRequest(`Checksum Type mismatch occurred: ${type}`);
  const [name, given] = [...call.request.headers].find(([header]) => /^x-amz-checksum-(?!type$)/.test(header)) ?? [];
  if (name === undefined) return;
  if (name !== `x-amz-checksum-${checksum?.algorithm.toLowerCase()}`) throw invalidRequest(`Checksum Type mismatch occurred: ${name}`);
  if (given !== checksum?.value && given !== `${checksum?.value}-${parts?.length}`) throw wrongWhole(checksum);
}

function wrongWhole(checksum: Checksum | undefined): S3Refusal {
  return new S3Refusal(400, 'BadDigest', `The ${checksum?.algorithm.toLowerCase()} you specified did not match the calculated checksum.`);
}

export async function abortMultipartUpload(call: S3Call): Promise<S3Answer> {
  call.demand('s3:AbortMultipartUpload');
  call.bucket.uploads.delete(findUpload(call).id);
  return { status: 204, headers: {} };
}

export async function listParts(call: S3Call): Promise<S3Answer> {
  call.demand('s3:ListMultipartUploadParts');
  const { parts, algorithm, type, settings, id } = findUpload(call);
  const refuse = (name: string) => (text: string) => invalidArgument('Argument must be an integer between 0 and 2147483647', name, text);
  const max = numberIn(call.parameter('max-parts'), 1000, 1000, refuse('max-parts'));
  const marker = numberIn(call.parameter('part-number-marker'), 0, 2 ** 31 - 1, refuse('part-number-marker'));
  const left = [...parts.values()].sort((a, b) => a.number - b.number).filter(({ number }) => number > marker);
  const page = left.slice(0, max);
  return xmlAnswer([
    'ListPartsResult',
    [
      ['Bucket', call.bucket.name],
      ['Key', call.key],
      ['UploadId', id],
      ['StorageClass', settings.storageClass],
      ['PartNumberMarker', marker],
      ['NextPartNumberMarker', page.at(-1)?.number ?? 0],
      ['MaxParts', max],
      ['IsTruncated', page.length < left.length],
      algorithm === undefined ? undefined : ['ChecksumAlgorithm', algorithm],
      algorithm === undefined ? undefined : ['ChecksumType', type],
      ...page.map(
        ({ number, modified, etag, bytes, checksum }): XmlNode => [
          'Part',
          [
            ['PartNumber', number],
            ['LastModified', modified.toISOString()],
            ['ETag', etag],
            ['Size', bytes.size],
            algorithm === undefined || checksum === undefined ? undefined : [`Checksum${algorithm}`, checksum],
          ],
        ],
      ),
    ],
  ]);
}
