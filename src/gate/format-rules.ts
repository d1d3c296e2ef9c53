import type { Finding } from '../core/index.ts';
import {
  type CodePart,
  expectedFormats,
  type FileFormat,
  type FileInspection,
  fileType,
  type PickleImport,
  RUNS_CODE,
} from '../filetypes/index.ts';
import type { FormatRule } from '../policy/index.ts';
import { isHarmlessImport } from './harmless-imports.ts';

/** What a rule makes of one file. */
export interface FormatJudgement {
  readonly findings: readonly Finding[];
  /** Formats that run code and were allowed by `allow-code`. */
  readonly allowed: readonly FileFormat[];
}

/** How many imports and defects of one file are named. */
const MOST_NAMED = 5;
const MOST_CHARACTERS = 200;
/** Whose names promise no more than text: which of them a file is, is a matter of taste. */
const TEXTS: ReadonlySet<FileFormat> = new Set<FileFormat>(['text', 'json', 'jsonl', 'markdown', 'tokenizer', 'empty']);
/** What other formats hold as well. */
const CONVERTIBLE: ReadonlySet<FileFormat> = new Set<FileFormat>([
  'pickle',
  'pytorch',
  'pytorch-legacy',
  'joblib',
  'keras',
  'numpy',
  'numpy-zip',
]);
/** Names that run what they are given: only a rule that writes them out means them. */
const NEVER_BY_PATTERN =
  /^(?:torch\._utils\._import_dotted_name|(?:torch|numpy|pandas)(?:\.\w+)*\.(?:load|read_pickle|eval|compile|jit|hub|fromfile))$/;

/** Judges what a file is and could do. Nothing else is known of it than its name and what inspecting it showed. */
export function judgeFormat(rule: FormatRule, name: string, inspection: FileInspection): FormatJudgement {
  const pretending = mismatch(rule, name, inspection);
  if (pretending !== undefined) return { findings: [pretending, ...malformed(rule, name, inspection)], allowed: [] };
  const code = codeParts(inspection);
  const refused = code.filter(({ format }) => !rule.allowCode.includes(format));
  const findings = [
    ...(refused.length > 0 ? [runsCode(rule, name, inspection, refused)] : notAllowed(rule, name, inspection)),
    ...(refused.length > 0 ? [] : importsNotAllowed(rule, name, inspection)),
    ...malformed(rule, name, inspection),
    ...(inspection.isComplete ? [] : [notExamined(rule, name, 'a limit was met before all of it was looked at')]),
  ];
  return { findings, allowed: refused.length > 0 ? [] : [...new Set(code.map(({ format }) => format))] };
}

/** The finding about a file that was not looked at, or not wholly. */
export function notExamined(rule: FormatRule, subject: string, why: string): Finding {
  return {
    code: 'format-not-examined',
    severity: rule.by === 'flags' ? 'warning' : 'undetermined',
    message: `what it can do when it is loaded is not known: ${why}`,
    subject,
    suggestion: 'leave it out of the model, or let a rule say that formats do not matter (formats: any)',
  };
}

/** A file that cannot run code has none; one that can has one at least. */
function codeParts({ type, runsCode, parts }: FileInspection): readonly CodePart[] {
  const code = parts.filter((part) => part.runsCode);
  if (!runsCode || code.length > 0) return code;
  return [{ format: type.format, where: '', what: 'its loader can run code', runsCode }];
}

/** A name over bytes of another format: whoever chose the file by its name would load something else. */
function mismatch(rule: FormatRule, name: string, { type, runsCode }: FileInspection): Finding | undefined {
  const expected = expectedFormats(name);
  if (expected === undefined || expected.includes(type.format)) return undefined;
  const isCode = runsCode || RUNS_CODE.has(type.format);
  if (!isCode && (rule.by !== 'rule' || (TEXTS.has(type.format) && expected.some((format) => TEXTS.has(format))))) return undefined;
  return {
    code: 'format-mismatch',
    severity: 'rejected',
    message: isCode ? 'its name hides bytes that can run code when they are loaded' : 'its bytes are not what its name says',
    subject: name,
    expected: expected.map((format) => fileType(format).label).join(' or '),
    got: type.label,
    suggestion: 'find out where it comes from; give it the name that its bytes have, or remove it',
  };
}

function runsCode(rule: FormatRule, subject: string, inspection: FileInspection, refused: readonly CodePart[]): Finding {
  const formats = [...new Set(refused.map(({ format }) => format))];
  const otherwise = formats.every((format) => CONVERTIBLE.has(format)) ? 'convert it to safetensors' : 'remove it';
  return {
    code: 'format-runs-code',
    severity: severityOf(rule),
    message: `can run code when it is loaded: ${reasons(inspection, refused)}`,
    subject,
    suggestion: `${otherwise}, or allow it (formats: allow-code: [${formats.join(', ')}])`,
  };
}

/** What is worst comes first: imports that nothing harmless needs. */
function reasons({ imports, type }: FileInspection, refused: readonly CodePart[]): string {
  if (imports.length === 0) return clip(andMore([...new Set(refused.map(partText))]));
  const harmful = imports.filter((entry) => !isHarmlessImport(entry));
  const names = [...harmful, ...imports.filter(isHarmlessImport)].map(importText);
  return clip(`${type.label} imports ${andMore(names)}`);
}

function partText({ where, what }: CodePart): string {
  return where === '' ? what : `${where}: ${what}`;
}

function notAllowed({ allow, allowCode, ...rule }: FormatRule, subject: string, { type }: FileInspection): readonly Finding[] {
  // What holds nothing does nothing.
  if (allow === undefined || type.format === 'empty' || [...allow, ...allowCode].includes(type.format)) return [];
  return [
    {
      code: 'format-not-allowed',
      severity: severityOf({ allow, allowCode, ...rule }),
      message: 'the policy does not allow what it is',
      subject,
      expected: [...new Set([...allow, ...allowCode])].join(', '),
      got: type.format,
      suggestion: `remove it, or allow it (formats: allow: [${type.format}])`,
    },
  ];
}

function importsNotAllowed(rule: FormatRule, subject: string, { imports }: FileInspection): readonly Finding[] {
  const wrong = imports.filter((entry) => !isAllowed(rule, entry)).map(importText);
  if (wrong.length === 0) return [];
  return [
    {
      code: 'pickle-import-not-allowed',
      severity: severityOf(rule),
      message: 'its pickle imports what the policy does not allow',
      subject,
      expected: rule.imports === undefined ? 'only what it takes to rebuild tensors and arrays' : clip(`only ${rule.imports.join(', ')}`),
      got: clip(andMore(wrong)),
      suggestion: 'convert it to safetensors, or allow exactly this import (formats: imports)',
    },
  ];
}

function isAllowed({ imports }: FormatRule, entry: PickleImport): boolean {
  if (imports === undefined) return isHarmlessImport(entry);
  const { module, name } = entry;
  const full = importText(entry);
  return imports.some((pattern) => {
    if (!pattern.endsWith('.*')) return pattern === full;
    // One name: an attribute of an attribute may be any function that its module has imported.
    return pattern.slice(0, -2) === module && /^\w+$/.test(name) && !NEVER_BY_PATTERN.test(full);
  });
}

function malformed(rule: FormatRule, subject: string, { defects }: FileInspection): readonly Finding[] {
  return defects.slice(0, MOST_NAMED).map(({ message, where, expected, got }) => ({
    code: 'format-malformed',
    severity: severityOf(rule),
    message: where === undefined ? message : `${clip(where)}: ${message}`,
    subject,
    expected,
    got,
    suggestion: 'make the file again with a tool that writes its format as it is specified',
  }));
}

function severityOf({ by }: FormatRule): 'rejected' | 'warning' {
  return by === 'flags' ? 'warning' : 'rejected';
}

function importText({ module, name }: PickleImport): string {
  return `${module}.${name}`;
}

function andMore(texts: readonly string[]): string {
  const shown = texts.slice(0, MOST_NAMED).join(', ');
  return texts.length > MOST_NAMED ? `${shown} and ${texts.length - MOST_NAMED} more` : shown;
}

function clip(text: string): string {
  return text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}…` : text;
}
