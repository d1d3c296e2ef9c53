import { type MlsignError, refused, unavailable } from '../core/index.ts';
import { type Bundle, type SchemeName, schemeTitle } from '../formats/index.ts';
import { bundleEntry, checkInclusion, type LogEntry } from './log-entry.ts';
import { type LoggedKey, loggedKey } from './logged-key.ts';
import { checkDsseBody, proposeDsse, readLogEntryV1 } from './rekor-v1.ts';
import { checkRecordBody, logAlgorithm, proposeRecord, readLogEntryV2 } from './rekor-v2.ts';
import { callJsonService, type ServiceCall, type ServiceOptions, wrongContent } from './service.ts';
import type { Signer } from './signer.ts';
import type { Witness } from './witness.ts';

/** Which transparency log is used. */
export interface RekorWitnessOptions extends ServiceOptions {
  /** The base URL. */
  readonly url: string;
  readonly majorVersion: 1 | 2;
}

/** Rekor v1 verifies envelopes with SHA-256 whatever the curve, and RSA by PKCS#1 v1.5 alone. */
const SCHEMES_V1: readonly SchemeName[] = ['ecdsa-p256-sha256', 'rsa-pkcs1-sha256', 'ed25519'];

const HEADERS = { 'content-type': 'application/json', accept: 'application/json' };

/** Rekor v2 answers after its next checkpoint: every ten seconds on the public instance. */
const TIMEOUT_MS = 60_000;

/**
 * A witness that enters a signature into a transparency log: Rekor v1 (`dsse` 0.0.1, which also tells the time) or Rekor v2
 * (`hashedrekord` 0.0.2 over the pre-authentication encoding, without a time).
 *
 * @throws MlsignError when testifying: `log-refused`, `log-entry-exists`, `log-entry-wrong`, `log-entry-malformed`,
 *   `service-unavailable`, `service-response-malformed`, `interrupted`
 */
export function rekorWitness(options: RekorWitnessOptions): Witness {
  const base = options.url.replace(/\/+$/, '');
  const name = `the transparency log ${new URL(base).host}`;
  const log: Log = { name, base, options };
  return {
    name,
    accepts: (signer) => (canTake(signer, options.majorVersion) ? undefined : cannotTake(signer, log)),
    async testify(bundle, signer, signal) {
      const key = loggedKey(signer);
      const entry = options.majorVersion === 1 ? await enterV1(log, bundle, key, signal) : await enterV2(log, bundle, signer, key, signal);
      checkInclusion(entry, base);
      return { ...bundle, tlogEntries: [...bundle.tlogEntries, bundleEntry(entry)] };
    },
  };
}

interface Log {
  readonly name: string;
  readonly base: string;
  readonly options: RekorWitnessOptions;
}

function canTake({ scheme, publicKey }: Signer, majorVersion: 1 | 2): boolean {
  return majorVersion === 1 ? SCHEMES_V1.includes(scheme) : logAlgorithm(scheme, publicKey) !== undefined;
}

function cannotTake({ scheme, description }: Signer, { name, options }: Log): MlsignError {
  const takes =
    options.majorVersion === 1 ? 'ECDSA P-256, RSA PKCS#1 v1.5 or Ed25519' : 'ECDSA, or RSA PKCS#1 v1.5 of 2048, 3072 or 4096 bits';
  return refused('log-cannot-take-key', `${name} (Rekor v${options.majorVersion}) takes no ${schemeTitle(scheme)} signatures`, {
    subject: description,
    expected: takes,
    got: schemeTitle(scheme),
    suggestions: [
      ...(scheme === 'rsa-pss-sha256' ? ['sign with --rsa-padding pkcs1'] : []),
      'leave the log out, and prove the time with --timestamp',
    ],
  });
}

async function enterV1(log: Log, bundle: Bundle, key: LoggedKey, signal: AbortSignal | undefined): Promise<LogEntry> {
  const proposal = proposeDsse(bundle.envelope, key);
  const call: ServiceCall = { ...callTo(log, '/api/v1/log/entries', signal), body: proposal.request, expected: [409] };
  const answer = await callJsonService(call, log.options);
  const json = answer.status === 409 ? await fetchExisting(log, call, answer.headers.get('location'), signal) : answer.json;
  const entry = readLogEntryV1(json, log.base);
  checkDsseBody(entry.body, bundle, key, proposal, log.base);
  return entry;
}

/** An attempt whose answer was lost has entered it: the log then says where it is. */
async function fetchExisting(log: Log, call: ServiceCall, location: string | null, signal: AbortSignal | undefined) {
  const id = /\/api\/v1\/log\/entries\/([0-9a-f]{64,80})$/.exec(location ?? '')?.[1];
  if (id === undefined) throw wrongContent(call, 'status 409, but does not say where the entry is');
  const question: ServiceCall = {
    ...callTo(log, `/api/v1/log/entries/${id}`, signal),
    method: 'GET',
    headers: { accept: 'application/json' },
  };
  return (await callJsonService(question, log.options)).json;
}

async function enterV2(log: Log, bundle: Bundle, signer: Signer, key: LoggedKey, signal: AbortSignal | undefined): Promise<LogEntry> {
  const algorithm = logAlgorithm(signer.scheme, signer.publicKey);
  if (algorithm === undefined) throw cannotTake(signer, log);
  const proposal = proposeRecord(bundle, key, algorithm);
  const call: ServiceCall = { ...callTo(log, '/api/v2/log/entries', signal), body: proposal.request, expected: [409] };
  const answer = await callJsonService(call, log.options);
  if (answer.status === 409) throw entryExists(log, signer);
  const entry = readLogEntryV2(answer.json, log.base);
  checkRecordBody(entry.body, bundle, key, proposal, log.base);
  return entry;
}

/** Rekor v2 proves an entry only to whoever enters it first. */
function entryExists({ name, base }: Log, { scheme }: Signer): MlsignError {
  const isRandom = scheme !== 'rsa-pkcs1-sha256';
  return unavailable('log-entry-exists', `${name} has this signature already, and proves an entry only when it is made`, {
    subject: base,
    suggestions: [
      isRandom
        ? 'sign again: the next signature is another one'
        : 'use the bundle of the first time: the same key and content make the same signature',
    ],
  });
}

function callTo({ name, base }: Log, path: string, signal: AbortSignal | undefined): ServiceCall {
  return {
    service: name,
    url: `${base}${path}`,
    method: 'POST',
    headers: HEADERS,
    timeoutMs: TIMEOUT_MS,
    refusedCode: 'log-refused',
    signal,
  };
}
