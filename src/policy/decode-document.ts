import { type Decoder, type Fields, isJsonObject, type JsonValue } from '../core/index.ts';
import { checkIgnorePath, isSchemeName, SCHEME_NAMES, type SchemeName } from '../formats/index.ts';
import type { PemReference, PolicyDocument, RuleEntry, SignedByEntry, TrustEntry } from './document.ts';
import { nearest } from './nearest.ts';
import { RULE_DEFAULTS } from './policy.ts';

const NAME = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;
const NAME_WORDS = 'a name of letters, digits, "-" and "_"';
const SOME_OF = /^(0|[1-9]\d{0,5}) of \[([^[\]]*)\]$/;
const MAX_ENTRIES = 10_000;

const TOP_FIELDS = ['version', 'principals', 'roles', 'rules'];
const KEY_FIELDS = ['key', 'scheme'];
const CA_FIELDS = ['ca', 'subject', 'alternative-name', 'scheme'];
const RULE_FIELDS = ['model', 'signed-by', 'ignore-paths', 'unsigned-paths', 'allow-symlinks', 'allow-legacy', 'ignore-unsigned-files'];

/** Reads the fields of a policy file; what is wrong is noted in the decoder. */
export function decodeDocument(decoder: Decoder, value: JsonValue): PolicyDocument {
  const top = decoder.object(value, '');
  refuseOthers(decoder, top, TOP_FIELDS);
  if (top.present && top.raw('version') !== 1) decoder.problem(top.at('version'), '1', top.raw('version'));
  return {
    principals: named(decoder, top, 'principals').map(({ name, path, value }) => ({
      name,
      path,
      trust: decodePrincipal(decoder, value, path),
    })),
    roles: top.has('roles')
      ? named(decoder, top, 'roles').map(({ name, path, value }) => ({
          name,
          path,
          members: strings(decoder, decoder.array(value, path, 1, MAX_ENTRIES), path, NAME, NAME_WORDS),
        }))
      : [],
    rules: top.array('rules', 1, MAX_ENTRIES).map((rule, index) => decodeRule(decoder, rule, `${top.at('rules')}[${index}]`)),
  };
}

function named(decoder: Decoder, top: Fields, field: string) {
  const fields = top.object(field);
  if (fields.present && fields.keys().length === 0) decoder.problem(fields.path, 'at least one entry', {});
  return fields.keys().map((name) => {
    const path = fields.at(name);
    if (!NAME.test(name)) decoder.problem(path, NAME_WORDS, name);
    return { name, path, value: fields.raw(name) };
  });
}

function decodePrincipal(decoder: Decoder, value: JsonValue | undefined, path: string): readonly TrustEntry[] {
  if (!Array.isArray(value)) return decodeTrust(decoder, value, path);
  return decoder.array(value, path, 1, MAX_ENTRIES).flatMap((entry, index) => decodeTrust(decoder, entry, `${path}[${index}]`));
}

function decodeTrust(decoder: Decoder, value: JsonValue | undefined, path: string): readonly TrustEntry[] {
  const fields = decoder.object(value, path);
  if (!fields.present) return [];
  const kinds = (['key', 'ca'] as const).filter((kind) => fields.has(kind));
  const [kind] = kinds;
  if (kind === undefined || kinds.length > 1) {
    const near = kind === undefined ? fields.keys().flatMap((key) => nearest(key, ['key', 'ca']) ?? []) : [];
    decoder.problem(path, `exactly one of "key" and "ca"${suggestion(near[0])}`, fields.keys().join(', ') || 'neither');
    return [];
  }
  refuseOthers(decoder, fields, kind === 'key' ? KEY_FIELDS : CA_FIELDS);
  const sources = references(decoder, fields.raw(kind), fields.at(kind));
  const scheme = fields.has('scheme') ? decodeScheme(decoder, fields) : undefined;
  if (kind === 'key') return [{ kind, path: fields.at(kind), sources, scheme }];
  const optional = (name: string) => (fields.has(name) ? fields.string(name) : undefined);
  return [{ kind, path: fields.at(kind), sources, scheme, subject: optional('subject'), alternativeName: optional('alternative-name') }];
}

function decodeScheme(decoder: Decoder, fields: Fields): SchemeName | undefined {
  const name = fields.raw('scheme');
  if (typeof name === 'string' && isSchemeName(name)) return name;
  decoder.problem(fields.at('scheme'), `one of ${SCHEME_NAMES.join(', ')}`, name);
  return undefined;
}

function references(decoder: Decoder, value: JsonValue | undefined, path: string): readonly PemReference[] {
  if (!Array.isArray(value)) return [{ text: decoder.string(value, path, undefined, 'a path, PEM text, or a list of them'), path }];
  const texts = strings(decoder, decoder.array(value, path, 1, MAX_ENTRIES), path, /./s, 'a path or PEM text');
  return texts.map((text, index) => ({ text, path: `${path}[${index}]` }));
}

function decodeRule(decoder: Decoder, value: JsonValue, path: string): RuleEntry {
  const fields = decoder.object(value, path);
  refuseOthers(decoder, fields, RULE_FIELDS);
  const flag = (name: string, otherwise: boolean) => (fields.has(name) ? fields.boolean(name) : otherwise);
  return {
    path,
    model: fields.string('model'),
    signedBy: decodeSignedBy(decoder, fields),
    ignorePaths:
      fields.has('ignore-paths') && fields.raw('ignore-paths') !== 'signed'
        ? paths(decoder, fields, 'ignore-paths', '"signed" or a list of paths')
        : RULE_DEFAULTS.ignorePaths,
    unsignedPaths: fields.has('unsigned-paths') ? paths(decoder, fields, 'unsigned-paths', 'a list of paths') : RULE_DEFAULTS.unsignedPaths,
    allowSymlinks: flag('allow-symlinks', RULE_DEFAULTS.allowSymlinks),
    allowLegacy: flag('allow-legacy', RULE_DEFAULTS.allowLegacy),
    ignoreUnsigned: flag('ignore-unsigned-files', RULE_DEFAULTS.ignoreUnsigned),
  };
}

function decodeSignedBy(decoder: Decoder, fields: Fields): readonly SignedByEntry[] {
  if (!fields.present) return [];
  const path = fields.at('signed-by');
  const value = fields.raw('signed-by');
  if (!Array.isArray(value)) return decodeRequirement(decoder, value, path);
  const entries = decoder
    .array(value, path, 1, MAX_ENTRIES)
    .flatMap((entry, index) => decodeRequirement(decoder, entry, `${path}[${index}]`));
  refuseDuplicates(
    decoder,
    entries.map(({ text }) => text),
    path,
  );
  return entries;
}

function decodeRequirement(decoder: Decoder, value: JsonValue | undefined, path: string): readonly SignedByEntry[] {
  const expected = 'a principal, a role, or "2 of [name, name]"';
  if (typeof value !== 'string') {
    decoder.problem(path, expected, value);
    return [];
  }
  if (NAME.test(value)) return [{ path, text: value, threshold: 1, names: [value] }];
  const [, count, list] = SOME_OF.exec(value) ?? [];
  if (list === undefined) {
    decoder.problem(path, expected, value);
    return [];
  }
  const names = list.split(',').map((name) => name.trim());
  if (names.some((name) => !NAME.test(name))) decoder.problem(path, expected, value);
  if (count === '0') decoder.problem(path, 'at least 1 signer', value);
  refuseDuplicates(decoder, names, path);
  return [{ path, text: `${count} of [${names.join(', ')}]`, threshold: Number(count), names }];
}

function paths(decoder: Decoder, fields: Fields, name: string, expected: string): readonly string[] {
  const value = fields.raw(name);
  if (!Array.isArray(value)) {
    decoder.problem(fields.at(name), expected, value);
    return [];
  }
  const list = strings(decoder, decoder.array(value, fields.at(name), 0, MAX_ENTRIES), fields.at(name), /./s, 'a path');
  for (const [index, path] of list.entries()) {
    const reason = path === '' ? undefined : checkIgnorePath(path);
    if (reason !== undefined)
      decoder.problem(`${fields.at(name)}[${index}]`, 'a path relative to the model, without wildcards', `${path}, which ${reason}`);
  }
  return list;
}

function strings(decoder: Decoder, values: readonly JsonValue[], path: string, pattern: RegExp, expected: string): readonly string[] {
  const list = values.map((value, index) => decoder.string(value, `${path}[${index}]`, pattern, expected));
  refuseDuplicates(decoder, list, path);
  return list;
}

function refuseDuplicates(decoder: Decoder, names: readonly string[], path: string): void {
  for (const [index, name] of names.entries()) {
    if (name !== '' && names.indexOf(name) !== index) decoder.problem(`${path}[${index}]`, 'each entry once', name);
  }
}

function refuseOthers(decoder: Decoder, fields: Fields, known: readonly string[]): void {
  for (const key of fields.keys()) {
    if (!known.includes(key))
      decoder.problem(
        fields.at(key),
        `no such field${suggestion(nearest(key, known))}`,
        isJsonObject(fields.raw(key)) ? key : fields.raw(key),
      );
  }
}

function suggestion(name: string | undefined): string {
  return name === undefined ? '' : ` (did you mean "${name}"?)`;
}
