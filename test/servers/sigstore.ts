import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Installed } from './install.ts';
import { type IssuerServer, startCtLog, startIssuer, TOKEN_KINDS } from './neighbours.ts';
import { freePorts, type ServerProcess, startServer, waitForPort } from './server-process.ts';
import { certificatesOf, clientTrustConfig, type SigstoreUrls, signingConfig, trustedRoot } from './trust-config.ts';

/** What a running instance leaves in its folder, beside the logs of its servers. */
export const SIGSTORE_FILES = {
  /** {@link SigstoreUrls} */
  urls: 'urls.json',
  trustedRoot: 'trusted-root.json',
  signingConfig: 'signing-config.json',
  clientTrustConfig: 'trust-config.json',
  /** Who certified the timestamp authority, up to its root: its timestamps hold its own certificate alone. */
  timestampCa: 'timestamp-ca.pem',
} as const;

/** Fixed in the timestamp authority. */
const METRICS_PORT = 2112;

/** A running instance: OIDC issuer, CT log, Fulcio, timestamp authority and Rekor v2. */
export interface PrivateSigstore {
  readonly urls: SigstoreUrls;
  /** Ends every server, and waits for that. */
  close(): Promise<void>;
}

interface Closable {
  close(): Promise<void>;
}

/**
 * Starts an instance with keys of its own and writes {@link SIGSTORE_FILES} into a folder, which it makes. Everything is on free ports
 * of 127.0.0.1 but for the metrics of the timestamp authority: their port is fixed in that program, so that one instance
 * runs on a machine at a time.
 *
 * @throws Error with the end of its log where a server does not start; those that did are ended
 */
export async function startSigstore(installed: Installed, folder: string): Promise<PrivateSigstore> {
  const started: Closable[] = [];
  const close = async (): Promise<void> => {
    const ends = await Promise.allSettled(started.splice(0).map((server) => server.close()));
    const problems = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason] : []));
    if (problems.length > 0) throw new AggregateError(problems, problems.map(String).join('\n'));
  };
  const keep = async <T extends Closable>(starting: Promise<T>): Promise<T> => {
    const server = await starting;
    started.push(server);
    return server;
  };
  try {
    await mkdir(folder);
    const issuer = await keep(startIssuer());
    const ctLog = await keep(startCtLog());
    const [fulcioPort = 0, fulcioGrpcPort = 0, timestampPort = 0, rekorPort = 0, rekorGrpcPort = 0] = await freePorts(5);
    const urls: SigstoreUrls = {
      issuer: issuer.url,
      ctLog: ctLog.url,
      fulcio: loopback(fulcioPort),
      timestamp: loopback(timestampPort),
      rekor: loopback(rekorPort),
    };
    const rekorKeys = generateKeyPairSync('ed25519');
    const ctLogKey = createPublicKey({ key: ctLog.publicKey, type: 'spki', format: 'der' });
    await writeFile(join(folder, 'ct-log.pem'), ctLogKey.export({ type: 'spki', format: 'pem' }));
    await writeFile(join(folder, 'rekor.key'), rekorKeys.privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
    const settled = await Promise.allSettled([
      keep(startFulcio(installed.fulcio, folder, fulcioGrpcPort, urls, issuer)),
      keep(startTimestampServer(installed.timestampServer, folder, timestampPort)),
      keep(startRekor(installed.rekor, folder, rekorPort, rekorGrpcPort)),
    ]);
    for (const outcome of settled) if (outcome.status === 'rejected') throw outcome.reason;
    await writeTrust(folder, urls, {
      ctLog: ctLogKey,
      rekor: rekorKeys.publicKey,
      fulcio: await fulcioChain(urls.fulcio),
      timestamp: await text(`${urls.timestamp}/api/v1/timestamp/certchain`),
    });
    return { urls, close };
  } catch (error) {
    await close().catch(() => undefined);
    throw error;
  }
}

async function startFulcio(
  command: string,
  folder: string,
  grpcPort: number,
  urls: SigstoreUrls,
  issuer: IssuerServer,
): Promise<ServerProcess> {
  const types = { email: 'email', github: 'github-workflow' };
  const issuers = TOKEN_KINDS.map((kind) => {
    const url = issuer.issuerOf(kind);
    return [url, { IssuerURL: url, ClientID: 'sigstore', Type: types[kind] }];
  });
  const config = join(folder, 'fulcio.json');
  await writeFile(config, JSON.stringify({ OIDCIssuers: Object.fromEntries(issuers) }));
  const { port } = new URL(urls.fulcio);
  const http = ['--host', '127.0.0.1', '--port', port, '--metrics-port', '0'];
  const grpc = ['--grpc-host', '127.0.0.1', '--grpc-port', `${grpcPort}`, '--legacy-unix-domain-socket', join(folder, 'fulcio.sock')];
  const ctLog = ['--ct-log-url', urls.ctLog, '--ct-log-public-key-path', join(folder, 'ct-log.pem')];
  const args = ['serve', ...http, ...grpc, ...ctLog, '--ca', 'ephemeralca', '--config-path', config];
  return startServer({ name: 'fulcio', command, args, folder, readyUrl: `${urls.fulcio}/healthz` });
}

async function startTimestampServer(command: string, folder: string, port: number): Promise<ServerProcess> {
  await waitForPort(METRICS_PORT, (line) => process.stderr.write(`${line}\n`));
  const args = ['serve', '--host', '127.0.0.1', '--port', `${port}`, '--timestamp-signer', 'memory', '--disable-ntp-monitoring'];
  return startServer({ name: 'timestamp-server', command, args, folder, readyUrl: `${loopback(port)}/ping` });
}

function startRekor(command: string, folder: string, port: number, grpcPort: number): Promise<ServerProcess> {
  const http = ['--http-address', '127.0.0.1', '--http-port', `${port}`, '--http-metrics-port', '0'];
  const grpc = ['--grpc-address', '127.0.0.1', '--grpc-port', `${grpcPort}`];
  const log = ['--hostname', '127.0.0.1', '--storage-dir', join(folder, 'rekor'), '--signer-filepath', join(folder, 'rekor.key')];
  // An entry is answered with the next checkpoint: at once, for tests.
  const pace = ['--checkpoint-interval', '1s', '--batch-max-age', '100ms'];
  return startServer({
    name: 'rekor',
    command,
    args: ['serve', ...http, ...grpc, ...log, ...pace],
    folder,
    readyUrl: `${loopback(port)}/healthz`,
  });
}

async function writeTrust(folder: string, urls: SigstoreUrls, keys: Parameters<typeof trustedRoot>[1]): Promise<void> {
  const root = trustedRoot(urls, keys);
  const config = signingConfig(urls);
  const documents = { urls, trustedRoot: root, signingConfig: config, clientTrustConfig: clientTrustConfig(root, config) };
  for (const [name, document] of Object.entries(documents)) {
    await writeFile(join(folder, SIGSTORE_FILES[name as keyof typeof documents]), `${JSON.stringify(document, undefined, 2)}\n`);
  }
  await writeFile(join(folder, SIGSTORE_FILES.timestampCa), certificatesOf(keys.timestamp).slice(1).join(''));
}

async function fulcioChain(url: string): Promise<string> {
  const bundle: { readonly chains: readonly { readonly certificates: readonly string[] }[] } = JSON.parse(
    await text(`${url}/api/v2/trustBundle`),
  );
  return bundle.chains.flatMap(({ certificates }) => certificates).join('\n');
}

async function text(url: string): Promise<string> {
  return (await fetch(url)).text();
}

function loopback(port: number): string {
  return `http://127.0.0.1:${port}`;
}
