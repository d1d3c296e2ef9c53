import type { Decoder, Fields, JsonValue } from '../core/index.ts';
import { checkIgnorePath } from '../formats/index.ts';
import { decodeAge } from './decode-age.ts';
import { decodeAttestations } from './decode-attestations.ts';
import { MAX_ENTRIES, refuseOthers, strings } from './decode-fields.ts';
import { decodeFormats } from './decode-formats.ts';
import { decodeLineage } from './decode-lineage.ts';
import { decodeEndpoints, decodeReleasing } from './decode-releasing.ts';
import { decodeRevocations } from './decode-revocations.ts';
import { decodeSignedBy, NAME, NAME_WORDS } from './decode-signers.ts';
import { decodePrincipal } from './decode-trust.ts';
import { decodeVsa } from './decode-vsa.ts';
import type { PolicyDocument, RuleEntry } from './document.ts';
import { RULE_DEFAULTS, type RuleSettings } from './policy.ts';

const MAX_AUTHORS = 16;

const TOP_FIELDS = ['version', 'principals', 'roles', 'revocations', 'rules'];
const RULE_FIELDS = [
  'model',
  'signed-by',
  'released-by',
  'channels',
  'lineage',
  'attestations',
  'revocations',
  'vsa',
  'attested-endpoints',
  'require',
  'formats',
  'ignore-paths',
  'unsigned-paths',
  'allow-symlinks',
  'allow-legacy',
  'ignore-unsigned-files',
];

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
    revocations: decodeRevocations(decoder, top),
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

function decodeRule(decoder: Decoder, value: JsonValue, path: string): RuleEntry {
  const fields = decoder.object(value, path);
  refuseOthers(decoder, fields, RULE_FIELDS);
  const flag = (name: string, otherwise: boolean) => (fields.has(name) ? fields.boolean(name) : otherwise);
  return {
    path,
    model: fields.string('model'),
    signedBy: decodeSignedBy(decoder, fields),
    ...decodeReleasing(decoder, fields),
    lineage: decodeLineage(decoder, fields),
    attestations: decodeAttestations(decoder, fields),
    revocations: decodeRevocations(decoder, fields),
    vsa: decodeVsa(decoder, fields),
    settings: {
      ...(fields.has('require') ? decodeRequire(decoder, fields) : { require: RULE_DEFAULTS.require }),
      ignorePaths:
        fields.has('ignore-paths') && fields.raw('ignore-paths') !== 'signed'
          ? paths(decoder, fields, 'ignore-paths', '"signed" or a list of paths')
          : RULE_DEFAULTS.ignorePaths,
      unsignedPaths: fields.has('unsigned-paths')
        ? paths(decoder, fields, 'unsigned-paths', 'a list of paths')
        : RULE_DEFAULTS.unsignedPaths,
      allowSymlinks: flag('allow-symlinks', RULE_DEFAULTS.allowSymlinks),
      allowLegacy: flag('allow-legacy', RULE_DEFAULTS.allowLegacy),
      ignoreUnsigned: flag('ignore-unsigned-files', RULE_DEFAULTS.ignoreUnsigned),
      attestedEndpoints: fields.has('attested-endpoints') ? decodeEndpoints(decoder, fields) : RULE_DEFAULTS.attestedEndpoints,
      formats: fields.has('formats') ? decodeFormats(decoder, fields) : RULE_DEFAULTS.formats,
    },
  };
}

function decodeRequire(decoder: Decoder, rule: Fields): Pick<RuleSettings, 'require' | 'maxAge'> {
  const fields = rule.object('require');
  refuseOthers(decoder, fields, ['timestamps', 'logs', 'max-age']);
  if (fields.present && fields.keys().length === 0) decoder.problem(fields.path, 'timestamps, logs or max-age', {});
  const count = (name: 'timestamps' | 'logs') => (fields.has(name) ? fields.integer(name, 1, MAX_AUTHORS) : 0);
  const maxAge = fields.has('max-age') ? decodeAge(fields, 'max-age') : undefined;
  return { require: { timestamps: count('timestamps'), logs: count('logs') }, ...(maxAge === undefined ? {} : { maxAge }) };
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
