import { Decoder, type Fields, type JsonValue, refused } from '../core/index.ts';
import {
  decodeMaterial,
  descriptorOf,
  MATERIAL_NAME,
  MATERIAL_URI,
  MAX_MATERIALS,
  type Material,
  RELATIONS,
  type Relation,
} from './material.ts';
import { type ModelSubject, subjectsOf } from './predicate.ts';
import { parseStatement, STATEMENT_TYPE, type Subject } from './statement.ts';

/** The predicate type of SLSA Provenance v1. */
export const PROVENANCE_TYPE = 'https://slsa.dev/provenance/v1';
/** The build type of the provenance that mlsign writes: what its external parameters mean. */
export const BUILD_TYPE = 'https://mlsign/build/v1';

const MAX_PARAMETERS = 10_000;
/** A hostile statement may be wrong a hundred thousand times; the first ones say enough. */
const MAX_PROBLEMS = 100;

/** What made a model, and from what. */
export interface Provenance {
  readonly subject: ModelSubject;
  /** {@link BUILD_TYPE}, or that of another tool, whose parameters then stay unread. */
  readonly buildType: string;
  readonly relation?: Relation | undefined;
  readonly materials: readonly Material[];
  readonly parameters: Readonly<Record<string, string>>;
  readonly metrics: Readonly<Record<string, number>>;
  /** A URI that names who made it. */
  readonly builder: string;
  readonly invocation?: string | undefined;
  readonly started?: Date | undefined;
  readonly finished?: Date | undefined;
}

/** The provenance as the in-toto statement to sign. */
export function provenancePayload(provenance: Provenance): Uint8Array {
  const { subject, buildType, relation, materials, parameters, metrics, builder, invocation, started, finished } = provenance;
  const metadata = {
    ...(invocation === undefined ? {} : { invocationId: invocation }),
    ...(started === undefined ? {} : { startedOn: started.toISOString() }),
    ...(finished === undefined ? {} : { finishedOn: finished.toISOString() }),
  };
  const statement = {
    _type: STATEMENT_TYPE,
    subject: subjectsOf(subject),
    predicateType: PROVENANCE_TYPE,
    predicate: {
      buildDefinition: {
        buildType,
        externalParameters: { ...(relation === undefined ? {} : { relation }), parameters, metrics },
        resolvedDependencies: materials.map(descriptorOf),
      },
      runDetails: { builder: { id: builder }, ...(Object.keys(metadata).length === 0 ? {} : { metadata }) },
    },
  };
  return Buffer.from(JSON.stringify(statement));
}

const HEX_64 = /^[0-9a-f]{64}$/;
const TEXT = /^\P{Cc}{1,4096}$/u;
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/;

/**
 * Reads SLSA provenance about one model. What mlsign writes is read strictly; of other build types the parameters stay
 * unread, and SLSA's own places for more are left alone.
 *
 * @param where names the bundle in errors
 * @throws MlsignError `provenance-malformed`, `predicate-type-unknown`, and what `parseStatement` throws
 */
export function parseProvenance(payload: Uint8Array, where: string): Provenance {
  const { predicateType, subject, predicate } = parseStatement(payload, where);
  if (predicateType !== PROVENANCE_TYPE) {
    throw refused('predicate-type-unknown', 'the signed statement is not provenance', {
      subject: where,
      expected: PROVENANCE_TYPE,
      got: predicateType,
    });
  }
  const decoder = new Decoder();
  const fields = decoder.object(predicate, 'predicate');
  const build = fields.object('buildDefinition');
  const buildType = build.string('buildType', MATERIAL_URI, 'a URI');
  const isOwn = buildType === BUILD_TYPE;
  const provenance: Provenance = {
    subject: decodeSubject(decoder, subject),
    buildType,
    ...decodeParameters(decoder, build.object('externalParameters'), isOwn),
    materials: decodeMaterials(decoder, build, isOwn),
    ...decodeRun(decoder, fields.object('runDetails')),
  };
  decoder.finish('provenance-malformed', 'provenance', where);
  return provenance;
}

function decodeSubject(decoder: Decoder, subjects: readonly Pick<Subject, 'name' | 'digests'>[]): ModelSubject {
  const [first, ...others] = subjects;
  if (others.length > 0) decoder.problem('subject', 'exactly 1 entry', subjects.length);
  const name = decoder.string(first?.name, 'subject[0].name', MATERIAL_NAME, 'a name of at most 1,024 characters');
  const modelId = decoder.string(first?.digests.mlsignModel, 'subject[0].digest.mlsignModel', HEX_64, '64 lower-case hex digits');
  const { dirHash } = first?.digests ?? {};
  if (dirHash === undefined) return { name, modelId };
  return { name, modelId, dirHash: decoder.string(dirHash, 'subject[0].digest.dirHash', HEX_64, '64 lower-case hex digits') };
}

function decodeParameters(decoder: Decoder, fields: Fields, isOwn: boolean) {
  const none: Pick<Provenance, 'relation' | 'parameters' | 'metrics'> = { parameters: {}, metrics: {} };
  if (!isOwn) return none;
  const relation = fields.has('relation') ? { relation: fields.oneOf('relation', RELATIONS) } : {};
  const parameters = decodeEntries(decoder, fields.object('parameters'), 'a string', (value) =>
    typeof value === 'string' ? value : undefined,
  );
  const metrics = decodeEntries(decoder, fields.object('metrics'), 'a number', (value) => (typeof value === 'number' ? value : undefined));
  fields.done();
  return { ...relation, parameters, metrics };
}

function decodeEntries<T>(
  decoder: Decoder,
  fields: Fields,
  expected: string,
  read: (value: JsonValue | undefined) => T | undefined,
): Record<string, T> {
  const names = fields.keys();
  if (names.length > MAX_PARAMETERS) decoder.problem(fields.path, `at most ${MAX_PARAMETERS} entries`, names.length);
  const entries: [string, T][] = [];
  for (const name of names.slice(0, MAX_PARAMETERS)) {
    if (decoder.problems.length >= MAX_PROBLEMS) break;
    if (!MATERIAL_NAME.test(name)) decoder.problem(fields.path, 'names of 1 to 1,024 characters, none of control', name);
    const value = read(fields.raw(name));
    if (value === undefined) decoder.problem(fields.at(name), expected, fields.raw(name));
    else entries.push([name, value]);
  }
  return Object.fromEntries(entries);
}

function decodeMaterials(decoder: Decoder, build: Fields, isOwn: boolean): readonly Material[] {
  if (!build.has('resolvedDependencies')) return [];
  const materials: Material[] = [];
  for (const [i, value] of build.array('resolvedDependencies', 0, MAX_MATERIALS).entries()) {
    if (decoder.problems.length >= MAX_PROBLEMS) break;
    const material = decodeMaterial(decoder, value, () => `${build.at('resolvedDependencies')}[${i}]`, isOwn);
    if (material !== undefined) materials.push(material);
  }
  return materials;
}

function decodeRun(decoder: Decoder, run: Fields) {
  const builder = run.object('builder').string('id', MATERIAL_URI, 'a URI');
  if (!run.has('metadata')) return { builder };
  const metadata = run.object('metadata');
  return {
    builder,
    ...(metadata.has('invocationId') ? { invocation: metadata.string('invocationId', TEXT, 'a line of at most 4,096 characters') } : {}),
    ...(metadata.has('startedOn') ? { started: decodeTime(decoder, metadata, 'startedOn') } : {}),
    ...(metadata.has('finishedOn') ? { finished: decodeTime(decoder, metadata, 'finishedOn') } : {}),
  };
}

function decodeTime(decoder: Decoder, fields: Fields, name: string): Date {
  const text = fields.string(name, TIME, 'a moment such as 2026-03-01T12:00:00Z');
  const time = new Date(text);
  if (!Number.isNaN(time.getTime())) return time;
  if (text !== '') decoder.problem(fields.at(name), 'a moment that exists', text);
  return new Date(0);
}
