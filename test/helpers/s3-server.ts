import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FaultPlan, type FaultTimes } from './fault-plan.ts';
import { answerWith, corrupted, failBefore, type HttpAnswer, type HttpFault } from './http-faults.ts';
import { type S3Answer, S3Refusal } from './s3-server-answer.ts';
import { Bucket, type BucketOptions } from './s3-server-bucket.ts';
import { ByteStore } from './s3-server-bytes.ts';
import { S3Call, type S3Place } from './s3-server-call.ts';
import { checkBucket, checkForm, operationOf, type S3Operation } from './s3-server-operations.ts';
import { readRequest, type S3Request } from './s3-server-request.ts';
import { authenticate } from './s3-server-sigv4.ts';
import { S3Tampering } from './s3-server-tampering.ts';
import { renderError } from './s3-server-xml.ts';
import type { AwsPrincipal } from './sigv4.ts';
import { Violation } from './violation.ts';

/** What goes wrong with a request: as on any way to S3, or the body of another version than the one asked for. */
export type S3Fault = HttpFault | { readonly kind: 'other-version'; readonly version: string };

/** A request that reached the server. */
export interface S3RequestSeen {
  /** From 1. */
  readonly number: number;
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  operation?: S3Operation;
  bucket: string;
  key: string;
  version?: string | undefined;
  /** Who asked, once that is proven. */
  arn?: string;
  status?: number;
  /** Of the body of the request, bytes. */
  bytesIn: number;
  /** Of the body of the answer, bytes. */
  bytesOut: number;
}

/** Which requests a fault is for. */
export type S3FaultTarget = S3Operation | '*' | ((request: S3RequestSeen) => boolean);

/** How a server is set up. */
export interface S3ServerOptions {
  readonly region?: string;
  /** TLS key and certificate, PEM. */
  readonly tls?: { readonly key: string; readonly cert: string };
  readonly clock?: () => Date;
  /** Bytes of every part of an upload but the last; 5 MiB as S3 has it, unless given. */
  readonly minPartSize?: number;
}

const ACCOUNT = '111122223333';

/** The principal that may do everything. */
export const S3_ADMIN: AwsPrincipal = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  arn: `arn:aws:iam::${ACCOUNT}:user/admin`,
  allow: ['*'],
};

/**
 * S3 as far as mlsign needs it, over a real socket and as AWS documents it: Signature Version 4 checked with the secret key,
 * permissions, versions, checksums, uploads in parts, conditions, locks. It is strict: a header, a parameter, an operation or
 * an element that it does not know is a violation, and {@link S3Server.stop} fails on any.
 */
export class S3Server {
  readonly region: string;
  readonly principals: AwsPrincipal[] = [S3_ADMIN];
  readonly buckets = new Map<string, Bucket>();
  readonly seen: S3RequestSeen[] = [];
  readonly #faults = new FaultPlan<S3RequestSeen, S3Fault>();
  readonly #kmsKeys = new Map<string, string>();
  readonly #headers = new Set<string>();
  readonly #violations: string[] = [];
  readonly #directory = mkdtempSync(join(tmpdir(), 'mlsign-s3-'));
  readonly #place: S3Place;
  readonly #server: Server;

  private constructor({ region = 'eu-central-1', tls, clock = () => new Date(), minPartSize = 5 * 1024 * 1024 }: S3ServerOptions) {
    this.region = region;
    const store = new ByteStore(this.#directory);
    this.#place = { isSecure: tls !== undefined, minPartSize, clock, store, buckets: this.buckets, kmsKeys: this.#kmsKeys };
    this.#server = tls === undefined ? createServer() : createTlsServer({ ...tls });
    // Longer than any test: a connection that ends while a request is sent on it looks like a fault.
    this.#server.keepAliveTimeout = 600_000;
    const serve = (awaitsContinue: boolean) => (request: IncomingMessage, response: ServerResponse) => {
      this.#serve(request, response, awaitsContinue).catch((error) => this.#violations.push(String(error)));
    };
    this.#server.on('request', serve(false));
    this.#server.on('checkContinue', serve(true));
  }

  static async start(options: S3ServerOptions = {}): Promise<S3Server> {
    const server = new S3Server(options);
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get endpoint(): string {
    return `${this.#place.isSecure ? 'https' : 'http'}://127.0.0.1:${this.port}`;
  }

  /** Makes a bucket, versioned unless told otherwise. */
  addBucket(name: string, options: BucketOptions = {}): Bucket {
    const bucket = new Bucket(name, { region: this.region, owner: ACCOUNT }, options);
    this.buckets.set(name, bucket);
    return bucket;
  }

  /** What others do in a bucket behind the API. */
  behind(bucket: string): S3Tampering {
    const found = this.buckets.get(bucket);
    if (found === undefined) throw new Error(`there is no bucket ${bucket}`);
    return new S3Tampering(found, this.#place.clock);
  }

  /** Makes a key of KMS that objects can be encrypted with. */
  addKmsKey(alias: string): { readonly id: string; readonly arn: string } {
    const id = randomUUID();
    const arns = `arn:aws:kms:${this.region}:${ACCOUNT}`;
    for (const name of [id, `${arns}:key/${id}`, `alias/${alias}`, `${arns}:alias/${alias}`]) this.#kmsKeys.set(name, `${arns}:key/${id}`);
    return { id, arn: `${arns}:key/${id}` };
  }

  /** Adds someone who may do some things: actions, each alone as `s3:GetObject` or with a resource as `s3:GetObject bucket/prefix/*`. */
  addPrincipal(name: string, allow: readonly string[], more: Partial<AwsPrincipal> = {}): AwsPrincipal {
    const number = String(this.principals.length).padStart(4, '0');
    const arn = `arn:aws:iam::${ACCOUNT}:user/${name}`;
    const principal = { accessKeyId: `AKIATEST${number}`, secretAccessKey: `secret-of-${name}-${number}`, arn, allow, ...more };
    this.principals.push(principal);
    return principal;
  }

  /** What was asked for so far, by name; forgets it. */
  takeSeen(): readonly string[] {
    return this.seen.splice(0).map(({ operation }) => operation ?? 'unknown');
  }

  /** Takes headers that the SDK does not send, but a proxy or another client does. */
  allowHeaders(...names: readonly string[]): void {
    for (const name of names) this.#headers.add(name);
  }

  /** Makes requests fail. */
  fail(target: S3FaultTarget, fault: S3Fault, times: FaultTimes = {}): void {
    const isMeant = typeof target === 'function' ? target : ({ operation }: S3RequestSeen) => target === '*' || target === operation;
    this.#faults.add(isMeant, fault, times);
  }

  /** Ends all faults. */
  heal(): void {
    this.#faults.clear();
  }

  /** The violations so far; forgets them. */
  takeViolations(): readonly string[] {
    return this.#violations.splice(0);
  }

  /** Ends the server, and fails where a client did what S3 does not know. */
  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
    rmSync(this.#directory, { recursive: true, force: true });
    if (this.#violations.length > 0) throw new Error(`the S3 server saw: ${this.#violations.join('; ')}`);
  }

  async #serve(message: IncomingMessage, response: ServerResponse, awaitsContinue: boolean): Promise<void> {
    const { method = '', url = '', headers } = message;
    const seen: S3RequestSeen = { number: this.seen.length + 1, method, url, headers, bucket: '', key: '', bytesIn: 0, bytesOut: 0 };
    this.seen.push(seen);
    response.setHeader('date', this.#place.clock().toUTCString());
    response.setHeader('x-amz-request-id', String(seen.number).padStart(16, '0'));
    let fault: S3Fault | undefined;
    let hasRead = false;
    const read = async function* (): AsyncGenerator<Uint8Array> {
      hasRead = true;
      if (awaitsContinue) response.writeContinue();
      const chunks = message.iterator({ destroyOnReturn: false });
      const middle = Math.floor(Number(headers['content-length'] ?? 0) / 2);
      for await (const chunk of fault?.kind === 'corrupt-request' ? corrupted(chunks, fault.offset ?? middle) : chunks) {
        seen.bytesIn += chunk.length;
        yield chunk;
      }
    };
    let answer: HttpAnswer;
    try {
      const request = readRequest(message, read());
      const operation = operationOf(request);
      Object.assign(seen, { operation: operation.name, bucket: request.bucket, key: request.key, version: request.query.get('versionId') });
      checkForm(request, operation, this.#headers);
      fault = this.#faults.take(seen);
      if (await failBefore(asHttp(fault), response)) return;
      const call = this.#admit(request, seen);
      answer = httpAnswer(await operation.run(call));
      if (fault?.kind === 'other-version') answer = otherVersion(call, answer, fault.version);
    } catch (error) {
      // Of a client that went away there is nothing to say.
      if (message.errored !== null || response.destroyed) return;
      answer = this.#refuse(error);
    }
    if (awaitsContinue && !hasRead) response.setHeader('connection', 'close');
    seen.status = answer.status;
    seen.bytesOut = method === 'HEAD' ? 0 : answer.size;
    await answerWith(asHttp(fault), response, answer);
  }

  /** Checks who asks, and for which bucket. */
  #admit(request: S3Request, seen: S3RequestSeen): S3Call {
    const principal = authenticate(request, this.principals, { region: this.region, now: this.#place.clock() });
    seen.arn = principal.arn;
    const bucket = checkBucket(this.buckets.get(request.bucket), request, this.region);
    if (Buffer.byteLength(request.key) > 1024) throw new S3Refusal(400, 'KeyTooLongError', 'Your key is too long');
    return new S3Call(request, bucket, this.#place, principal);
  }

  #refuse(error: unknown): HttpAnswer {
    if (error instanceof S3Refusal) {
      const { status, code, message, fields, headers } = error;
      const body = Buffer.from(renderError([['Code', code], ['Message', message], ...fields, ['RequestId', 'test'], ['HostId', 'test']]));
      return { status, headers: { ...headers, 'content-type': 'application/xml' }, body, size: body.length };
    }
    // What is no violation is a mistake of this server: it fails the test as well.
    this.#violations.push(error instanceof Violation ? error.message : String(error instanceof Error ? error.stack : error));
    return this.#refuse(new S3Refusal(400, 'TestServerViolation', 'the test server does not know this'));
  }
}

function asHttp(fault: S3Fault | undefined): HttpFault | undefined {
  return fault?.kind === 'other-version' ? undefined : fault;
}

function httpAnswer({ status, headers, body = '' }: S3Answer): HttpAnswer {
  if (typeof body !== 'string') return { status, headers, body: body.read(), size: body.size };
  const bytes = Buffer.from(body);
  return { status, headers, body: bytes, size: bytes.length };
}

/** The same range of another version, under the name of the one that was asked for. */
function otherVersion({ bucket, key }: S3Call, answer: HttpAnswer, id: string): HttpAnswer {
  const bytes = bucket.versions(key).find((version) => version.id === id)?.content?.bytes;
  if (bytes === undefined) throw new Error(`there is no version ${id} of ${key}`);
  const [, first = '0', last = String(bytes.size - 1)] = /^bytes (\d+)-(\d+)/.exec(String(answer.headers['content-range'])) ?? [];
  const range = bytes.slice(Number(first), Number(last) + 1);
  return { ...answer, body: range.read(), size: range.size };
}
