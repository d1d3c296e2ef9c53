import { Flags } from '@oclif/core';
import { usage } from '../core/index.ts';
import type { ObjectAttributes } from '../store/index.ts';
import { parseLifetime } from './duration.ts';

const STORED = 'STORED OBJECTS';

/** How objects are stored. */
export const attributeFlags = {
  'sse-kms': Flags.string({ summary: 'Encrypt with this KMS key (id, ARN or alias).', helpValue: 'KEY', helpGroup: STORED }),
  'storage-class': Flags.string({
    summary: 'Storage class of the files: STANDARD_IA, INTELLIGENT_TIERING …',
    helpValue: 'CLASS',
    helpGroup: STORED,
  }),
  tag: Flags.string({
    summary: 'Tag of the objects (repeatable).',
    helpValue: 'NAME=VALUE',
    multiple: true,
    multipleNonGreedy: true,
    helpGroup: STORED,
  }),
  'lock-until': Flags.custom<Date>({ parse: async (text) => parseDate(text) })({
    summary: 'Object Lock: nobody removes the versions before this date.',
    helpValue: 'DATE',
    helpGroup: STORED,
  }),
  'lock-mode': Flags.option({ options: ['governance', 'compliance'] as const })({
    summary: 'Whether privileged users may lift the lock (governance), or nobody (compliance); governance unless given.',
    dependsOn: ['lock-until'],
    helpGroup: STORED,
  }),
  'legal-hold': Flags.boolean({ summary: 'Object Lock: nobody removes the versions until the hold is lifted.', helpGroup: STORED }),
};

/** Flags that say how objects are stored. */
export interface AttributeFlags {
  readonly 'sse-kms'?: string | undefined;
  readonly 'storage-class'?: string | undefined;
  readonly tag?: readonly string[] | undefined;
  readonly 'lock-until'?: Date | undefined;
  readonly 'lock-mode'?: 'governance' | 'compliance' | undefined;
  readonly 'legal-hold': boolean;
}

/** The attributes that flags ask for; undefined where they ask for none. */
export function attributesOf(flags: AttributeFlags): ObjectAttributes | undefined {
  const { 'sse-kms': sseKmsKey, 'storage-class': storageClass, tag = [], 'lock-until': until, 'lock-mode': mode } = flags;
  const attributes: ObjectAttributes = {
    ...(sseKmsKey === undefined ? {} : { sseKmsKey }),
    ...(storageClass === undefined ? {} : { storageClass }),
    ...(tag.length === 0 ? {} : { tags: Object.fromEntries(tag.map(readTag)) }),
    ...(until === undefined ? {} : { retention: { mode: mode === 'compliance' ? 'COMPLIANCE' : 'GOVERNANCE', until } }),
    ...(flags['legal-hold'] ? { legalHold: true } : {}),
  };
  return Object.keys(attributes).length === 0 ? undefined : attributes;
}

function readTag(text: string): readonly [string, string] {
  const at = text.indexOf('=');
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw usage('tag-malformed', 'this is not a tag', { subject: text, expected: 'NAME=VALUE, such as team=vision' });
}

function parseDate(text: string): Date {
  const lifetime = parseLifetime(text);
  if (lifetime.kind === 'until') return lifetime.date;
  throw usage('date-invalid', 'not a date', { got: text, expected: 'such as 2027-01-31 or 2027-01-31T12:00:00Z' });
}
