import { type Decoder, type Fields, nearest } from '../core/index.ts';
import { MATERIAL_URI } from '../formats/index.ts';
import { MAX_ENTRIES, refuseOthers, strings, suggestion } from './decode-fields.ts';
import { decodeSignedBy } from './decode-signers.ts';
import type { LineageEntry } from './document.ts';
import { fromPatternProblem, isLineageRole, LINEAGE_ROLES, type LineageRole } from './lineage-rule.ts';

const MODEL_FIELDS = ['signed-by', 'builders', 'required'];
const FIELDS = [...MODEL_FIELDS, 'from', 'minimum'];
/** More than any model was merged from, and fewer than provenance may name. */
const MOST_REQUIRED = 10_000;

/** Reads what must hold for what a model was made from. */
export function decodeLineage(decoder: Decoder, rule: Fields): readonly LineageEntry[] {
  if (!rule.has('lineage')) return [];
  const lineage = rule.object('lineage');
  if (lineage.present && lineage.keys().length === 0) decoder.problem(lineage.path, 'at least one role', {});
  return lineage.keys().flatMap((role) => {
    if (isLineageRole(role)) return [decodeRole(decoder, lineage, role)];
    decoder.problem(lineage.at(role), `a role: ${LINEAGE_ROLES.join(', ')}${suggestion(nearest(role, LINEAGE_ROLES))}`, role);
    return [];
  });
}

function decodeRole(decoder: Decoder, lineage: Fields, role: LineageRole): LineageEntry {
  const fields = lineage.object(role);
  refuseOthers(decoder, fields, role === 'model' ? MODEL_FIELDS : FIELDS);
  if (fields.present && fields.keys().length === 0) decoder.problem(fields.path, FIELDS.join(', '), {});
  const isSigned = fields.has('signed-by');
  if (fields.has('required') && !isSigned && role !== 'model')
    decoder.problem(fields.at('required'), 'no such field without signed-by', fields.raw('required'));
  return {
    role,
    ...(isSigned ? { signedBy: decodeSignedBy(decoder, fields) } : {}),
    from: fields.has('from') ? decodeFrom(decoder, fields) : [],
    builders: fields.has('builders') ? decodeBuilders(decoder, fields) : [],
    required: fields.has('required') ? fields.boolean('required') : true,
    minimum: fields.has('minimum') ? fields.integer('minimum', 1, MOST_REQUIRED) : 0,
  };
}

function decodeFrom(decoder: Decoder, fields: Fields): readonly string[] {
  const path = fields.at('from');
  const patterns = strings(decoder, fields.array('from', 1, MAX_ENTRIES), path, /./s, 'a pattern');
  for (const [index, pattern] of patterns.entries()) {
    const reason = pattern === '' ? undefined : fromPatternProblem(pattern);
    if (reason !== undefined) decoder.problem(`${path}[${index}]`, reason, pattern);
  }
  return patterns;
}

function decodeBuilders(decoder: Decoder, fields: Fields): readonly string[] {
  const path = fields.at('builders');
  const builders = strings(decoder, fields.array('builders', 1, MAX_ENTRIES), path, /./s, 'a URI');
  for (const [index, builder] of builders.entries()) {
    if (builder !== '' && !MATERIAL_URI.test(builder)) decoder.problem(`${path}[${index}]`, 'a URI, as provenance names builders', builder);
  }
  return builders;
}
