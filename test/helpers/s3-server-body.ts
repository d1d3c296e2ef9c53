import { createHash } from 'node:crypto';
import { invalidRequest, S3Refusal } from './s3-server-answer.ts';
import type { ByteStore, Bytes } from './s3-server-bytes.ts';
import { ALGORITHMS, algorithmOf, type ChecksumAlgorithm, startChecksum } from './s3-server-checksums.ts';
import type { S3Request } from './s3-server-request.ts';
import { Violation } from './violation.ts';

const STREAMING = 'STREAMING-UNSIGNED-PAYLOAD-TRAILER';

/** Headers that {@link receiveBody} reads. */
export const BODY_HEADERS = [
  'content-md5',
  'content-encoding',
  'expect',
  'transfer-encoding',
  'x-amz-decoded-content-length',
  'x-amz-sdk-checksum-algorithm',
  'x-amz-trailer',
  ...ALGORITHMS.map((name) => `x-amz-checksum-${name.toLowerCase()}`),
];

/** A body that came whole, with every checksum that came with it proven right. */
export interface ReceivedBody {
  readonly bytes: Bytes;
  readonly md5: Buffer;
  /** The checksum that the client gave, base64. */
  readonly checksum: { readonly algorithm: ChecksumAlgorithm; readonly value: string } | undefined;
}

/**
 * Reads the body of a request. Nothing of a request that says what is not so gets any further.
 *
 * @param isObject whether the checksum in the headers is that of the body
 */
export async function receiveBody(request: S3Request, store: ByteStore, isSecure: boolean, isObject: boolean): Promise<ReceivedBody> {
  const { headers, body } = request;
  const payload = headers.get('x-amz-content-sha256') ?? '';
  if (!isSecure && !/^[0-9a-f]{64}$/.test(payload)) throw new Violation(`a payload that nothing protects over http: ${payload}`);
  const trailers = new Map<string, string>();
  const isStreaming = payload === STREAMING;
  if (isStreaming !== headers.has('x-amz-trailer'))
    throw invalidRequest('The value specified in the x-amz-trailer header is not supported');
  const declared = isObject ? declaredChecksum(headers) : undefined;
  // A body is hashed once, whoever asks for it.
  const running = declared === undefined || declared.algorithm === 'SHA256' ? undefined : startChecksum(declared.algorithm);
  const md5 = createHash('md5');
  const sha256 = createHash('sha256');
  const tap = async function* (): AsyncGenerator<Uint8Array> {
    for await (const chunk of isStreaming ? decodeChunks(body, trailers) : body) {
      md5.update(chunk);
      sha256.update(chunk);
      running?.update(chunk);
      yield chunk;
    }
  };
  checkLength(headers, isStreaming);
  const bytes = await store.receive(tap());
  const length = isStreaming ? headers.get('x-amz-decoded-content-length') : (headers.get('content-length') ?? '0');
  if (String(bytes.size) !== length) throw new S3Refusal(400, 'IncompleteBody', 'The request body terminated unexpectedly');
  const got = { md5: md5.digest(), sha256: sha256.digest() };
  if (/^[0-9a-f]{64}$/.test(payload) && payload !== got.sha256.toString('hex')) {
    throw new S3Refusal(400, 'XAmzContentSHA256Mismatch', "The provided 'x-amz-content-sha256' header does not match what was computed.", {
      fields: [
        ['ClientComputedContentSHA256', payload],
        ['S3ComputedContentSHA256', got.sha256.toString('hex')],
      ],
    });
  }
  checkMd5(headers.get('content-md5'), got.md5);
  if (declared === undefined) return { bytes, md5: got.md5, checksum: undefined };
  const name = `x-amz-checksum-${declared.algorithm.toLowerCase()}`;
  const given = Buffer.from(declared.value ?? trailers.get(name) ?? '', 'base64');
  const computed = running?.digest() ?? got.sha256;
  if (given.length !== computed.length) throw invalidRequest(`Value for ${name} header is invalid.`);
  if (!given.equals(computed)) {
    throw new S3Refusal(400, 'BadDigest', `The ${declared.algorithm} you specified did not match the calculated checksum.`);
  }
  return { bytes, md5: got.md5, checksum: { algorithm: declared.algorithm, value: computed.toString('base64') } };
}

function checkLength(headers: ReadonlyMap<string, string>, isStreaming: boolean): void {
  const encoding = headers.get('content-encoding');
  if (isStreaming !== (encoding === 'aws-chunked')) throw new Violation(`content-encoding ${encoding}`);
  if (isStreaming ? headers.has('x-amz-decoded-content-length') : !headers.has('transfer-encoding')) return;
  throw new S3Refusal(411, 'MissingContentLength', 'You must provide the Content-Length HTTP header.');
}

/** The one checksum that a request brings: its value in a header, or later in a trailer. */
function declaredChecksum(
  headers: ReadonlyMap<string, string>,
): { readonly algorithm: ChecksumAlgorithm; readonly value: string | undefined } | undefined {
  const inHeaders = ALGORITHMS.filter((name) => headers.has(`x-amz-checksum-${name.toLowerCase()}`));
  const trailer = headers.get('x-amz-trailer');
  const inTrailer = trailer === undefined ? [] : ALGORITHMS.filter((name) => trailer === `x-amz-checksum-${name.toLowerCase()}`);
  const [algorithm, ...more] = [...inHeaders, ...inTrailer];
  if (more.length > 0) {
    throw invalidRequest('Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.');
  }
  if (trailer !== undefined && inTrailer.length === 0)
    throw invalidRequest('The value specified in the x-amz-trailer header is not supported');
  const announced = headers.get('x-amz-sdk-checksum-algorithm');
  if (announced !== undefined) {
    if (algorithmOf(announced) === undefined) throw invalidRequest('Value for x-amz-sdk-checksum-algorithm header is invalid.');
    if (algorithm === undefined) {
      const message = 'x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.';
      throw invalidRequest(message);
    }
    if (algorithm !== announced) throw invalidRequest('Value for x-amz-sdk-checksum-algorithm header is invalid.');
  }
  return algorithm === undefined ? undefined : { algorithm, value: headers.get(`x-amz-checksum-${algorithm.toLowerCase()}`) };
}

function checkMd5(given: string | undefined, computed: Buffer): void {
  if (given === undefined) return;
  const md5 = Buffer.from(given, 'base64');
  if (md5.length !== 16) throw new S3Refusal(400, 'InvalidDigest', 'The Content-MD5 you specified was invalid.');
  if (!md5.equals(computed)) throw new S3Refusal(400, 'BadDigest', 'The Content-MD5 you specified did not match what we received.');
}

/** The bytes within `aws-chunked`, and what follows them. */
async function* decodeChunks(body: AsyncIterable<Uint8Array>, trailers: Map<string, string>): AsyncGenerator<Buffer> {
  let held: Buffer = Buffer.alloc(0);
  /** Bytes of the chunk with the line that ends it; undefined between chunks. */
  let left: number | undefined;
  let isEnd = false;
  for await (const data of body) {
    held = Buffer.concat([held, data]);
    while (!isEnd) {
      if (left === undefined) {
        const end = held.indexOf('\r\n');
        if (end < 0) break;
        const size = /^[0-9a-fA-F]{1,8}$/.exec(held.subarray(0, end).toString('latin1'))?.[0];
        if (size === undefined) throw new Violation('aws-chunked that is not');
        isEnd = Number.parseInt(size, 16) === 0;
        if (isEnd) break;
        left = Number.parseInt(size, 16) + 2;
        held = held.subarray(end + 2);
      }
      const chunk = held.subarray(0, left - 2);
      if (left > 2 && chunk.length > 0) yield chunk;
      if (left > 2) {
        held = held.subarray(chunk.length);
        left -= chunk.length;
      }
      if (left > 2 || held.length < 2) break;
      if (held.subarray(0, 2).toString('latin1') !== '\r\n') throw new Violation('aws-chunked that is not');
      held = held.subarray(2);
      left = undefined;
    }
  }
  const end = held.toString('latin1');
  if (!isEnd || !/^0+\r\n(?:[a-z0-9-]+:[^\r\n]*\r\n)*\r\n$/.test(end)) {
    throw new S3Refusal(400, 'IncompleteBody', 'The request body terminated unexpectedly');
  }
  for (const [, name = '', value = ''] of end.matchAll(/^([a-z0-9-]+):([^\r\n]*)\r\n/gm)) trailers.set(name, value.trim());
}
