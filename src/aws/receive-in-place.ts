import type { Agent, ClientRequestArgs } from 'node:http';
import type { Duplex } from 'node:stream';

const BUFFER_BYTES = 256 * 1024;

/**
 * Lets each connection of an agent receive into one buffer, again and again. Node would make a new one for all that comes, 16 to 64 KiB at a time,
 * and to make them and clear them away costs as much as to receive. What a connection through a proxy encrypts is received as Node does it.
 */
export function receiveInPlace<T extends Agent>(agent: T): T {
  const connect = agent.createConnection.bind(agent);
  agent.createConnection = (options: ClientRequestArgs, onCreated?: (error: Error | null, stream: Duplex) => void) => {
    const buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
    // The parser of HTTP takes a copy of what it passes on.
    const receive = (length: number) => {
      socket?.emit('data', buffer.subarray(0, length));
      return true;
    };
    const receiving = { ...options, onread: { buffer, callback: receive } };
    const socket = connect(receiving, onCreated);
    return socket;
  };
  return agent;
}
