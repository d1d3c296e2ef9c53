import { AnswerMalformed } from './failure.ts';

/** Whether the body of an answer is bytes that are yet to come. */
export function isBytes(body: unknown): body is AsyncIterable<Uint8Array> {
  return typeof body === 'object' && body !== null && Symbol.asyncIterator in body;
}

/**
 * The bytes of an answer, up to a limit that no honest one reaches.
 *
 * @throws AnswerMalformed beyond it
 */
export async function* limited(body: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<Uint8Array> {
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > maxBytes) throw new AnswerMalformed();
    yield chunk;
  }
}
