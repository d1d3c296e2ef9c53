import type { ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';

/** What goes wrong with a request to S3; `onFault` is called when it does. */
export type HttpFault = FaultKind & { readonly onFault?: () => unknown };

type FaultKind =
  /** The connection is cut: before anything was done; when it was done but nothing was answered; in the middle of the answer. */
  | { readonly kind: 'reset' | 'reset-after' | 'reset-midway' }
  /** No answer ever, likewise. */
  | { readonly kind: 'stall' | 'stall-after' | 'stall-midway' }
  /** Nothing but `onFault`: before it is done, or between that and the answer. */
  | { readonly kind: 'pass' | 'pass-after' }
  /** An error of the service; nothing was done. */
  | { readonly kind: 'error'; readonly status: number; readonly code: string; readonly message?: string }
  /** Something that is not the protocol, as a proxy or a captive portal gives it; nothing was done. */
  | { readonly kind: 'raw'; readonly status: number; readonly contentType: string; readonly body: string }
  /** It was done, but the answer that began with 200 tells of an error, as S3 does when it takes long to copy or to complete. */
  | { readonly kind: 'late-error'; readonly code: string }
  /** Half the body: and then the connection ends; or as if that were all. */
  | { readonly kind: 'truncated' | 'short' }
  /** One byte is another: of the body of the answer, or of that of the request. In its middle unless given. */
  | { readonly kind: 'corrupt' | 'corrupt-request'; readonly offset?: number }
  /** The answer says that it is another range. */
  | { readonly kind: 'wrong-range' };

/** Those that happen before anything is done. */
const BEFORE: readonly HttpFault['kind'][] = ['reset', 'stall', 'pass', 'error', 'raw', 'corrupt-request'];

export const INTERNAL_ERROR: HttpFault = { kind: 'error', status: 500, code: 'InternalError' };
export const SLOW_DOWN: HttpFault = { kind: 'error', status: 503, code: 'SlowDown', message: 'Please reduce your request rate.' };

/** An answer before it is sent. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Buffer | AsyncIterable<Uint8Array>;
  /** Of the body, bytes. */
  readonly size: number;
}

/** What a fault does before anything was done; whether that was all. */
export async function failBefore(fault: HttpFault | undefined, response: ServerResponse): Promise<boolean> {
  if (fault !== undefined && BEFORE.includes(fault.kind)) await fault.onFault?.();
  switch (fault?.kind) {
    case 'reset':
      response.socket?.resetAndDestroy();
      return true;
    case 'stall':
      return true;
    case 'error': {
      const { code, message = 'a fault of the test' } = fault;
      const body = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message><RequestId>F</RequestId></Error>`;
      await send(response, {
        status: fault.status,
        headers: { 'content-type': 'application/xml' },
        body: Buffer.from(body),
        size: body.length,
      });
      return true;
    }
    case 'raw': {
      const body = Buffer.from(fault.body);
      await send(response, { status: fault.status, headers: { 'content-type': fault.contentType }, body, size: body.length });
      return true;
    }
    default:
      return false;
  }
}

/** Sends an answer, or what a fault makes of it. */
export async function answerWith(fault: HttpFault | undefined, response: ServerResponse, answer: HttpAnswer): Promise<void> {
  if (fault !== undefined && !BEFORE.includes(fault.kind)) await fault.onFault?.();
  const isEmpty = answer.size === 0 || response.req.method === 'HEAD';
  switch (fault?.kind) {
    case 'reset-after':
      response.socket?.resetAndDestroy();
      return;
    case 'stall-after':
      return;
    case 'reset-midway':
    case 'stall-midway':
    case 'truncated': {
      if (!isEmpty) await sendHalf(response, answer);
      if (fault.kind === 'reset-midway') response.socket?.resetAndDestroy();
      if (fault.kind === 'truncated') response.socket?.end();
      return;
    }
    case 'short': {
      const size = Math.floor(answer.size / 2);
      return send(response, { ...answer, body: (await collect(answer.body)).subarray(0, size), size });
    }
    case 'corrupt':
      return send(response, { ...answer, body: corrupted(answer.body, fault.offset ?? Math.floor(answer.size / 2)) });
    case 'late-error': {
      const body = Buffer.from(
        `\n\n<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${fault.code}</Code><Message>late</Message></Error>`,
      );
      return send(response, { ...answer, body, size: body.length });
    }
    case 'wrong-range': {
      const range = String(answer.headers['content-range'] ?? '');
      const moved = range.replace(/^bytes (\d+)-(\d+)/, (_, first, last) => `bytes ${Number(first) + 1}-${Number(last) + 1}`);
      return send(response, range === '' ? answer : { ...answer, headers: { ...answer.headers, 'content-range': moved } });
    }
    default:
      return send(response, answer);
  }
}

/** A body, one byte of it another. */
export async function* corrupted(body: HttpAnswer['body'], offset: number): AsyncGenerator<Uint8Array> {
  let from = 0;
  for await (const chunk of chunksOf(body)) {
    const at = offset - from;
    from += chunk.length;
    if (at < 0 || at >= chunk.length) yield chunk;
    else {
      const copy = Buffer.from(chunk);
      copy.writeUInt8(copy.readUInt8(at) ^ 1, at);
      yield copy;
    }
  }
}

async function send(response: ServerResponse, { status, headers, body, size }: HttpAnswer): Promise<void> {
  writeHead(response, status, headers, size);
  if (response.req.method !== 'HEAD') for await (const chunk of chunksOf(body)) if (!(await write(response, chunk))) return;
  response.end();
}

async function sendHalf(response: ServerResponse, { status, headers, body, size }: HttpAnswer): Promise<void> {
  writeHead(response, status, headers, size);
  let left = Math.ceil(size / 2);
  for await (const chunk of chunksOf(body)) {
    const half = chunk.subarray(0, left);
    left -= half.length;
    if (!(await write(response, half)) || left === 0) return;
  }
}

function writeHead(response: ServerResponse, status: number, headers: HttpAnswer['headers'], size: number): void {
  for (const [name, value] of Object.entries(headers)) if (value !== undefined) response.setHeader(name, value);
  // An answer to HEAD tells of the body that there would be; 204 and 304 have none.
  if (status !== 204 && status !== 304) response.setHeader('content-length', size);
  response.writeHead(status);
}

/** Whether there is still somebody who reads. */
async function write(response: ServerResponse, chunk: Uint8Array): Promise<boolean> {
  return new Promise((resolve) => {
    const done = (isWritten: boolean) => {
      response.off('close', onClose);
      resolve(isWritten);
    };
    const onClose = () => done(false);
    if (response.destroyed) return resolve(false);
    // Of nothing, Node never says that it is written.
    if (chunk.length === 0) return resolve(true);
    response.once('close', onClose);
    response.write(chunk, (error) => done(error === undefined || error === null));
  });
}

async function* chunksOf(body: HttpAnswer['body']): AsyncGenerator<Uint8Array> {
  if (Buffer.isBuffer(body)) yield body;
  else yield* body;
}

async function collect(body: HttpAnswer['body']): Promise<Buffer> {
  return buffer(chunksOf(body));
}
