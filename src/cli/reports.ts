import { rm, stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Flags } from '@oclif/core';
import { nameInside, type Verification } from '../app/index.ts';
import {
  checkWritable,
  errorFinding,
  type FileData,
  fileError,
  MlsignError,
  makeDirectory,
  readCapped,
  systemClock,
  unavailable,
  usage,
  verdictOf,
  writeFileAtomic,
} from '../core/index.ts';
import { withFile } from '../filetypes/index.ts';
import { claimsPredicateType, MAX_BUNDLE_BYTES, parseBundle, VSA_TYPE } from '../formats/index.ts';
import { explainedCodes, jsonPieces, type SarifSubject, sarifLog } from '../report/index.ts';
import { isStoreLocation, parseLocation } from '../store/index.ts';
import { exitCodeOf, exitCodeOfVerdict } from './exit-codes.ts';

const HEAD_BYTES = 4096;
const SARIF = /^\uFEFF?\s*\{\s*"(?:\$schema"\s*:\s*"[^"]*sarif|version"\s*:\s*"2\.1\.0")/;

function flagOfReports(kinds: string) {
  return Flags.string({
    summary: `Write a report beside the result (repeatable): ${kinds}.`,
    helpValue: 'KIND=FILE',
    multiple: true,
    multipleNonGreedy: true,
    helpGroup: 'RESULT',
  });
}

/** Reports beside the result. */
export const reportFlag = flagOfReports('sarif=FILE, for code scanning; vsa=FILE, a signed verification summary');

/** The same where nothing is signed. */
export const sarifFlag = flagOfReports('sarif=FILE, for code scanning');

/** The reports that are asked for. */
export interface Reports {
  readonly sarif: readonly string[];
  readonly vsa?: string | undefined;
}

/**
 * Reads which reports are asked for, and makes room for them: where nothing is found out, no older one may be taken for the
 * answer.
 *
 * @param model as it was named
 * @param mayBeSigned whether this command can sign one
 * @throws MlsignError `report-unknown`, `report-twice`, `report-inside-model`, `report-over-other`, and what cannot be written
 */
export async function openReports(model: string, texts: readonly string[], mayBeSigned: boolean): Promise<Reports> {
  const asked = texts.map((text) => readReport(text, mayBeSigned));
  const files = asked.map(({ file }) => resolve(file));
  const twice = asked.find(({ kind, file }, i) => files.indexOf(resolve(file)) !== i || (kind === 'vsa' && asked[i - 1]?.kind === 'vsa'));
  const [first, second] = asked.filter(({ kind }) => kind === 'vsa');
  const again = twice ?? (first === undefined ? undefined : second);
  if (again !== undefined) throw usage('report-twice', 'each report has a file of its own, and there is one summary', { got: again.file });
  for (const { kind, file } of asked) {
    if (!isStoreLocation(model) && nameInside({ kind: 'directory', path: model }, file) !== undefined) {
      throw usage('report-inside-model', 'a report inside the model would be an unsigned file of it', {
        subject: file,
        suggestions: [`write it beside the model: ${model.replace(/\/+$/, '')}.mlsign/${basename(file)}`],
      });
    }
    await makeRoom(kind, file);
  }
  return { sarif: asked.flatMap(({ kind, file }) => (kind === 'sarif' ? [file] : [])), vsa: first?.file };
}

function readReport(text: string, mayBeSigned: boolean) {
  const at = text.indexOf('=');
  const kind = text.slice(0, Math.max(0, at));
  const file = text.slice(at + 1);
  if (file !== '' && (kind === 'sarif' || (kind === 'vsa' && mayBeSigned))) return { kind, file } as const;
  throw usage('report-unknown', 'there is no such report', {
    subject: '--report',
    got: text,
    expected: mayBeSigned ? 'sarif=FILE or vsa=FILE' : 'sarif=FILE',
    suggestions: ['--report sarif=mlsign.sarif'],
  });
}

async function makeRoom(kind: 'sarif' | 'vsa', file: string): Promise<void> {
  const folder = dirname(resolve(file));
  // What travels with a model lies there, and need not be there before.
  if (folder.endsWith('.mlsign')) {
    await makeDirectory(folder).catch((error) => {
      throw fileError(error, 'make the directory of the report', folder);
    });
  }
  await checkWritable(file, 'report');
  const stats = await stat(file).catch(() => undefined);
  if (!stats?.isFile()) return;
  if (stats.size > 0 && !(await isReport(kind, file))) {
    throw usage('report-over-other', 'a file is there that is no older report, and it is not replaced', {
      subject: file,
      expected: kind === 'sarif' ? 'nothing, or SARIF' : 'nothing, or a verification summary',
      suggestions: ['write the report elsewhere, or remove the file'],
    });
  }
  await rm(file).catch((error) => {
    throw fileError(error, 'remove the older report', file);
  });
}

/** Whether a file is a report of that kind: a model, a key or a policy must not be lost for one. */
async function isReport(kind: 'sarif' | 'vsa', file: string): Promise<boolean> {
  if (kind === 'sarif') return await withFile(file, async (open) => SARIF.test((await open.read(0, HEAD_BYTES)).toString('utf8')));
  try {
    const bytes = await readCapped(file, MAX_BUNDLE_BYTES, 'older summary');
    return claimsPredicateType(parseBundle(bytes, file).envelope.payload, VSA_TYPE);
  } catch (error) {
    if (error instanceof MlsignError) return false;
    throw error;
  }
}

/**
 * Writes what a command found as SARIF, where that is asked for; what it could not do, too.
 *
 * @param version of mlsign
 * @throws MlsignError `report-failed`
 */
export async function withSarif<T extends Verification>(
  model: string,
  { sarif }: Reports,
  version: string,
  work: () => Promise<T>,
): Promise<T> {
  if (sarif.length === 0) return work();
  try {
    const verification = await work();
    await writeSarif(sarif, model, verification, exitCodeOfVerdict(verification.verdict), version);
    return verification;
  } catch (error) {
    if (!(error instanceof MlsignError) || error.outcome === 'interrupted' || error.code === 'report-failed') throw error;
    const findings = [errorFinding(error, model)];
    const path = isStoreLocation(model) ? model : resolve(model);
    const source = { kind: 'directory', path, name: basename(path) } as const;
    // The error itself is what matters, whatever becomes of its report.
    await writeSarif(
      sarif,
      model,
      { verdict: verdictOf(findings), source, findings, checks: [] },
      exitCodeOf(error.outcome),
      version,
    ).catch(() => undefined);
    throw error;
  }
}

async function writeSarif(
  files: readonly string[],
  model: string,
  subject: SarifSubject,
  exitCode: number,
  version: string,
): Promise<void> {
  const known = new Map((await explainedCodes()).map((code) => [code.code, code]));
  const log = sarifLog(subject, {
    version,
    exitCode,
    ended: systemClock(),
    root: rootOf(model, subject.source.kind),
    explain: (code) => {
      const found = known.get(code);
      return found && { short: found.means, full: `${found.means} ${found.why} ${found.todo}` };
    },
  });
  for (const file of files) await writeReport(file, jsonPieces(log), subject.verdict);
}

/** Writes a report whole; that there is none must not be overlooked. */
export async function writeReport(file: string, data: FileData, verdict: string): Promise<void> {
  await giving(verdict, file, () => writeFileAtomic(file, data, { what: 'report', overwrite: true }));
}

/**
 * Makes a report; where it cannot be made, says so, and what the verdict was.
 *
 * @throws MlsignError `report-failed`
 */
export async function giving<T>(verdict: string, subject: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof MlsignError) || error.outcome === 'interrupted') throw error;
    const { message, suggestions } = error;
    throw unavailable('report-failed', `the verdict is ${verdict}, and its report could not be made: ${message}`, {
      subject,
      suggestions,
      cause: error,
    });
  }
}

/** Where the files of a model begin, as a URI. */
function rootOf(model: string, kind: string): string {
  if (isStoreLocation(model)) {
    const { url } = parseLocation(model);
    return `${encodeURI(url.replace(/^file:\/?/, 'file:///').toWellFormed())}/`;
  }
  const path = resolve(model);
  return `${pathToFileURL(kind === 'directory' ? path : dirname(path)).href}/`;
}
