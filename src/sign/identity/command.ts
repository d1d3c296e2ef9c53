import { systemErrorCode, unavailable } from '../../core/index.ts';
import { redact } from '../redact.ts';
import { MAX_TOKEN_BYTES } from './identity-token.ts';

/** How a command is run. */
export interface CommandOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal | undefined;
}

const TIMEOUT_MS = 30_000;

/**
 * What a CI system's own command prints when asked for a token.
 *
 * @throws MlsignError `identity-command-failed`
 */
export async function commandOutput(file: string, args: readonly string[], { env, signal }: CommandOptions): Promise<string> {
  const { execFile } = await import('node:child_process');
  return new Promise((resolve, reject) => {
    const options = { env: { ...env }, timeout: TIMEOUT_MS, maxBuffer: MAX_TOKEN_BYTES, ...(signal === undefined ? {} : { signal }) };
    execFile(file, args, options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout.trim());
      else reject(failed(file, error, stderr));
    });
  });
}

function failed(file: string, error: Error, stderr: string): Error {
  const told = redact(stderr).replace(/\s+/g, ' ').trim().slice(0, 300);
  const code = systemErrorCode(error) ?? ('code' in error ? `exit code ${String(error.code)}` : 'it was ended');
  return unavailable('identity-command-failed', `${file} gives no identity token: ${told === '' ? code : told}`, {
    subject: file,
    suggestions: code === 'ENOENT' ? [`${file} must be on the PATH of the job`] : ['run it by hand in the job to see what it says'],
  });
}
