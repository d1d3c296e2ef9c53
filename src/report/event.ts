import type { ErrorOutcome, Finding, Verdict } from '../core/index.ts';
import { worstFirst } from './findings.ts';

/** What a command tells of itself for the event log. */
export interface EventSummary {
  /** The model: its path, or its place in a store. */
  readonly place: string;
  readonly modelId?: string | undefined;
  readonly release?: { readonly number: number; readonly digest?: string | undefined } | undefined;
  readonly channel?: { readonly name: string; readonly sequence?: number | undefined } | undefined;
  readonly verdict?: Verdict | undefined;
  /** What was done, in the command's own word: `pushed`, `unchanged`. */
  readonly outcome?: string | undefined;
  /** Whether it only told what it would do. */
  readonly isDryRun?: boolean | undefined;
  /** Whose signatures counted, or who signed. */
  readonly signers?: readonly string[] | undefined;
  readonly policy?: { readonly source: string; readonly digest?: string | undefined; readonly rule: string } | undefined;
  readonly findings?: readonly Finding[] | undefined;
}

/** Who runs which command, and when. */
export interface EventContext {
  readonly uid: string;
  readonly version: string;
  readonly command: string;
  readonly arguments: Readonly<Record<string, string>>;
  readonly user?: string | undefined;
  readonly host: string;
  readonly pid: number;
  readonly started: Date;
  readonly ended: Date;
}

/** How the command ended. */
export interface EventEnd {
  readonly exitCode: number;
  readonly summary?: EventSummary | undefined;
  readonly error?: {
    readonly outcome: ErrorOutcome;
    readonly code: string;
    readonly message: string;
    readonly subject?: string | undefined;
  };
}

const MOST_FINDINGS = 50;
/** A bundle may hold a name of 30 MB, and a collector takes lines of 256 KiB. */
const MOST_CHARACTERS = 500;

const ACTIVITIES = { create: [1, 'Create'], read: [2, 'Read'], update: [3, 'Update'], delete: [4, 'Delete'] } as const;
type Activity = keyof typeof ACTIVITIES;

const BY_COMMAND: Readonly<Record<string, Activity>> = {
  approve: 'create',
  attest: 'create',
  pack: 'create',
  push: 'create',
  sign: 'create',
  pull: 'read',
  unpack: 'read',
  verify: 'read',
  promote: 'update',
  renew: 'update',
  restore: 'update',
  revoke: 'update',
  rollback: 'update',
  gc: 'delete',
};

const SEVERITIES = { informational: [1, 'Informational'], low: [2, 'Low'], medium: [3, 'Medium'], high: [4, 'High'] } as const;

const BY_OUTCOME = { refused: 'medium', usage: 'low', unavailable: 'medium', bug: 'medium', interrupted: 'low' } as const;

/** One run of a command as an event of OCSF 1.4, class API Activity (6003): `schemas/event.schema.json`. */
export function eventDocument(context: EventContext, end: EventEnd): object {
  const { summary, error, exitCode } = end;
  const [activity, activityName] = ACTIVITIES[summary?.isDryRun ? 'read' : (BY_COMMAND[context.command] ?? 'read')];
  const [severity, severityName] = SEVERITIES[severityOf(end)];
  const isDone = exitCode === 0;
  return {
    class_uid: 6003,
    class_name: 'API Activity',
    category_uid: 6,
    category_name: 'Application Activity',
    activity_id: activity,
    activity_name: activityName,
    type_uid: 600300 + activity,
    type_name: `API Activity: ${activityName}`,
    severity_id: severity,
    severity: severityName,
    status_id: isDone ? 1 : 2,
    status: isDone ? 'Success' : 'Failure',
    ...reasonOf(end),
    time: context.ended.getTime(),
    start_time: context.started.getTime(),
    end_time: context.ended.getTime(),
    duration: context.ended.getTime() - context.started.getTime(),
    metadata: { version: '1.4.0', uid: context.uid, product: { name: 'mlsign', vendor_name: 'mlsign', version: context.version } },
    actor: {
      ...(context.user === undefined ? {} : { user: { name: cut(context.user) } }),
      process: { name: 'mlsign', pid: context.pid },
    },
    api: { operation: context.command, service: { name: 'mlsign' }, response: { code: exitCode, ...(error && { error: error.code }) } },
    src_endpoint: { hostname: cut(context.host) },
    resources: resourcesOf(context, summary),
    unmapped: {
      arguments: Object.fromEntries(Object.entries(context.arguments).map(([name, value]) => [name, cut(value)])),
      exit_code: exitCode,
      ...(error === undefined ? {} : { error: { outcome: error.outcome, code: error.code, message: cut(error.message) } }),
      ...(summary === undefined ? {} : summaryFields(summary)),
    },
  };
}

function severityOf({ error, summary, exitCode }: EventEnd): keyof typeof SEVERITIES {
  if (error !== undefined) return BY_OUTCOME[error.outcome];
  if (summary?.verdict === 'rejected') return 'high';
  if (exitCode !== 0) return 'medium';
  return summary?.findings?.some(({ severity }) => severity === 'warning') ? 'low' : 'informational';
}

/** Why it did not succeed: the error, or the finding that decided. */
function reasonOf({ error, summary, exitCode }: EventEnd): object {
  if (error !== undefined) return { status_code: error.code, status_detail: cut(error.message) };
  const [worst] = exitCode === 0 ? [] : worstFirst(summary?.findings ?? []);
  return worst === undefined ? {} : { status_code: worst.code, status_detail: cut(`${worst.subject}: ${worst.message}`) };
}

function resourcesOf(context: EventContext, summary: EventSummary | undefined): readonly object[] {
  if (summary === undefined) return Object.entries(context.arguments).map(([type, name]) => ({ type, name: cut(name) }));
  const { place, modelId, release } = summary;
  return [
    {
      type: 'model',
      name: cut(place),
      ...(modelId === undefined ? {} : { uid: modelId }),
      ...(release === undefined ? {} : { version: String(release.number) }),
    },
  ];
}

function summaryFields({ verdict, outcome, modelId, release, channel, signers, policy, findings = [] }: EventSummary): object {
  return {
    ...(verdict === undefined ? {} : { verdict }),
    ...(outcome === undefined ? {} : { outcome }),
    ...(modelId === undefined ? {} : { model_id: modelId }),
    ...(release === undefined
      ? {}
      : { release: { number: release.number, ...(release.digest === undefined ? {} : { sha256: release.digest }) } }),
    ...(channel === undefined
      ? {}
      : { channel: { name: channel.name, ...(channel.sequence === undefined ? {} : { sequence: channel.sequence }) } }),
    ...(signers === undefined ? {} : { signers: signers.slice(0, MOST_FINDINGS).map(cut) }),
    ...(policy === undefined
      ? {}
      : {
          policy: { source: cut(policy.source), ...(policy.digest === undefined ? {} : { sha256: policy.digest }), rule: cut(policy.rule) },
        }),
    findings: worstFirst(findings)
      .slice(0, MOST_FINDINGS)
      .map(({ code, severity, subject, message }) => ({ code, severity, subject: cut(subject), message: cut(message) })),
    findings_total: findings.length,
  };
}

function cut(text: string): string {
  return text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}…` : text;
}
