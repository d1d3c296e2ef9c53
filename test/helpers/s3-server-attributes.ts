import { invalidArgument, type S3Answer } from './s3-server-answer.ts';
import type { VersionDraft } from './s3-server-bucket.ts';
import type { S3Call } from './s3-server-call.ts';
import { knownChecksum, xmlAnswer } from './s3-server-objects.ts';
import { numberIn } from './s3-server-request.ts';
import type { XmlNode } from './s3-server-xml.ts';

const ATTRIBUTES = ['ETag', 'Checksum', 'ObjectParts', 'StorageClass', 'ObjectSize'];

export async function getObjectAttributes(call: S3Call): Promise<S3Answer> {
  const id = call.parameter('versionId');
  call.demand(id === undefined ? 's3:GetObjectAttributes' : 's3:GetObjectVersionAttributes');
  const version = call.find(call.bucket, call.key, id);
  const { content } = version;
  call.useKey('kms:Decrypt', content.settings);
  const header = call.header('x-amz-object-attributes') ?? '';
  const asked = header.split(',').map((name) => name.trim());
  const unknown = asked.find((name) => !ATTRIBUTES.includes(name));
  if (unknown !== undefined) throw invalidArgument('Invalid attribute name specified.', 'x-amz-object-attributes', header);
  const { algorithm, value, type } = await knownChecksum(content);
  const nodes: Readonly<Record<string, XmlNode | undefined>> = {
    ETag: ['ETag', content.etag.replaceAll('"', '')],
    // Without the number of parts: nothing but the type tells it from the digest of the bytes.
    Checksum: [
      'Checksum',
      [
        [`Checksum${algorithm}`, value],
        ['ChecksumType', type],
      ],
    ],
    ObjectParts: content.parts === undefined ? undefined : ['ObjectParts', partPage(call, content)],
    StorageClass: ['StorageClass', content.settings.storageClass],
    ObjectSize: ['ObjectSize', content.bytes.size],
  };
  return xmlAnswer(['GetObjectAttributesResponse', ATTRIBUTES.filter((name) => asked.includes(name)).map((name) => nodes[name])], {
    ...call.versionHeader(version),
    'last-modified': version.modified.toUTCString(),
  });
}

/** One page of parts; S3 tells of each only where the client chose the checksum. */
function partPage(call: S3Call, { parts = [], checksum }: VersionDraft): readonly XmlNode[] {
  const refuse = (name: string) => (text: string) => invalidArgument('Argument must be an integer between 0 and 2147483647', name, text);
  const max = numberIn(call.header('x-amz-max-parts'), 1000, 1000, refuse('max-parts'));
  const marker = numberIn(call.header('x-amz-part-number-marker'), 0, 2 ** 31 - 1, refuse('part-number-marker'));
  const left =
    checksum === undefined ? [] : parts.map((part, index) => ({ ...part, number: index + 1 })).filter(({ number }) => number > marker);
  const page = left.slice(0, max);
  return [
    ['PartsCount', parts.length],
    ['PartNumberMarker', marker],
    ['NextPartNumberMarker', page.at(-1)?.number ?? 0],
    ['MaxParts', max],
    ['IsTruncated', page.length < left.length],
    ...page.map(
      ({ number, bytes, checksum: value = '' }): XmlNode => [
        'Part',
        [
          ['PartNumber', number],
          ['Size', bytes.size],
          [`Checksum${checksum?.algorithm}`, value],
        ],
      ],
    ),
  ];
}
