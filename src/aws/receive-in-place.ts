import type { Agent, ClientRequestArgs } from 'node:http';
import type { Duplex } from 'node:stream';

/**
 * Lets each connection of an agent receive into one buffer, again and again. Node would make a new one for all that comes, 16
 * to 64 KiB at a time, which takes a quarter of the time of receiving. Connections through a proxy receive as Node does.
 *
 * @param bytes of the buffer of each connection
 */
export function receiveInPlace<T extends Agent>(agent: T, bytes: number): T {
  const connect = agent.createConnection.bind(agent);
  agent.createConnection = (options: ClientRequestArgs, onCreated?: (error: Error | null, stream: Duplex) => void) => {
    const buffer = Buffer.allocUnsafeSlow(bytes);
    // The parser of HTTP copies what it passes on, but for what follows an upgrade and what it cannot read: nobody asks for either.
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
