import type { S3Client } from '@aws-sdk/client-s3';
import { isBytes, limited } from './limited-body.ts';

/** No honest answer but the bytes of an object is longer: a page of 1,000 versions with the longest keys takes 4 MB. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

/** Those that come with the SHA-256 of their body. */
const CHECKED_BODIES = ['PutObjectCommand', 'UploadPartCommand'];

/**
 * Makes an SDK client send and take what S3 and those who speak its protocol agree on.
 *
 * @internal
 */
export function addMiddleware({ middlewareStack }: S3Client, expectedBucketOwner: string | undefined): void {
  const orders = new WeakMap<object, readonly string[]>();
  if (expectedBucketOwner !== undefined) {
    middlewareStack.add(
      (next, { commandName }) =>
        (args) => {
          const source = commandName?.includes('Copy') ? { ExpectedSourceBucketOwner: expectedBucketOwner } : {};
          const input = Object.assign(args.input, { ExpectedBucketOwner: expectedBucketOwner, ...source });
          return next({ ...args, input });
        },
      { step: 'initialize', name: 'expectOwner' },
    );
  }
  middlewareStack.add(
    (next, { commandName = '' }) =>
      (args) => {
        const { protocol, headers } = isRequest(args.request) ? args.request : {};
        // The SDK puts spaces between the attributes, which other servers do not take.
        const attributes = headers?.['x-amz-object-attributes'];
        if (headers !== undefined && attributes !== undefined) headers['x-amz-object-attributes'] = attributes.replaceAll(' ', '');
        // The SDK would hash the body once more, and so would the server: over TLS the checksum, which is signed, is enough.
        const sha256 = headers?.['x-amz-checksum-sha256'];
        if (headers !== undefined && sha256 !== undefined && CHECKED_BODIES.includes(commandName)) {
          headers['x-amz-content-sha256'] = protocol === 'https:' ? 'UNSIGNED-PAYLOAD' : Buffer.from(sha256, 'base64').toString('hex');
        }
        return next(args);
      },
    { step: 'build', name: 'ownHeaders' },
  );
  // The SDK sorts versions and delete markers apart, and with that loses which is newer.
  middlewareStack.add(
    (next, { commandName }) =>
      async (args) => {
        const result = await next(args);
        const order = isAnswer(result.response) ? orders.get(result.response) : undefined;
        if (commandName === 'ListObjectVersionsCommand' && order !== undefined) Object.assign(result.output ?? {}, { EntryOrder: order });
        return result;
      },
    { step: 'deserialize', priority: 'high', name: 'giveOrder' },
  );
  middlewareStack.add(
    (next, { commandName }) =>
      async (args) => {
        const result = await next(args);
        const { response } = result;
        if (isAnswer(response) && !isShort(response, commandName) && isBytes(response.body)) {
          const { Readable } = await import('node:stream');
          if (commandName === 'ListObjectVersionsCommand') {
            const text = await textOf(limited(response.body, MAX_ANSWER_BYTES));
            orders.set(response, orderIn(text));
            response.body = Readable.from([Buffer.from(text)]);
          } else response.body = Readable.from(limited(response.body, MAX_ANSWER_BYTES));
        }
        return result;
      },
    { step: 'deserialize', priority: 'low', name: 'limitAnswers' },
  );
}

interface Answer {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  body: unknown;
}

function isRequest(request: unknown): request is { readonly protocol: string; readonly headers: Record<string, string> } {
  return typeof request === 'object' && request !== null && 'headers' in request && 'protocol' in request;
}

function isAnswer(response: unknown): response is Answer {
  return typeof response === 'object' && response !== null && 'body' in response && 'statusCode' in response && 'headers' in response;
}

/** Whether an answer says that it is not long, and so cannot be; or it is the bytes of an object. */
function isShort({ statusCode, headers }: Answer, commandName: string | undefined): boolean {
  if (commandName === 'GetObjectCommand' && statusCode < 300) return true;
  return commandName !== 'ListObjectVersionsCommand' && Number(headers['content-length'] ?? Number.NaN) <= MAX_ANSWER_BYTES;
}

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** Looks at each character once, whatever a hostile endpoint leaves open. */
const ENTRY_TOKENS = /<(?:Version|DeleteMarker)>|<(Key|VersionId)>([^<]*)/g;

/** Key and version of each entry, as they stand in the listing. */
function orderIn(xml: string): readonly string[] {
  const entries: { Key?: string; VersionId?: string }[] = [];
  for (const [, field, text] of xml.matchAll(ENTRY_TOKENS)) {
    const entry = entries.at(-1);
    if (field === undefined) entries.push({});
    else if (entry !== undefined && (field === 'Key' || field === 'VersionId')) entry[field] ??= text ?? '';
  }
  return entries.map(({ Key = '', VersionId = '' }) => `${Key}\n${VersionId}`);
}
