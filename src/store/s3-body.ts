import { Readable } from 'node:stream';
import { AnswerMalformed } from '../aws/index.ts';

const SLICE = 256 * 1024;

/** How many times as long the end of a body may take: the system still has megabytes of it when we have given the last byte away. */
export const BODY_PATIENCE = 2;

/** A body that is made anew for each attempt. */
export interface ReadableBody {
  readonly stream: (alive: () => void) => Readable;
}

/**
 * A body that is sent in slices, made anew for each attempt: of one large piece TLS would make a second one, and nothing would
 * be heard of it until it is all gone.
 */
export function slicedBody(bytes: Uint8Array): ReadableBody {
  return {
    stream: (alive) => {
      let at = 0;
      return new Readable({
        highWaterMark: SLICE,
        read() {
          alive();
          const end = Math.min(bytes.length, at + SLICE);
          this.push(at === end ? null : Buffer.from(bytes.buffer, bytes.byteOffset + at, end - at));
          at = end;
        },
      });
    },
  };
}

/**
 * Reads a body that must have exactly as many bytes as there is room for.
 *
 * @throws AnswerMalformed where it has more or fewer
 */
export function readBody(body: unknown, into: Uint8Array, alive: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    if (!isEmitter(body)) {
      reject(new AnswerMalformed());
      return;
    }
    let length = 0;
    body.on('data', (chunk: Uint8Array) => {
      alive();
      if (length + chunk.length > into.length) {
        body.destroy();
        reject(new AnswerMalformed());
        return;
      }
      into.set(chunk, length);
      length += chunk.length;
    });
    body.on('error', reject);
    body.on('end', () => (length === into.length ? resolve() : reject(new AnswerMalformed())));
    body.on('close', () => reject(new AnswerMalformed()));
  });
}

/** Ends a body that nobody reads to its end. */
export function destroy(body: unknown): void {
  if (isEmitter(body)) {
    body.on('error', () => undefined);
    body.destroy();
  }
}

function isEmitter(body: unknown): body is Readable {
  return typeof body === 'object' && body !== null && 'on' in body && 'destroy' in body;
}
