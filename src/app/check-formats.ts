import { setImmediate as breathe } from 'node:timers/promises';
import { type Check, compareCodePoints, errorFinding, type Finding, MlsignError, throwIfAborted, verdictOf } from '../core/index.ts';
import { type FileFormat, type FileInspection, fileType, inspectContent, type OpenFile } from '../filetypes/index.ts';
import { judgeFormat, notExamined } from '../gate/index.ts';
import type { FormatSetting } from '../policy/index.ts';

/** How many files have one format. */
export interface FormatTally {
  readonly format: FileFormat;
  readonly label: string;
  readonly files: number;
}

/** What was seen of the formats of a model's files. */
export interface FormatEvidence {
  /** Whose word counted: the rule's, that of a policy file that says nothing, or only advice under flags; `any`: nothing was looked at. */
  readonly by: 'any' | 'rule' | 'default' | 'flags';
  /** By content; the most frequent first. */
  readonly files: readonly FormatTally[];
  /** What can run code, and was let through by `allow-code`. */
  readonly allowedCode: readonly FormatTally[];
  /** Paths in the model that nothing looked at. */
  readonly notExamined: readonly string[];
}

/** What looking at formats showed. */
export interface CheckedFormats {
  readonly evidence: FormatEvidence;
  readonly check: Check;
  readonly findings: readonly Finding[];
}

/** A file that can be looked at. */
export interface FileToExamine {
  /** Relative to the model. */
  readonly name: string;
  /** Lends the open file. What it throws, also after it was read, makes the file one that could not be looked at. */
  readonly use: <T>(look: (file: OpenFile) => Promise<T>) => Promise<T>;
}

/** Enough to hide the latency of a disk. */
const AT_ONCE = 8;
/** Files looked at between two turns of the event loop. */
const STRIDE = 16;

/**
 * Looks at what files are and could do when they are loaded, while they are hashed: small parts of each, several at a time.
 */
export class FormatExaminer {
  readonly #setting: FormatSetting;
  readonly #atOnce: number;
  readonly #signal: AbortSignal | undefined;
  readonly #seen = new Set<string>();
  readonly #queue: FileToExamine[] = [];
  readonly #working = new Set<Promise<void>>();
  readonly #counts = new Map<FileFormat, number>();
  readonly #allowed = new Map<FileFormat, number>();
  readonly #findings: Finding[] = [];
  readonly #left: string[] = [];
  #failure: { readonly error: unknown } | undefined;

  /** @param atOnce files that are read at a time */
  constructor(setting: FormatSetting, signal?: AbortSignal, atOnce = AT_ONCE) {
    this.#setting = setting;
    this.#signal = signal;
    this.#atOnce = atOnce;
  }

  /** Whether anything is looked at. */
  get isNeeded(): boolean {
    return this.#setting !== 'any';
  }

  /** Takes the next file; each name once. */
  add(file: FileToExamine): void {
    if (!this.#takes(file.name)) return;
    this.#queue.push(file);
    if (this.#working.size >= this.#atOnce) return;
    const work = this.#workOff();
    this.#working.add(work);
    void work.finally(() => this.#working.delete(work));
  }

  /** Takes a file that is known to be what cannot run code: each name once. */
  addPlain(name: string, format: FileFormat): void {
    if (this.#takes(name))
      this.#judge(name, { type: fileType(format), runsCode: false, imports: [], parts: [], defects: [], isComplete: true });
  }

  /** Says that something is not looked at. */
  leave(path: string): void {
    if (this.isNeeded) this.#left.push(path);
  }

  /** Says that something should have been looked at and could not be. */
  miss(name: string, why: string): void {
    if (this.#setting === 'any') return;
    this.#left.push(name);
    this.#findings.push(notExamined(this.#setting, name, why));
  }

  /** What all files showed; once every file is added. */
  async finish(): Promise<CheckedFormats> {
    while (this.#working.size > 0) await Promise.all(this.#working);
    if (this.#failure !== undefined) throw this.#failure.error;
    throwIfAborted(this.#signal);
    const findings = this.#findings.toSorted((a, b) => compareCodePoints(a.subject, b.subject));
    const evidence: FormatEvidence = {
      by: this.#setting === 'any' ? 'any' : this.#setting.by,
      files: tally(this.#counts),
      allowedCode: tally(this.#allowed),
      notExamined: this.#left.toSorted(compareCodePoints),
    };
    return { evidence, check: formatCheck(evidence, findings), findings };
  }

  #takes(name: string): boolean {
    if (this.#setting === 'any' || this.#seen.has(name)) return false;
    this.#seen.add(name);
    return true;
  }

  async #workOff(): Promise<void> {
    let done = 0;
    for (let file = this.#queue.pop(); file !== undefined && this.#failure === undefined; file = this.#queue.pop()) {
      const { name, use } = file;
      try {
        if (++done % STRIDE === 0) await breathe();
        throwIfAborted(this.#signal);
        this.#judge(name, await use((opened) => inspectContent(opened, this.#signal)));
      } catch (error) {
        this.#fail(name, error);
      }
    }
  }

  #judge(name: string, inspection: FileInspection): void {
    if (this.#setting === 'any') return;
    const { format } = inspection.type;
    this.#counts.set(format, (this.#counts.get(format) ?? 0) + 1);
    const { findings, allowed } = judgeFormat(this.#setting, name, inspection);
    this.#findings.push(...findings);
    for (const code of allowed) this.#allowed.set(code, (this.#allowed.get(code) ?? 0) + 1);
  }

  #fail(name: string, error: unknown): void {
    if (!(error instanceof MlsignError) || error.outcome === 'bug' || error.outcome === 'interrupted') {
      this.#failure ??= { error };
      return;
    }
    this.#left.push(name);
    const { severity, message, ...finding } = errorFinding(error, name);
    // Of a file that changes under our hands nothing is known, whoever asks.
    if (severity === 'rejected') this.#findings.push({ ...finding, severity, message, subject: name });
    else this.miss(name, message);
  }
}

/** What stands in the place of a check that did not take place. */
export function formatsSkipped(setting: FormatSetting, why: string): CheckedFormats {
  const by = setting === 'any' ? 'any' : setting.by;
  const evidence: FormatEvidence = { by, files: [], allowedCode: [], notExamined: [] };
  return { evidence, check: { name: 'formats', status: 'skipped', detail: why }, findings: [] };
}

function tally(counts: ReadonlyMap<FileFormat, number>): readonly FormatTally[] {
  return [...counts]
    .map(([format, files]) => ({ ...fileType(format), files }))
    .sort((a, b) => b.files - a.files || compareCodePoints(a.format, b.format));
}

function formatCheck({ by, files, allowedCode, notExamined }: FormatEvidence, findings: readonly Finding[]): Check {
  const name = 'formats';
  if (by === 'any') return { name, status: 'skipped', detail: 'no file was looked at: any format is allowed here' };
  const verdict = verdictOf(findings);
  const told = findings.filter(({ severity }) => severity === 'warning').length;
  const detail = [
    `by content: ${inWords(files) || 'no file'}`,
    ...(allowedCode.length > 0 ? [`allowed although it can run code: ${inWords(allowedCode)} (allow-code)`] : []),
    ...(notExamined.length > 0 ? [`not looked at: ${notExamined.length}`] : []),
    ...(by === 'flags' && told > 0 ? ['without a policy file it is only told what can run code'] : []),
  ].join('; ');
  return { name, status: verdict === 'verified' ? 'passed' : verdict === 'rejected' ? 'failed' : 'could-not-run', detail };
}

function inWords(tallies: readonly FormatTally[]): string {
  return tallies.map(({ label, files }) => `${label} ${files}`).join(', ');
}
