import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Clock,
  decodeUtf8,
  interrupted,
  type JsonValue,
  MlsignError,
  parseJson,
  refused,
  systemClock,
  throwIfAborted,
  unavailable,
} from '../core/index.ts';
import { networkReason } from './network-reason.ts';
import { redact } from './redact.ts';

/** One attempt that failed and will be repeated. */
export interface ServiceRetry {
  /** What was asked: `Fulcio`. */
  readonly action: string;
  readonly reason: string;
  /** The number of the attempt that failed, from 1. */
  readonly attempt: number;
  readonly waitMs: number;
}

/** How services are reached. */
export interface ServiceOptions {
  readonly fetch: typeof fetch;
  /** Told of every attempt that is repeated. */
  readonly onRetry?: ((retry: ServiceRetry) => void) | undefined;
  /** Attempts in all; 4 unless given. */
  readonly attempts?: number | undefined;
  /** How long an answer may take; what suits the service unless given. */
  readonly timeoutMs?: number | undefined;
  readonly wait?: ((ms: number, signal?: AbortSignal) => Promise<void>) | undefined;
  /** From 0 to 1: spreads those who were refused together. */
  readonly random?: (() => number) | undefined;
  readonly clock?: Clock | undefined;
}

/** One question to a service. */
export interface ServiceCall {
  /** Who is asked, in words: `Fulcio`, `the transparency log`. */
  readonly service: string;
  readonly url: string;
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array<ArrayBuffer> | undefined;
  readonly timeoutMs: number;
  /** What no error may repeat. */
  readonly secrets?: readonly string[] | undefined;
  /** Statuses besides success that the caller understands. */
  readonly expected?: readonly number[] | undefined;
  /** The code of an error that says no. */
  readonly refusedCode: string;
  /** What the user can do where the service says no. */
  readonly suggestions?: readonly string[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** An answer, read whole. */
export interface ServiceAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array;
}

// Certificates, log entries and timestamps take a few kilobytes.
const MAX_ANSWER_BYTES = 1024 * 1024;
const ATTEMPTS = 4;
const BASE_WAIT_MS = 500;
const MAX_WAIT_MS = 30_000;
const JSON_LIMITS = { maxBytes: MAX_ANSWER_BYTES, maxDepth: 32, maxValues: 20_000 };

/** An attempt that failed; whether another one may end otherwise, and how long the service asks to wait before it. */
interface Failure {
  readonly reason: string;
  readonly passing: boolean;
  readonly afterMs?: number | undefined;
  readonly cause?: unknown;
}

/**
 * Asks a service, again where the failure may pass by itself: no connection, no answer in time, 408, 429, 5xx. Redirects are
 * not followed: a question may hold a secret.
 *
 * @throws MlsignError `service-unavailable`; the call's own code where the service says no; `interrupted`
 */
export async function callService(call: ServiceCall, options: ServiceOptions): Promise<ServiceAnswer> {
  const { attempts = ATTEMPTS, wait = pause, random = Math.random, onRetry } = options;
  for (let attempt = 1; ; attempt++) {
    throwIfAborted(call.signal);
    const answer = await tryOnce(call, options);
    if ('status' in answer) return answer;
    // Half of the wait is certain.
    const backoff = BASE_WAIT_MS * 2 ** (attempt - 1) * (0.5 + random() / 2);
    const waitMs = Math.round(Math.max(backoff, answer.afterMs ?? 0));
    if (!answer.passing || attempt >= attempts || waitMs > MAX_WAIT_MS) throw unreachable(call, answer, attempt);
    onRetry?.({ action: call.service, reason: answer.reason, attempt, waitMs });
    await wait(waitMs, call.signal).catch(() => Promise.reject(interrupted()));
  }
}

/** Asks a service that answers in JSON. */
export async function callJsonService(call: ServiceCall, options: ServiceOptions): Promise<ServiceAnswer & { readonly json: JsonValue }> {
  const answer = await callService(call, options);
  return { ...answer, json: parseAnswer(call, answer) };
}

function parseAnswer(call: ServiceCall, { body }: ServiceAnswer): JsonValue {
  try {
    return parseJson(body, placeOf(call), JSON_LIMITS);
  } catch {
    // What stood there instead could be anything, a repeated secret included.
    throw wrongContent(call, 'something that is not JSON');
  }
}

/** The error for an answer of a kind that the service does not give: a proxy's page, most likely. */
export function wrongContent(call: ServiceCall, got: string): MlsignError {
  return unavailable('service-response-malformed', `${call.service} answered with ${got}`, {
    subject: placeOf(call),
    suggestions: ['check the URL; a proxy or a login page may stand before the service'],
  });
}

/** The URL without its query, which may hold what no error should show. */
function placeOf({ url }: ServiceCall): string {
  return url.replace(/[?#].*$/s, '');
}

async function tryOnce(call: ServiceCall, options: ServiceOptions): Promise<ServiceAnswer | Failure> {
  const timeout = AbortSignal.timeout(options.timeoutMs ?? call.timeoutMs);
  const signal = call.signal === undefined ? timeout : AbortSignal.any([call.signal, timeout]);
  try {
    const { url, method, headers } = call;
    const response = await options.fetch(url, {
      method,
      headers,
      redirect: 'manual',
      signal,
      ...(call.body === undefined ? {} : { body: call.body }),
    });
    const body = await readBody(response);
    if (body === undefined) throw wrongContent(call, `more than ${MAX_ANSWER_BYTES} bytes`);
    return judge(call, { status: response.status, headers: response.headers, body }, (options.clock ?? systemClock)());
  } catch (error) {
    throwIfAborted(call.signal);
    if (error instanceof MlsignError) throw error;
    if (timeout.aborted) return { reason: `no answer within ${(options.timeoutMs ?? call.timeoutMs) / 1000} seconds`, passing: true };
    return { ...networkReason(error), cause: error };
  }
}

function judge(call: ServiceCall, answer: ServiceAnswer, now: Date): ServiceAnswer | Failure {
  const { status, headers } = answer;
  if ((status >= 200 && status < 300) || call.expected?.includes(status)) return answer;
  const told = reasonOf(answer);
  const reason = redact(told === '' ? `status ${status}` : `status ${status}: ${told}`, call.secrets);
  if (status === 408 || status === 429 || status >= 500)
    return { reason, passing: true, afterMs: retryAfter(headers.get('retry-after'), now) };
  if (status >= 300 && status < 400) throw wrongContent(call, `a redirect (status ${status}), which is not followed`);
  throw refused(call.refusedCode, `${call.service} says no: ${reason}`, { subject: placeOf(call), suggestions: call.suggestions });
}

function unreachable(call: ServiceCall, { reason, afterMs, cause }: Failure, attempts: number): MlsignError {
  const tries = attempts === 1 ? 'once' : `${attempts} times`;
  const later = afterMs !== undefined && afterMs > MAX_WAIT_MS ? `, which asks to wait ${Math.ceil(afterMs / 1000)} seconds` : '';
  return unavailable('service-unavailable', `${call.service} cannot be used${later}: ${reason} (tried ${tries})`, {
    subject: placeOf(call),
    suggestions: ['check the URL, the network and the proxy (HTTPS_PROXY, NO_PROXY)', 'try again later: nothing was written'],
    cause,
  });
}

async function readBody(response: Response): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > MAX_ANSWER_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** What the service says, in one line: the message of gRPC gateways and OpenAPI servers, OAuth's description, or plain text. */
function reasonOf({ headers, body }: ServiceAnswer): string {
  const text = decodeUtf8(body) ?? '';
  const type = headers.get('content-type') ?? '';
  const told = /\bjson\b/.test(type) ? reasonInJson(text) : /^text\/plain\b/.test(type) ? text : '';
  return told.replace(/\s+/g, ' ').trim().slice(0, 500);
}

function reasonInJson(text: string): string {
  try {
    const value = JSON.parse(text);
    const [first = ''] = [value?.message, value?.error_description, value?.error].filter((field) => typeof field === 'string');
    return first;
  } catch {
    return '';
  }
}

/** RFC 9110 §10.2.3: seconds, or a date. */
function retryAfter(value: string | null, now: Date): number | undefined {
  if (value === null) return undefined;
  const ms = /^\d{1,9}$/.test(value) ? Number(value) * 1000 : new Date(value).getTime() - now.getTime();
  return Number.isNaN(ms) || ms < 0 ? undefined : ms;
}

async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  await sleep(ms, undefined, signal === undefined ? {} : { signal });
}
