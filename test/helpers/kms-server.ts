import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { KmsRefusal } from './kms-server-keys.ts';
import { KmsAccount, type KmsOperation } from './kms-server-operations.ts';
import { authenticate } from './kms-server-sigv4.ts';
import type { AwsPrincipal } from './sigv4.ts';
import { Violation } from './violation.ts';

/** What goes wrong with a request instead of an answer. */
export type KmsFaultKind =
  /** An error of the service. */
  | { readonly kind: 'error'; readonly type: string; readonly message?: string; readonly status?: number }
  /** The connection is cut: before the answer, or in the middle of it. */
  | { readonly kind: 'reset' | 'reset-midway' }
  /** No answer ever; or its head alone; or one without an end. */
  | { readonly kind: 'stall' | 'stall-midway' | 'endless' }
  /** Something that is not the protocol, as a proxy or a captive portal gives it. */
  | { readonly kind: 'raw'; readonly status: number; readonly contentType: string; readonly body: string }
  /** An answer that was changed. */
  | { readonly kind: 'change'; readonly change: (answer: Record<string, unknown>) => Record<string, unknown> };

/** A fault at some requests: the next `times` of an operation. */
export type KmsFault = KmsFaultKind & { readonly operation: KmsOperation; readonly times: number };

/** One request that reached the server. */
export interface KmsRequestSeen {
  readonly operation: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly arn: string | undefined;
}

/** How a server is set up. */
export interface KmsServerOptions {
  readonly region?: string;
  /** TLS key and certificate, PEM. */
  readonly tls?: { readonly key: string; readonly cert: string };
  readonly clock?: () => Date;
}

const HEADERS = [
  'accept',
  'accept-encoding',
  'amz-sdk-invocation-id',
  'amz-sdk-request',
  'authorization',
  'connection',
  'content-length',
  'content-type',
  'host',
  'user-agent',
  'x-amz-content-sha256',
  'x-amz-date',
  'x-amz-security-token',
  'x-amz-target',
  'x-amz-user-agent',
];

/** The principal that may do everything. */
export const ADMIN: AwsPrincipal = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  arn: 'arn:aws:iam::111122223333:user/admin',
  allow: ['kms:*'],
};

/**
 * AWS KMS as far as signing goes, over a real socket: the JSON 1.1 protocol, Signature Version 4 checked with the secret
 * key, every asymmetric signing key spec, AWS's own errors. It is strict: a header, an operation or a parameter that it
 * does not know is a violation, and {@link KmsServer.stop} fails on any.
 */
export class KmsServer {
  readonly region: string;
  readonly principals: AwsPrincipal[] = [ADMIN];
  readonly faults: KmsFault[] = [];
  readonly seen: KmsRequestSeen[] = [];
  readonly account: KmsAccount;
  readonly #headers = new Set(HEADERS);
  readonly #violations: string[] = [];
  readonly #server: Server;
  readonly #scheme: string;
  readonly #clock: () => Date;

  private constructor({ region = 'eu-central-1', tls, clock = () => new Date() }: KmsServerOptions) {
    this.region = region;
    this.#clock = clock;
    this.account = new KmsAccount({ region, account: '111122223333', clock });
    const listen = (request: IncomingMessage, response: ServerResponse) => void this.#serve(request, response);
    this.#server = tls === undefined ? createServer(listen) : createTlsServer({ ...tls }, listen);
    // Five seconds, as by default, end on a busy machine just when the next request is on its way.
    this.#server.keepAliveTimeout = 60_000;
    this.#scheme = tls === undefined ? 'http' : 'https';
  }

  static async start(options: KmsServerOptions = {}): Promise<KmsServer> {
    const server = new KmsServer(options);
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get endpoint(): string {
    return `${this.#scheme}://127.0.0.1:${this.port}`;
  }

  /** What was asked for so far, by name; forgets it. */
  takeSeen(): readonly string[] {
    return this.seen.splice(0).map(({ operation }) => operation);
  }

  /** Takes headers that the SDK does not send, but a proxy or another client does. */
  allowHeaders(...names: readonly string[]): void {
    for (const name of names) this.#headers.add(name);
  }

  /** Makes requests fail. */
  fail(operation: KmsOperation, fault: KmsFaultKind, times = Number.POSITIVE_INFINITY): void {
    this.faults.push({ ...fault, operation, times });
  }

  /** Ends the server, and fails where a client did what KMS does not know. */
  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
    if (this.#violations.length > 0) throw new Error(`the KMS server saw: ${this.#violations.join('; ')}`);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setHeader('date', this.#clock().toUTCString());
    try {
      const body = await buffer(request);
      this.#checkForm(request);
      const operation = /^TrentService\.(\w+)$/.exec(String(request.headers['x-amz-target']))?.[1];
      if (operation === undefined) throw new Violation(`the target ${request.headers['x-amz-target']}`);
      const answer = this.#answer(operation, request, body);
      const fault = this.#takeFault(operation);
      if (fault === undefined) send(response, 200, await answer());
      else await this.#misbehave(fault, response, answer);
    } catch (error) {
      if (error instanceof KmsRefusal) return sendError(response, error.status, error.type, error.message);
      this.#violations.push(error instanceof Error ? error.message : String(error));
      sendError(response, 400, 'ValidationException', 'the test server does not know this');
    }
  }

  #checkForm({ method, url, headers }: IncomingMessage): void {
    if (method !== 'POST' || url !== '/') throw new Violation(`${method} ${url}`);
    if (headers['content-type'] !== 'application/x-amz-json-1.1') throw new Violation(`content-type ${headers['content-type']}`);
    const odd = Object.keys(headers).filter((name) => !this.#headers.has(name));
    if (odd.length > 0) throw new Violation(`the headers ${odd.join(', ')}`);
    if (headers.host !== `127.0.0.1:${this.port}`) throw new Violation(`host ${headers.host}`);
  }

  /** Checks who asks; what it returns does what is asked. */
  #answer(operation: string, request: IncomingMessage, body: Buffer): () => Promise<Record<string, unknown>> {
    const seen: { -readonly [K in keyof KmsRequestSeen]: KmsRequestSeen[K] } = {
      operation,
      body: JSON.parse(body.toString()),
      arn: undefined,
    };
    this.seen.push(seen);
    const principal = authenticate(request, body, this.principals, { region: this.region, now: this.#clock() });
    seen.arn = principal.arn;
    return async () => ({ ...this.account.perform(operation, body, principal) });
  }

  #takeFault(operation: string): KmsFault | undefined {
    const index = this.faults.findIndex((fault) => fault.operation === operation);
    const fault = this.faults[index];
    if (fault === undefined) return undefined;
    if (fault.times <= 1) this.faults.splice(index, 1);
    else this.faults[index] = { ...fault, times: fault.times - 1 };
    return fault;
  }

  async #misbehave(fault: KmsFaultKind, response: ServerResponse, answer: () => Promise<Record<string, unknown>>): Promise<void> {
    switch (fault.kind) {
      case 'error':
        return sendError(response, fault.status ?? 400, fault.type, fault.message ?? '');
      case 'reset':
        response.socket?.resetAndDestroy();
        return;
      case 'stall':
        return;
      case 'raw':
        response.writeHead(fault.status, { 'content-type': fault.contentType }).end(fault.body);
        return;
      case 'change':
        return send(response, 200, fault.change(await answer()));
      case 'reset-midway':
      case 'stall-midway': {
        const text = JSON.stringify(await answer());
        response.writeHead(200, { 'content-type': 'application/x-amz-json-1.1', 'content-length': text.length });
        response.write(text.slice(0, text.length / 2), () => fault.kind === 'reset-midway' && response.socket?.destroy());
        return;
      }
      case 'endless': {
        response.writeHead(200, { 'content-type': 'application/x-amz-json-1.1' });
        const more = () => {
          while (!response.destroyed && response.write(' '.repeat(65_536)));
        };
        response.on('drain', more);
        more();
      }
    }
  }
}

function send(response: ServerResponse, status: number, answer: Record<string, unknown>): void {
  response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-requestid': 'test' }).end(JSON.stringify(answer));
}

function sendError(response: ServerResponse, status: number, type: string, message: string): void {
  send(response, status, { __type: type, message });
}
