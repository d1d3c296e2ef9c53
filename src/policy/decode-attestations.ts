import { type Decoder, type Fields, nearest } from '../core/index.ts';
import { APPROVAL_ROLE, APPROVAL_TYPE, EVALUATION_TYPE, isUri, MATERIAL_NAME, PROVENANCE_TYPE } from '../formats/index.ts';
import type { MetricBound, MetricRelation } from './attestation-rule.ts';
import { decodeAge } from './decode-age.ts';
import { refuseDuplicates, refuseOthers, suggestion } from './decode-fields.ts';
import { decodeSignedBy } from './decode-signers.ts';
import type { AttestationEntry } from './document.ts';

const FIELDS = ['type', 'role', 'signed-by', 'max-age', 'metrics'];
/** More than anybody asks for; each entry is compared with each attestation. */
const MOST_ENTRIES = 100;

/** Short names of predicate types. */
const TYPES: Readonly<Record<string, string>> = { approval: APPROVAL_TYPE, evaluation: EVALUATION_TYPE, provenance: PROVENANCE_TYPE };
const BOUND = /^(>=|>|<=|<|==) ?(-?\d{1,15}(?:\.\d{1,15})?(?:e-?\d{1,2})?)$/;
const BOUND_WORDS = '">=", ">", "<=", "<" or "==" and a number, such as ">= 0.9"';

/** Reads which statements about a model must be there. */
export function decodeAttestations(decoder: Decoder, rule: Fields): readonly AttestationEntry[] {
  if (!rule.has('attestations')) return [];
  const path = rule.at('attestations');
  const entries = rule
    .array('attestations', 1, MOST_ENTRIES)
    .map((value, index) => decodeEntry(decoder, decoder.object(value, `${path}[${index}]`)));
  const keys = entries.map(({ type, role, signedBy, metrics, maxAge }) =>
    JSON.stringify([type, role, signedBy.map(({ text }) => text), metrics, maxAge]),
  );
  refuseDuplicates(decoder, keys, path);
  return entries;
}

function decodeEntry(decoder: Decoder, fields: Fields): AttestationEntry {
  refuseOthers(decoder, fields, FIELDS);
  const type = decodeType(decoder, fields);
  if (fields.present && !fields.has('signed-by')) decoder.problem(fields.at('signed-by'), 'who must have signed it', undefined);
  const isApproval = type === APPROVAL_TYPE;
  if (fields.has('role') && !isApproval) decoder.problem(fields.at('role'), 'no such field: only approvals have roles', fields.raw('role'));
  if (isApproval && !fields.has('role')) decoder.problem(fields.at('role'), 'the role in which it was approved', undefined);
  if (fields.has('metrics') && (isApproval || type === PROVENANCE_TYPE))
    decoder.problem(fields.at('metrics'), 'no such field: metrics are those of evaluations', fields.raw('metrics'));
  const role = isApproval && fields.has('role') ? fields.string('role', APPROVAL_ROLE, 'a role, such as security') : undefined;
  const short = Object.entries(TYPES).find(([, uri]) => uri === type)?.[0] ?? type;
  return {
    type,
    name: role === undefined ? short : `${short} for ${role}`,
    role,
    signedBy: fields.has('signed-by') ? decodeSignedBy(decoder, fields) : [],
    maxAge: fields.has('max-age') ? decodeAge(fields, 'max-age') : undefined,
    metrics: fields.has('metrics') ? decodeMetrics(decoder, fields.object('metrics')) : [],
  };
}

function decodeType(decoder: Decoder, fields: Fields): string {
  const text = fields.string('type');
  const known = Object.hasOwn(TYPES, text) ? TYPES[text] : undefined;
  if (known !== undefined || text === '') return known ?? '';
  if (!isUri(text)) {
    const names = Object.keys(TYPES);
    decoder.problem(fields.at('type'), `${names.join(', ')} or a URI${suggestion(nearest(text, names))}`, text);
  }
  return text;
}

function decodeMetrics(decoder: Decoder, fields: Fields): readonly MetricBound[] {
  const names = fields.keys();
  if (fields.present && (names.length === 0 || names.length > MOST_ENTRIES))
    decoder.problem(fields.path, `1 to ${MOST_ENTRIES} metrics, each with ${BOUND_WORDS}`, {});
  return names.flatMap((name): readonly MetricBound[] => {
    const path = fields.at(name);
    if (!MATERIAL_NAME.test(name)) decoder.problem(path, 'the name of a metric', name);
    const text = decoder.string(fields.raw(name), path, BOUND, BOUND_WORDS);
    const [, relation, number] = BOUND.exec(text) ?? [];
    return relation === undefined ? [] : [{ name, relation: relation as MetricRelation, bound: Number(number), text }];
  });
}
