import { devNull, homedir, hostname, userInfo } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { decodeUtf8, fileError, MlsignError, readCapped, refused, systemErrorCode, unavailable, usage } from '../core/index.ts';
import { colourStyle, plainStyle, type Style } from '../report/index.ts';
import type { Desktop } from '../sign/index.ts';
import { writeOutputFile } from './output-file.ts';
import { ProgressLine } from './progress-line.ts';

// The only place that reads the environment and the working directory.
const { env, stdout, stderr, stdin } = process;

const MAX_PASSPHRASE_BYTES = 4096;

/** Whether `MLSIGN_DEBUG` asks for stack traces. */
export function isDebugging(): boolean {
  return isSet('MLSIGN_DEBUG');
}

function isSet(name: string): boolean {
  return (env[name] ?? '') !== '' && env[name] !== '0';
}

/** Colour on a terminal only, unless `NO_COLOR`, `FORCE_COLOR` or `--no-color` says otherwise. */
export function styleFor(stream: 'stdout' | 'stderr', noColor: boolean): Style {
  const isTerminal = process[stream].isTTY === true && env.TERM !== 'dumb';
  return (isTerminal || isSet('FORCE_COLOR')) && !noColor && !isSet('NO_COLOR') ? colourStyle : plainStyle;
}

/** Writes a result: to standard output, or whole to a file. A reader that goes away (`mlsign … | head`) is no error. */
export async function writeResult(text: string | Iterable<string>, outputFile: string | undefined): Promise<void> {
  if (outputFile !== undefined) return writeOutputFile(outputFile, text);
  // Each failed write also raises an event, on which oclif throws: the process would end without a word of ours.
  stdout.removeAllListeners('error').on('error', () => undefined);
  for (const piece of typeof text === 'string' ? [text] : text) {
    const error = await new Promise<Error | null | undefined>((resolve) => stdout.write(piece, resolve));
    if (error && systemErrorCode(error) !== 'EPIPE') throw fileError(error, 'write the result', 'standard output');
    if (error) return;
  }
}

/** Writes to standard error. */
export function writeNote(text: string): void {
  // Where nobody hears us, the exit code still tells.
  if (stderr.listenerCount('error') === 0) stderr.on('error', () => undefined);
  stderr.write(text);
}

/** A progress line on standard error. */
export function progressLine(doing: string): ProgressLine {
  return new ProgressLine(doing, { isTTY: stderr.isTTY === true && !isSet('CI'), columns: stderr.columns ?? 80, write: writeNote });
}

/** The variables that name proxies. */
export function proxyEnvironment(): Readonly<Record<string, string | undefined>> {
  const names = ['HTTPS_PROXY', 'HTTP_PROXY', 'NO_PROXY'].flatMap((name) => [name, name.toLowerCase()]);
  return Object.fromEntries(names.map((name) => [name, env[name]]));
}

/** The environment, for those who look for the identity of a CI job in it. */
export function environment(): Readonly<Record<string, string | undefined>> {
  return env;
}

/** Who runs this, for the record: the user where the system knows one. */
export function whoRuns(): { readonly user?: string; readonly host: string; readonly pid: number } {
  const base = { host: hostname(), pid: process.pid };
  try {
    return { ...base, user: userInfo().username };
  } catch {
    return base;
  }
}

/** Whether somebody can be asked. */
export function isInteractive(): boolean {
  return stdin.isTTY === true && stderr.isTTY === true;
}

/** Where a browser would open; undefined where there is no screen. */
export function desktop(): Desktop | undefined {
  const hasScreen = ['darwin', 'win32'].includes(process.platform) || isSet('DISPLAY') || isSet('WAYLAND_DISPLAY');
  return hasScreen ? { platform: process.platform, env } : undefined;
}

let isProxied = false;

/**
 * The fetch of services, through the proxies that the environment names.
 *
 * @throws MlsignError `proxy-unsupported`
 */
export function serviceFetch(): typeof fetch {
  const named = ['HTTPS_PROXY', 'HTTP_PROXY', 'https_proxy', 'http_proxy'].some(isSet);
  if (named && !isProxied && !isSet('NODE_USE_ENV_PROXY')) {
    // Imported, it would cost every command 20 ms: with HTTP come TLS, HTTP/2 and fetch.
    const http = process.getBuiltinModule('node:http');
    // Node 22 can only be told when it starts.
    if (typeof http.setGlobalProxyFromEnv !== 'function') {
      throw unavailable('proxy-unsupported', 'this Node takes the proxies of the environment only with NODE_USE_ENV_PROXY=1', {
        got: process.version,
        suggestions: ['set NODE_USE_ENV_PROXY=1, or use Node 24'],
      });
    }
    http.setGlobalProxyFromEnv();
    isProxied = true;
  }
  return fetch;
}

/**
 * The directory of the user for what can be had again: the one of XDG, or the platform's own.
 *
 * @throws MlsignError `cache-directory-missing` for a user without a home
 */
export function cacheDirectory(name: string): string {
  const local = process.platform === 'win32' ? env.LOCALAPPDATA : undefined;
  const home = homeDirectory();
  // A relative path counts for nothing (XDG Base Directory Specification).
  const caches = [env.XDG_CACHE_HOME, local, home === undefined ? undefined : join(home, '.cache')];
  const folder = caches.find((path) => path !== undefined && isAbsolute(path));
  if (folder !== undefined) return join(folder, 'mlsign', name);
  throw unavailable('cache-directory-missing', 'there is no directory to keep the trusted root of Sigstore in: this user has no home', {
    suggestions: ['set XDG_CACHE_HOME to a directory of your own', 'use --offline, or give --trusted-root'],
  });
}

/**
 * A file or folder in the directory of the user for what must be kept (XDG's state, or the platform's own); undefined for a
 * user without a home.
 */
export function statePath(...names: readonly string[]): string | undefined {
  const local = process.platform === 'win32' ? env.LOCALAPPDATA : undefined;
  const home = homeDirectory();
  const places = [env.XDG_STATE_HOME, local, home === undefined ? undefined : join(home, '.local', 'state')];
  const folder = places.find((path) => path !== undefined && isAbsolute(path));
  return folder === undefined ? undefined : join(folder, 'mlsign', ...names);
}

function homeDirectory(): string | undefined {
  try {
    const home = homedir();
    return isAbsolute(home) && home !== devNull ? home : undefined;
  } catch {
    return undefined;
  }
}

/** For a user whom the system does not know, as in a container: those who ask for a home find nothing in it, and no shell. */
export function settleUser(): void {
  if (homeDirectory() === undefined) env.HOME = devNull;
  try {
    // oclif would ask for it where SHELL does not say.
    if (env.SHELL === undefined) userInfo();
  } catch {
    env.SHELL = '';
  }
}

/** Calls back on Ctrl-C and termination; returns what takes the handlers away again. A second signal ends at once. */
export function onInterrupt(interrupt: (exitCode: number) => void): () => void {
  const codes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 143 } as const;
  const handlers = Object.entries(codes).map(([signal, code]) => {
    let times = 0;
    const handler = () => {
      if (times++ > 0) process.exit(code);
      interrupt(code);
    };
    process.on(signal, handler);
    return () => process.off(signal, handler);
  });
  return () => {
    for (const remove of handlers) remove();
  };
}

/**
 * Where the passphrase of a private key comes from: `--passphrase-file`, `MLSIGN_KEY_PASSPHRASE`, or a prompt on a
 * terminal. Undefined where there is none of them.
 */
export async function readPassphrase(file: string | undefined, prompt: string): Promise<string | undefined> {
  if (file !== undefined) {
    const text = decodeUtf8(await readCapped(file, MAX_PASSPHRASE_BYTES, 'passphrase file'));
    const passphrase = text?.replace(/\r?\n$/, '');
    if (passphrase === undefined || passphrase === '' || /[\r\n]/.test(passphrase)) {
      throw refused('passphrase-file-malformed', 'the passphrase file must hold one line of UTF-8 text', { subject: file });
    }
    return passphrase;
  }
  const fromEnvironment = env.MLSIGN_KEY_PASSPHRASE;
  if (fromEnvironment !== undefined && fromEnvironment !== '') return fromEnvironment;
  return isInteractive() ? promptPassphrase(prompt) : undefined;
}

/** A new passphrase, asked for twice at a prompt; undefined for none. */
export async function readNewPassphrase(file: string | undefined): Promise<string | undefined> {
  const isAsked = file === undefined && (env.MLSIGN_KEY_PASSPHRASE ?? '') === '';
  const passphrase = await readPassphrase(file, 'passphrase for the new key (empty for none):');
  if (passphrase === undefined || passphrase === '') return undefined;
  if (isAsked && passphrase !== (await promptPassphrase('the same again:'))) {
    throw usage('passphrase-differs', 'the two passphrases are not the same', { suggestions: ['run the command again'] });
  }
  return passphrase;
}

async function promptPassphrase(message: string): Promise<string> {
  const { default: password } = await import('@inquirer/password');
  try {
    return await password({ message, mask: false }, { output: stderr });
  } catch (error) {
    if (error instanceof Error && error.name === 'ExitPromptError') throw new MlsignError('interrupted', 'interrupted', 'interrupted');
    throw error;
  }
}
