import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { MlsignError } from '../../../src/core/index.ts';
import type { ServiceOptions, ServiceRetry } from '../../../src/sign/index.ts';
import type { Fault } from './strict-server.ts';

/** Services that are asked again at once, and what was told of it. */
export interface QuickServices extends ServiceOptions {
  readonly retries: ServiceRetry[];
  readonly waits: number[];
}

export function quickServices(options: Partial<ServiceOptions> = {}): QuickServices {
  const retries: ServiceRetry[] = [];
  const waits: number[] = [];
  return {
    fetch,
    random: () => 0,
    wait: async (ms) => void waits.push(ms),
    onRetry: (retry) => retries.push(retry),
    ...options,
    retries,
    waits,
  };
}

const HTML = { 'content-type': 'text/html' };

/** What may pass by itself: tried again, and given up in the end. Each with the reason that is told. */
export const PASSING_FAULTS: Readonly<Record<string, { readonly fault: Fault; readonly reason: RegExp }>> = {
  refused: { fault: { kind: 'refused' }, reason: /connection refused/ },
  reset: { fault: { kind: 'reset' }, reason: /connection (reset|closed)/ },
  lost: { fault: { kind: 'lost' }, reason: /connection (reset|closed)/ },
  cut: { fault: { kind: 'cut' }, reason: /connection (reset|closed)/ },
  /** With a time-out of 250 ms. */
  slow: { fault: { kind: 'slow' }, reason: /no answer within 0\.25 seconds/ },
  'too many': { fault: { kind: 'reply', reply: { status: 429, headers: { 'retry-after': '2' } } }, reason: /status 429/ },
  'server error': {
    fault: { kind: 'reply', reply: { status: 500, headers: { 'content-type': 'application/json' }, body: '{"message":"out of disk"}' } },
    reason: /status 500: out of disk/,
  },
  unavailable: { fault: { kind: 'reply', reply: { status: 503, headers: HTML, body: '<h1>maintenance</h1>' } }, reason: /status 503/ },
};

/** What is no answer of such a service: another attempt would get the same. */
export const WRONG_CONTENT: Readonly<Record<string, { readonly fault: Fault; readonly message: RegExp }>> = {
  'a page': {
    fault: { kind: 'reply', reply: { status: 200, headers: HTML, body: '<h1>please log in</h1>' } },
    message: / answered with something that is not /,
  },
  nothing: { fault: { kind: 'reply', reply: { status: 200 } }, message: / answered with something that is not / },
  'too much': {
    fault: { kind: 'reply', reply: { status: 200, headers: HTML, body: Buffer.alloc(1024 * 1024 + 1, 0x20) } },
    message: / answered with more than 1048576 bytes$/,
  },
  'a redirect': {
    fault: { kind: 'reply', reply: { status: 307, headers: { location: 'http://127.0.0.1:1/elsewhere' } } },
    message: / answered with a redirect \(status 307\), which is not followed$/,
  },
};

/** Matches an error that ends with exit code 3 and shows none of the secrets, not even within its causes. */
export function unavailableWithout(secrets: readonly string[], code: string, message: RegExp): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof MlsignError, inspect(error));
    assert.equal(error.outcome, 'unavailable', error.message);
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    assert.notEqual(error.suggestions.length, 0);
    assertWithout(secrets, error);
    return true;
  };
}

/** Asserts that nothing of a value shows a secret, or the greater part of one. */
export function assertWithout(secrets: readonly string[], value: unknown): void {
  const shown = inspect(value, { depth: 10, showHidden: true, maxStringLength: null });
  for (const secret of secrets) {
    for (const part of [secret, secret.slice(0, 40), secret.slice(-40)]) assert.ok(!shown.includes(part), `a secret is shown: ${shown}`);
  }
}
