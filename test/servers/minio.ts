import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EKU, makeCertificate } from '../helpers/certificates.ts';
import { REGION, ROOT } from './credentials.ts';
import type { Installed } from './install.ts';
import { freePorts, type ServerProcess, startServer } from './server-process.ts';

/** The key that MinIO encrypts with where a client asks for SSE-KMS; it knows no other. */
export const MINIO_KMS_KEY = 'models';

/** A running MinIO: S3 over TLS, with a checksum of each part, SSE-KMS and STS. */
export interface Minio extends ServerProcess {
  readonly url: string;
  /** Root of its certificate, PEM: for `NODE_EXTRA_CA_CERTS`. */
  readonly ca: string;
}

/**
 * Starts MinIO on a free port of loopback, with a certificate of an authority that is made here.
 *
 * @throws Error with the end of its log where it does not start
 */
export async function startMinio({ minio }: Pick<Installed, 'minio'>, folder: string): Promise<Minio> {
  const certificates = join(folder, 'certificates');
  await mkdir(certificates, { recursive: true });
  const root = makeCertificate({ subject: 'MinIO test CA' }, undefined, 'ca');
  const names = { ip: [Buffer.from([127, 0, 0, 1])], dns: ['localhost'] };
  const leaf = makeCertificate({ subject: 'MinIO', subjectAlternativeNames: names, extendedKeyUsage: [EKU.serverAuth] }, root);
  const ca = join(folder, 'ca.pem');
  await writeFile(ca, root.pem);
  await writeFile(join(certificates, 'public.crt'), leaf.pem);
  await writeFile(join(certificates, 'private.key'), leaf.keyPem, { mode: 0o600 });

  const [port = 0] = await freePorts(1);
  const url = `https://127.0.0.1:${port}`;
  const env = {
    MINIO_ROOT_USER: ROOT.accessKeyId,
    MINIO_ROOT_PASSWORD: ROOT.secretAccessKey,
    MINIO_REGION: REGION,
    MINIO_BROWSER: 'off',
    MINIO_UPDATE: 'off',
    // It would put aside a folder that lies on the disk of the system.
    MINIO_CI_CD: 'on',
    MINIO_KMS_SECRET_KEY: `${MINIO_KMS_KEY}:${randomBytes(32).toString('base64')}`,
  };
  const args = ['server', '--address', `127.0.0.1:${port}`, '--certs-dir', certificates, '--json', join(folder, 'data')];
  const readyUrl = `${url}/minio/health/live`;
  const server = await startServer({ name: 'minio', command: minio, args, folder, env, readyUrl, ca: root.pem });
  return { url, ca, close: () => server.close() };
}
