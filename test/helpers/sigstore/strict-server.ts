import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

/** One request, read whole. */
export interface Call {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

export type Handler = (call: Call) => Reply | Promise<Reply>;

/** What a real server answers with an error: nothing is wrong with the test. */
export class Refusal extends Error {
  readonly reply: Reply;

  constructor(reply: Reply) {
    super(`refused with ${reply.status}`);
    this.reply = reply;
  }
}

/** How a request goes wrong. */
export type Fault =
  /** Nobody listens. */
  | { readonly kind: 'refused' }
  /** The connection is reset once the request has been read. */
  | { readonly kind: 'reset' }
  /** The request is done, but the connection is reset before the answer is out. */
  | { readonly kind: 'lost' }
  /** The answer stops halfway. */
  | { readonly kind: 'cut' }
  /** No answer comes. */
  | { readonly kind: 'slow' }
  | { readonly kind: 'reply'; readonly reply: Reply }
  /** The right answer, changed. */
  | { readonly kind: 'change'; readonly change: (reply: Reply) => Reply };

export interface FaultPlan {
  readonly fault: Fault;
  /** `POST /path`; every request without it. */
  readonly route?: string;
  /** Requests that pass before it. */
  readonly skip?: number;
  /** Requests that it meets; all that follow without it. */
  readonly times?: number;
}

/** What every HTTP client may send. */
const COMMON_HEADERS = [
  'host',
  'connection',
  'content-length',
  'transfer-encoding',
  'accept',
  'accept-encoding',
  'accept-language',
  'sec-fetch-mode',
  'user-agent',
];

/** An HTTP server on loopback that notes every request that it does not know, and fails on request. */
export class StrictServer {
  readonly #server: Server;
  readonly #name: string;
  readonly #handlers = new Map<string, Handler>();
  readonly #waiting = new Set<ServerResponse>();
  #plans: { fault: Fault; route: string | undefined; skip: number; times: number }[] = [];
  #port = 0;
  /** Each request in turn: `POST /path`. */
  readonly requests: string[] = [];
  /** What a strict server would not have let pass. */
  readonly problems: string[] = [];

  private constructor(name: string) {
    this.#name = name;
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  static async start(name: string): Promise<StrictServer> {
    const server = new StrictServer(name);
    await server.#listen();
    return server;
  }

  async #listen(): Promise<void> {
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    const address = this.#server.address();
    if (typeof address === 'object' && address !== null) this.#port = address.port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get host(): string {
    return `127.0.0.1:${this.#port}`;
  }

  /** Answers a route: `POST /path`; a path that ends in `*` stands for all that begin so. */
  on(route: string, handler: Handler): void {
    this.#handlers.set(route, handler);
  }

  /** Plans a fault; several are met one after another. */
  async fail(plan: FaultPlan): Promise<void> {
    const { fault, route, skip = 0, times = Number.POSITIVE_INFINITY } = plan;
    if (fault.kind === 'refused' && skip === 0) return this.#stop();
    this.#plans.push({ fault, route, skip, times });
  }

  /** Takes back every fault and listens again. */
  async heal(): Promise<void> {
    this.#plans = [];
    if (!this.#server.listening) await this.#listen();
  }

  /** Stops, and throws where a request was not what a strict server takes. */
  async close(): Promise<void> {
    await this.#stop();
    if (this.problems.length > 0) throw new Error(`${this.#name}: ${this.problems.join('; ')}`);
  }

  async #stop(): Promise<void> {
    if (!this.#server.listening) return;
    for (const response of this.#waiting) response.destroy();
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const url = new URL(request.url ?? '/', this.url);
    const method = request.method ?? '';
    this.requests.push(`${method} ${url.pathname}`);
    const fault = this.#nextFault(`${method} ${url.pathname}`);
    if (fault?.kind === 'reset') return void request.socket.resetAndDestroy();
    if (fault?.kind === 'slow') return void this.#waiting.add(response);
    const call = { method, url, headers: request.headers, body: Buffer.concat(chunks) };
    const reply = fault?.kind === 'reply' ? fault.reply : await this.#answer(call);
    if (fault?.kind === 'lost') return void request.socket.resetAndDestroy();
    await this.#send(request, response, fault?.kind === 'change' ? fault.change(reply) : reply, fault?.kind === 'cut');
    if (this.#plans.some((plan) => plan.fault.kind === 'refused' && plan.skip === 0)) await this.#stop();
  }

  async #send(request: IncomingMessage, response: ServerResponse, reply: Reply, cut: boolean): Promise<void> {
    const body = Buffer.from(reply.body ?? '');
    response.writeHead(reply.status, { ...reply.headers, 'content-length': String(body.length) });
    if (!cut) {
      response.end(body);
      return;
    }
    response.write(body.subarray(0, body.length >> 1));
    await new Promise((resolve) => setTimeout(resolve, 20));
    request.socket.resetAndDestroy();
  }

  #nextFault(route: string): Fault | undefined {
    for (const plan of this.#plans) {
      if (plan.times === 0 || (plan.route !== undefined && plan.route !== route)) continue;
      if (plan.skip > 0) {
        plan.skip--;
        continue;
      }
      plan.times--;
      return plan.fault;
    }
    return undefined;
  }

  async #answer(call: Call): Promise<Reply> {
    const route = `${call.method} ${call.url.pathname}`;
    const handler =
      this.#handlers.get(route) ?? [...this.#handlers].find(([known]) => known.endsWith('*') && route.startsWith(known.slice(0, -1)))?.[1];
    try {
      if (handler === undefined) throw new Error(`unknown request ${route}`);
      return await handler(call);
    } catch (error) {
      if (error instanceof Refusal) return error.reply;
      const message = error instanceof Error ? error.message : String(error);
      this.problems.push(`${route}: ${message}`);
      return { status: 400, headers: { 'content-type': 'text/plain' }, body: `strict server: ${message}` };
    }
  }
}

/** A reply in JSON. */
export function json(status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): Reply {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(value) };
}

/** Requires exactly these headers beside the common ones, and nothing in the query but these parameters. */
export function expectRequest(call: Call, headers: Readonly<Record<string, string>>, query: readonly string[] = []): void {
  for (const name of Object.keys(call.headers)) {
    if (!COMMON_HEADERS.includes(name) && !(name in headers)) throw new Error(`unknown header ${name}`);
  }
  for (const [name, value] of Object.entries(headers)) {
    if (call.headers[name] !== value) throw new Error(`header ${name} is ${call.headers[name]}, not ${value}`);
  }
  expectKeys(Object.fromEntries(call.url.searchParams), query, 'query');
}

/** A JSON object with exactly these fields; `name?` may be left out. */
export function expectKeys(value: unknown, names: readonly string[], where: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`${where} is not an object`);
  const known = names.map((name) => name.replace(/\?$/, ''));
  for (const key of Object.keys(value)) if (!known.includes(key)) throw new Error(`${where} has an unknown field ${key}`);
  for (const name of names) if (!name.endsWith('?') && !(name in value)) throw new Error(`${where} has no ${name}`);
  return { ...value };
}

/** The text of a field. */
export function text(value: unknown, where: string): string {
  if (typeof value !== 'string' || value === '') throw new Error(`${where} is not a text`);
  return value;
}

/** The bytes of a base64 field. */
export function bytes(value: unknown, where: string): Buffer {
  const decoded = Buffer.from(text(value, where), 'base64');
  if (decoded.toString('base64') !== value) throw new Error(`${where} is not base64`);
  return decoded;
}

/** JSON whose keys are in order: RFC 8785 for what the logs hold. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([key, field]) => `${JSON.stringify(key)}:${canonicalJson(field)}`).join(',')}}`;
}
