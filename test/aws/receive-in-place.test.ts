import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import http, { type Agent, type IncomingMessage, type ServerResponse } from 'node:http';
import https from 'node:https';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { receiveInPlace } from '../../src/aws/receive-in-place.ts';
import { loopbackTls } from '../helpers/loopback-tls.ts';

const BODY = randomBytes(3_000_001);
const BYTES = 20_000;

/** Pieces of every size, also none, and larger than what is received at once. */
function* pieces(): Generator<Buffer> {
  for (let at = 0, size = 1; at < BODY.length; at += size, size = (size * 7 + 1) % 700_001) yield BODY.subarray(at, at + size);
}

for (const protocol of ['http', 'https'] as const) {
  describe(`a connection of ${protocol} that receives into one buffer`, () => {
    const { leafPem, leafKeyPem, rootPem } = loopbackTls();
    const client = protocol === 'http' ? http : https;
    let server: http.Server;
    let agent: Agent;
    let sockets: number;
    let sent: number;

    const answers: Readonly<Record<string, (response: ServerResponse) => unknown>> = {
      '/long': (response) => response.writeHead(200, { 'content-length': BODY.length }).end(BODY),
      '/chunked': (response) => {
        for (const piece of pieces()) response.write(piece);
        response.end();
      },
      '/empty': (response) => response.writeHead(204).end(),
      '/endless': (response) => {
        const write = (): void => {
          do sent += BODY.length;
          while (response.write(BODY));
        };
        response.on('drain', write);
        write();
      },
    };

    before(async () => {
      const serve = ({ url = '' }: IncomingMessage, response: ServerResponse) => void answers[url]?.(response);
      server = protocol === 'http' ? http.createServer(serve) : https.createServer({ key: leafKeyPem, cert: leafPem }, serve);
      server.on(protocol === 'http' ? 'connection' : 'secureConnection', () => sockets++);
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
    });
    beforeEach(() => {
      [sockets, sent] = [0, 0];
      agent = receiveInPlace(new client.Agent({ keepAlive: true, ca: rootPem } as http.AgentOptions), BYTES);
    });
    afterEach(() => agent.destroy());
    after(() => {
      server.closeAllConnections();
      server.close();
    });

    const open = async (path: string): Promise<IncomingMessage> => {
      const { port } = server.address() as AddressInfo;
      const [response] = await once(client.get({ host: '127.0.0.1', port, path, agent }), 'response');
      return response;
    };
    const read = async (path: string): Promise<Buffer> => {
      const chunks: Buffer[] = [];
      for await (const chunk of await open(path)) chunks.push(chunk);
      return Buffer.concat(chunks);
    };

    it('gives every byte as it was sent, also where several answer at once', async () => {
      for (const path of ['/long', '/chunked']) {
        const all = await Promise.all([read(path), read(path), read(path), read('/empty')]);
        assert.deepEqual(
          all.map((bytes) => bytes.equals(BODY)),
          [true, true, true, false],
          path,
        );
      }
      assert.ok(sockets <= 4, 'connections serve again');
    });

    it('has one buffer, however much comes', async () => {
      const response = await open('/long');
      const buffers = new Set<ArrayBufferLike>();
      response.socket.on('data', ({ buffer }: Buffer) => buffers.add(buffer));
      for await (const chunk of response) assert.ok(chunk.length <= BYTES);
      assert.deepEqual(
        [...buffers].map(({ byteLength }) => byteLength),
        [BYTES],
      );
    });

    it('is kept for what comes next', async () => {
      for (const path of ['/chunked', '/empty', '/long', '/chunked']) assert.equal((await read(path)).equals(BODY), path !== '/empty');
      assert.equal(sockets, 1);
    });

    it('takes no more than somebody reads', async () => {
      const response = await open('/endless');
      await once(response, 'readable');
      const before = await standing(() => sent);
      for (let length = 0; length < 40_000_000; ) {
        const chunk: Buffer | null = response.read();
        if (chunk === null) await once(response, 'readable');
        else length += chunk.length;
      }
      assert.ok(sent > before, 'and more where somebody does');
      await standing(() => sent);
      response.destroy();
    });
  });
}

/** What a count is when it has stopped to grow. */
async function standing(count: () => number): Promise<number> {
  for (let last = -1, now = count(); ; last = now, now = count()) {
    if (now === last) return now;
    assert.ok(now < 200_000_000, 'nobody waits for who reads');
    await sleep(300);
  }
}

describe('an idle connection that receives into one buffer', () => {
  const agent = receiveInPlace(new http.Agent({ keepAlive: true }), BYTES);
  const connections: Socket[] = [];
  let server: Server;

  after(() => {
    agent.destroy();
    for (const connection of connections) connection.destroy();
    server.close();
  });

  it('takes nothing that nobody asked for as the next answer', async () => {
    const answer = (body: string) => `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
    server = createServer((socket) => {
      connections.push(socket);
      socket.on('error', () => undefined);
      socket.on('data', () => socket.write(answer('asked')));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const ask = async (): Promise<string> => {
      const { port } = server.address() as AddressInfo;
      const [response] = await once(http.get({ host: '127.0.0.1', port, agent }), 'response');
      return Buffer.concat(await response.toArray()).toString();
    };
    assert.equal(await ask(), 'asked');
    connections[0]?.write(answer('unasked'));
    await sleep(100);
    assert.equal(await ask(), 'asked');
  });
});
