// Reads what is sent to it and keeps nothing: `node bench/store-sink.ts KEY CERTIFICATE` prints its port. It shows what a client can do where the
// server costs next to nothing. Its attributes are those of an object of any number of parts of 16 MiB: the first number in its key.
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';

const PART = 16 * 2 ** 20;
const EMPTY = '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=';
const PAGE = 1000;

const [, , key = '', certificate = ''] = process.argv;
let versions = 0;
const server = createServer({ key: readFileSync(key), cert: readFileSync(certificate) }, (request, response) => {
  request.resume();
  request.on('end', () => answer(request, response));
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.stdout.write(`${typeof address === 'object' ? address?.port : ''}\n`);
});

function answer({ method, url = '', headers }: IncomingMessage, response: ServerResponse): void {
  const { searchParams, pathname } = new URL(url, 'https://sink');
  const xml = (name: string, content: string, version = `v${++versions}`) => {
    response.writeHead(200, { 'x-amz-version-id': version, etag: '"sink"' });
    response.end(`<?xml version="1.0" encoding="UTF-8"?><${name}>${content}</${name}>`);
  };
  if (searchParams.has('attributes')) {
    const first = Number(headers['x-amz-part-number-marker'] ?? 0) + 1;
    xml('GetObjectAttributesResponse', attributes(Number(/\d+/.exec(pathname)?.[0] ?? 1), first), searchParams.get('versionId') ?? '');
  } else if (searchParams.has('versions')) xml('ListVersionsResult', '<IsTruncated>false</IsTruncated><EncodingType>url</EncodingType>');
  else if (searchParams.has('uploads')) xml('InitiateMultipartUploadResult', '<UploadId>upload</UploadId>');
  else if (method === 'POST') xml('CompleteMultipartUploadResult', '<ETag>"sink"</ETag>');
  else if (method === 'PUT') {
    response.writeHead(200, { 'x-amz-version-id': `v${++versions}`, etag: '"sink"' });
    response.end();
  } else {
    response.writeHead(404);
    response.end(method === 'HEAD' ? undefined : '<Error><Code>NoSuchKey</Code><Message>a sink holds nothing</Message></Error>');
  }
}

function attributes(count: number, first: number): string {
  const last = Math.min(count, first + PAGE - 1);
  const parts = Array.from({ length: last - first + 1 }, (_, i) => {
    return `<Part><PartNumber>${first + i}</PartNumber><Size>${PART}</Size><ChecksumSHA256>${EMPTY}</ChecksumSHA256></Part>`;
  });
  const paging = `<PartsCount>${count}</PartsCount><IsTruncated>${last < count}</IsTruncated><NextPartNumberMarker>${last}</NextPartNumberMarker>`;
  return `<ObjectSize>${count * PART}</ObjectSize><ObjectParts>${paging}${parts.join('')}</ObjectParts>`;
}
