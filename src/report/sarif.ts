import type { Verification } from '../app/index.ts';
import { type Finding, type Severity, sha256Hex } from '../core/index.ts';
import { escapeText } from './escape.ts';
import { findingLine, worstFirst } from './findings.ts';

/** What a report of findings is made of: a verification, or what came before there could be one. */
export type SarifSubject = Pick<Verification, 'verdict' | 'findings' | 'checks'> & {
  readonly source: Pick<Verification['source'], 'name' | 'kind' | 'path'>;
  readonly policy?: Verification['policy'] | undefined;
  readonly signed?: Verification['signed'];
};

/** What a report says besides its findings. */
export interface SarifContext {
  /** Of mlsign. */
  readonly version: string;
  readonly exitCode: number;
  /** When the command ended. */
  readonly ended: Date;
  /** The model on disk as a URI that ends with `/`, or its place in a store. */
  readonly root: string;
  /** What a finding code means, in a sentence, and at length. */
  readonly explain: (code: string) => { readonly short: string; readonly full: string } | undefined;
}

const SCHEMA = 'https://json.schemastore.org/sarif-2.1.0.json';
/** As many as GitHub shows; it refuses files with more than 25,000. */
const MOST_RESULTS = 5000;

const LEVELS: Readonly<Record<Severity, 'error' | 'warning' | 'note'>> = {
  rejected: 'error',
  undetermined: 'error',
  warning: 'warning',
  note: 'note',
};

/** The findings as SARIF 2.1.0 (OASIS), as GitHub code scanning takes it: one rule a code, one result a finding, the worst first. */
export function sarifLog(subject: SarifSubject, context: SarifContext): object {
  const { verdict, source, policy, signed, findings } = subject;
  const shown = worstFirst(findings).slice(0, MOST_RESULTS);
  const codes = [...new Set(shown.map(({ code }) => code))];
  const files = filesOf(subject);
  return {
    $schema: SCHEMA,
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'mlsign',
            semanticVersion: context.version,
            rules: codes.map((code) => ruleOf(code, shown, context)),
          },
        },
        // GitHub keeps the alerts of each category apart.
        automationDetails: { id: `mlsign/${encodeURIComponent(source.name)}/` },
        invocations: [invocationOf(subject, shown.length, context)],
        originalUriBaseIds: { '%SRCROOT%': { uri: context.root } },
        results: shown.map((finding) => resultOf(finding, codes.indexOf(finding.code), subject, files)),
        properties: {
          verdict,
          ...(policy === undefined
            ? {}
            : { policy: policy.source, rule: policy.rule, ...(policy.digest === undefined ? {} : { policySha256: policy.digest }) }),
          ...(signed === undefined ? {} : { modelId: signed.modelId }),
        },
      },
    ],
  };
}

function ruleOf(code: string, findings: readonly Finding[], { explain }: SarifContext): object {
  const first = findings.find((finding) => finding.code === code);
  const { short, full } = explain(code) ?? { short: first?.message ?? code, full: first?.suggestion ?? first?.message ?? code };
  const level = LEVELS[first?.severity ?? 'note'];
  return {
    id: code,
    name: code.replace(/(?:^|-)([a-z0-9])/g, (_, letter: string) => letter.toUpperCase()),
    shortDescription: { text: escapeText(short) },
    fullDescription: { text: escapeText(full) },
    help: { text: `mlsign explain ${code}` },
    defaultConfiguration: { level },
    properties: {
      tags: ['security', 'supply-chain'],
      ...(level === 'error' ? { 'security-severity': '8.0' } : {}),
    },
  };
}

function invocationOf({ verdict, findings }: SarifSubject, shown: number, { exitCode, ended }: SarifContext): object {
  const rest = findings.length - shown;
  return {
    executionSuccessful: verdict !== 'undetermined',
    exitCode,
    exitCodeDescription: verdict,
    endTimeUtc: ended.toISOString(),
    ...(rest > 0
      ? {
          toolExecutionNotifications: [{ level: 'warning', message: { text: `${rest} more findings: mlsign verify --json has them all` } }],
        }
      : {}),
  };
}

function resultOf(finding: Finding, ruleIndex: number, { source }: SarifSubject, files: ReadonlySet<string>): object {
  const { code, severity, subject, suggestion, expected, got } = finding;
  // What a result is called by must not change with its order, its words or the machine.
  const print = sha256Hex(Buffer.from(JSON.stringify([source.name, code, subject])));
  return {
    ruleId: code,
    ruleIndex,
    level: LEVELS[severity],
    message: { text: `${findingLine(finding)}${suggestion === undefined ? '' : `. To do: ${escapeText(suggestion)}`}` },
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: locationOf(finding, source, files), uriBaseId: '%SRCROOT%' },
          // Code scanning wants a line, also of what has none.
          region: { startLine: 1 },
        },
        logicalLocations: [{ fullyQualifiedName: escapeText(subject) }],
      },
    ],
    partialFingerprints: { 'mlsignFinding/v1': print, primaryLocationLineHash: `${print.slice(0, 16)}:1` },
    properties: {
      severity,
      ...(expected === undefined ? {} : { expected: escapeText(expected) }),
      ...(got === undefined ? {} : { got: escapeText(got) }),
    },
  };
}

/** Codes whose subject is a path in the model. */
const OF_FILES = /^(?:file|format|pickle|link|symlink|ignored|name|names)-/;

/** Every file that the manifest names, without the ranges of shards. */
function filesOf({ signed }: SarifSubject): ReadonlySet<string> {
  const { serialization, resources = [] } = signed?.manifest ?? {};
  return new Set(resources.map(({ name }) => (serialization?.method === 'shards' ? name.replace(/:\d+:\d+$/, '') : name)));
}

/** The path in the model that a finding is about; the signature, where it is about the whole. */
function locationOf({ code, subject }: Finding, source: SarifSubject['source'], files: ReadonlySet<string>): string {
  if (source.kind !== 'directory') return encodePath(source.name);
  const inside = subject.startsWith(`${source.path}/`) ? subject.slice(source.path.length + 1) : subject;
  const named = subject.startsWith(`${source.name}/`) ? subject.slice(source.name.length + 1) : subject;
  const found =
    [subject, inside, named].find((name) => files.has(name)) ?? (inside === subject && !OF_FILES.test(code) ? undefined : inside);
  return found !== undefined && isRelative(found) ? encodePath(found) : 'model.sig';
}

function isRelative(path: string): boolean {
  return !/^[A-Za-z][A-Za-z0-9+.-]*:/.test(path) && path.split('/').every((segment) => !/^\.{0,2}$/.test(segment));
}

/** A path as a relative URI: encoded, nothing in it is a scheme or a query. */
function encodePath(path: string): string {
  return path
    .split('/')
    .map((segment) => encodeURIComponent(segment.toWellFormed()))
    .join('/');
}
