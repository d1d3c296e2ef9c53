import { once } from 'node:events';
import { Agent, type ClientRequest, createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, Agent as TlsAgent, request as tlsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { FaultPlan, type FaultTimes } from './fault-plan.ts';
import { answerWith, corrupted, failBefore, type HttpAnswer, type HttpFault } from './http-faults.ts';

/** A request that came to the proxy. */
export interface ProxiedRequest {
  /** From 1, since the proxy began to count. */
  readonly number: number;
  readonly method: string;
  readonly url: string;
}

/** How a proxy is set up. */
export interface FaultProxyOptions {
  /** TLS key and certificate that the proxy shows, PEM. */
  readonly tls?: { readonly key: string; readonly cert: string };
  /** Certificates that the server behind it is believed by, PEM. */
  readonly ca?: string;
}

/**
 * Stands before a server of S3, and spoils what passes. Requests reach the server as the client sent them, their `Host`
 * above all, since they are signed.
 */
export class FaultProxy {
  /** What came since the proxy began to count. */
  readonly requests: ProxiedRequest[] = [];
  readonly #faults = new FaultPlan<ProxiedRequest, HttpFault>();
  readonly #upstream: URL;
  readonly #agent: Agent;
  readonly #server: Server;
  readonly #scheme: string;

  private constructor(upstream: string, { tls, ca }: FaultProxyOptions) {
    this.#upstream = new URL(upstream);
    this.#agent = this.#upstream.protocol === 'https:' ? new TlsAgent({ keepAlive: true, ca }) : new Agent({ keepAlive: true });
    this.#server = tls === undefined ? createServer() : createTlsServer({ ...tls });
    this.#scheme = tls === undefined ? 'http' : 'https';
    this.#server.keepAliveTimeout = 600_000;
    this.#server.on('request', (message, response) => void this.#pass(message, response));
  }

  /** @param upstream the endpoint of the server */
  static async start(upstream: string, options: FaultProxyOptions = {}): Promise<FaultProxy> {
    const proxy = new FaultProxy(upstream, options);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  /** The endpoint for clients. */
  get endpoint(): string {
    return `${this.#scheme}://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Spoils requests: the one with this number, or those that are meant. */
  fail(target: number | ((request: ProxiedRequest) => boolean), fault: HttpFault, times?: FaultTimes): void {
    this.#faults.add(typeof target === 'number' ? ({ number }) => number === target : target, fault, times);
  }

  /** Ends all faults, and counts from 1 again. */
  heal(): void {
    this.#faults.clear();
    this.requests.length = 0;
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    this.#agent.destroy();
    await once(this.#server, 'close');
  }

  async #pass(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '' } = message;
    const seen = { number: this.requests.length + 1, method, url };
    this.requests.push(seen);
    const fault = this.#faults.take(seen);
    try {
      if (await failBefore(fault, response)) return;
      const answer = await this.#forward(message, fault);
      await answerWith(fault, response, answer);
    } catch {
      // The client or the server went away; so does the other.
      response.socket?.resetAndDestroy();
    }
  }

  /** Sends a request on; the answer is one that the server has begun, and where a fault hides it, ended. */
  async #forward(message: IncomingMessage, fault: HttpFault | undefined): Promise<HttpAnswer> {
    const { hostname, port, protocol } = this.#upstream;
    const send = protocol === 'https:' ? tlsRequest : request;
    const headers = withoutHeader(message.rawHeaders, 'expect');
    const forwarded = send({ hostname, port, method: message.method, path: message.url, headers, agent: this.#agent, setHost: false });
    const middle = Math.floor(Number(message.headers['content-length'] ?? 0) / 2);
    const chunks = message.iterator({ destroyOnReturn: false });
    const body = fault?.kind === 'corrupt-request' ? corrupted(chunks, fault.offset ?? middle) : chunks;
    // A server may answer before it has read everything.
    pipeline(body, forwarded).catch((error: Error) => forwarded.destroy(error));
    const answer = await answerTo(forwarded);
    const { 'content-length': length, 'transfer-encoding': _, connection: _c, 'keep-alive': _k, ...kept } = answer.headers;
    const { statusCode: status = 502 } = answer;
    if (message.method === 'HEAD') answer.resume();
    else if (length === undefined || fault?.kind.endsWith('-after')) {
      // What comes in chunks is small: listings and errors.
      const whole = await buffer(answer);
      return { status, headers: kept, body: whole, size: whole.length };
    }
    return { status, headers: kept, body: answer, size: Number(length ?? 0) };
  }
}

function answerTo(forwarded: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    forwarded.on('response', resolve);
    forwarded.on('error', reject);
  });
}

function withoutHeader(raw: readonly string[], name: string): string[] {
  return raw.filter((_, index) => raw[index - (index % 2)]?.toLowerCase() !== name);
}
