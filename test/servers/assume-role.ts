import { createHash, createHmac } from 'node:crypto';
import { REGION, ROOT } from './credentials.ts';

/** What a program is told, to be somebody. */
export type CredentialVariables = Readonly<Record<'AWS_ACCESS_KEY_ID' | 'AWS_SECRET_ACCESS_KEY' | 'AWS_SESSION_TOKEN', string>>;

const HOUR = 3600;

/**
 * Asks MinIO's STS for somebody who may do what a policy allows, and nothing else. MinIO knows no roles: the policy comes with
 * the request.
 *
 * @throws Error with its answer where it refuses
 */
export async function assumeRole(url: string, policy: unknown): Promise<CredentialVariables> {
  const body = new URLSearchParams({
    Action: 'AssumeRole',
    Version: '2011-06-15',
    DurationSeconds: `${HOUR}`,
    Policy: JSON.stringify(policy),
  }).toString();
  const response = await fetch(`${url}/`, { method: 'POST', body, headers: signedHeaders(url, body) });
  const answer = await response.text();
  const field = (name: string): string => {
    const value = new RegExp(`<${name}>([^<]+)</${name}>`).exec(answer)?.[1];
    if (!response.ok || value === undefined) throw new Error(`no role: ${response.status} ${answer}`);
    return value;
  };
  return {
    AWS_ACCESS_KEY_ID: field('AccessKeyId'),
    AWS_SECRET_ACCESS_KEY: field('SecretAccessKey'),
    AWS_SESSION_TOKEN: field('SessionToken'),
  };
}

/** Signature Version 4 of the one form of request that is made here. */
function signedHeaders(url: string, body: string): Readonly<Record<string, string>> {
  const date = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  const digest = createHash('sha256').update(body).digest('hex');
  const signed = {
    'content-type': 'application/x-www-form-urlencoded',
    host: new URL(url).host,
    'x-amz-content-sha256': digest,
    'x-amz-date': date,
  };
  const names = Object.keys(signed).join(';');
  const lines = Object.entries(signed).map(([name, value]) => `${name}:${value}`);
  const canonical = ['POST', '/', '', ...lines, '', names, digest].join('\n');
  const scope = [date.slice(0, 8), REGION, 'sts', 'aws4_request'];
  const text = ['AWS4-HMAC-SHA256', date, scope.join('/'), createHash('sha256').update(canonical).digest('hex')].join('\n');
  const key = scope.reduce<Buffer>(hmac, Buffer.from(`AWS4${ROOT.secretAccessKey}`));
  const signature = hmac(key, text).toString('hex');
  const { host: _, ...headers } = signed;
  return {
    ...headers,
    authorization: `AWS4-HMAC-SHA256 Credential=${ROOT.accessKeyId}/${scope.join('/')}, SignedHeaders=${names}, Signature=${signature}`,
  };
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

if (import.meta.main) {
  const [, , url, file] = process.argv;
  if (url === undefined || file === undefined) throw new Error('usage: node test/servers/assume-role.ts URL POLICY.json');
  const { readFile } = await import('node:fs/promises');
  const variables = await assumeRole(url, JSON.parse(await readFile(file, 'utf8')));
  process.stdout.write(
    Object.entries(variables)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
  );
}
