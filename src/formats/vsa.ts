import { Decoder, type Fields, isJsonObject, type JsonValue, refused } from '../core/index.ts';
import { MATERIAL_NAME, MATERIAL_URI } from './material.ts';
import { type ModelSubject, subjectsOf } from './predicate.ts';
import { parseStatement, STATEMENT_TYPE } from './statement.ts';

/** The predicate type of a SLSA Verification Summary v1. */
export const VSA_TYPE = 'https://slsa.dev/verification_summary/v1';

/** Of most models there are a few; each ancestor has its own. */
export const MAX_INPUTS = 10_000;
/** Each model of the longest lineage that is followed may be bound by several digests. */
const MAX_ANCESTORS = 100_000;
/** A hostile summary may be wrong ten thousand times; the first ones say enough. */
const MAX_PROBLEMS = 100;

/** Whose signature a statement had, so that what is revoked later can be told from the summary alone. */
export interface SummarizedSigner {
  /** The name of the key: hex SHA-256 of its SPKI PEM. */
  readonly key: string;
  /** The names of the keys above its certificate. */
  readonly authorities: readonly string[];
  readonly identity?: { readonly identity: string; readonly issuer: string } | undefined;
  readonly certificate?: { readonly subject: string; readonly issuer: string; readonly alternativeNames: readonly string[] } | undefined;
  /** When the signature is proven to have existed. */
  readonly times: readonly Date[];
}

/** One signed statement that a verification was made with. */
export interface SummaryInput {
  readonly uri?: string | undefined;
  /** SHA-256 of the bundle's bytes, hex. */
  readonly sha256: string;
  /** SHA-256 of the signed statement, hex: what attestations are revoked by. */
  readonly statement?: string | undefined;
  /** Absent where the verifier was another tool. */
  readonly signer?: SummarizedSigner | undefined;
}

/** Something that the model was made from, so that a later revocation of it can be told from the summary alone. */
export interface SummarizedAncestor {
  readonly name: string;
  /** `sha256:…`, of a model its id; `gitCommit:…`. */
  readonly digest: string;
}

/** A revocation list that the verifier knew: what it revokes later is not accounted for. */
export interface SummarizedList {
  readonly name: string;
  readonly issued: Date;
}

/** What a verifier says that it found: this model, there, under this policy. */
export interface VerificationSummary {
  readonly subject: ModelSubject;
  /** A URI that names the verifier. */
  readonly verifier: string;
  /** The verifier's tools, by name. */
  readonly version: Readonly<Record<string, string>>;
  readonly timeVerified: Date;
  /** Where the model was: a URI. */
  readonly resource: string;
  readonly policy: { readonly uri: string; readonly sha256: string };
  readonly inputs: readonly SummaryInput[];
  /** What the verifier followed the model back to; absent where it did not. */
  readonly ancestors?: readonly SummarizedAncestor[] | undefined;
  /** The lists by which it was judged; absent where `inputs` do not name the signers of ancestors, as none before did. */
  readonly revocations?: readonly SummarizedList[] | undefined;
  readonly result: 'PASSED' | 'FAILED';
}

/** The summary as the in-toto statement to sign. */
export function vsaPayload({
  subject,
  verifier,
  version,
  timeVerified,
  resource,
  policy,
  inputs,
  ancestors,
  revocations,
  result,
}: VerificationSummary): Uint8Array {
  const statement = {
    _type: STATEMENT_TYPE,
    subject: subjectsOf(subject),
    predicateType: VSA_TYPE,
    predicate: {
      verifier: { id: verifier, version },
      timeVerified: timeVerified.toISOString(),
      resourceUri: resource,
      policy: { uri: policy.uri, digest: { sha256: policy.sha256 } },
      inputAttestations: inputs.map(({ uri, sha256, statement, signer }) => ({
        ...(uri === undefined ? {} : { uri }),
        digest: { sha256 },
        ...(signer === undefined && statement === undefined
          ? {}
          : { annotations: { ...(statement === undefined ? {} : { statement }), ...(signer === undefined ? {} : annotationsOf(signer)) } }),
      })),
      ...(ancestors === undefined ? {} : { ancestors }),
      ...(revocations === undefined
        ? {}
        : { revocations: revocations.map(({ name, issued }) => ({ name, issued: issued.toISOString() })) }),
      verificationResult: result,
      // No SLSA level is known of a model: what holds for it is what the policy says.
      verifiedLevels: result === 'FAILED' ? ['FAILED'] : [],
      slsaVersion: '1.1',
    },
  };
  return Buffer.from(JSON.stringify(statement));
}

function annotationsOf({ key, authorities, identity, certificate, times }: SummarizedSigner): object {
  return {
    key,
    authorities,
    ...(identity === undefined ? {} : { identity: identity.identity, issuer: identity.issuer }),
    ...(certificate === undefined
      ? {}
      : {
          certificate: {
            ...(certificate.subject === '' ? {} : { subject: certificate.subject }),
            issuer: certificate.issuer,
            names: certificate.alternativeNames,
          },
        }),
    times: times.map((time) => time.toISOString()),
  };
}

const HEX_64 = /^[0-9a-f]{64}$/;
const ANCESTOR = /^[A-Za-z][A-Za-z0-9_]{1,31}:[0-9a-f]{32,128}$/;
const DIGEST = '64 lower-case hex digits';
const TEXT = /^\P{Cc}{1,4096}$/u;
const LINE = 'a line of at most 4,096 characters';
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/;

/**
 * Reads a verification summary about one model. What it may stand in for depends on its fields, so each is read strictly;
 * fields that SLSA may add are left alone, as its parsing rules ask.
 *
 * @param where names the bundle in errors
 * @throws MlsignError `vsa-malformed`, `predicate-type-unknown`, and what `parseStatement` throws
 */
export function parseVsa(payload: Uint8Array, where: string): VerificationSummary {
  const { predicateType, subject: subjects, predicate } = parseStatement(payload, where);
  if (predicateType !== VSA_TYPE) {
    throw refused('predicate-type-unknown', 'the signed statement is no verification summary', {
      subject: where,
      expected: VSA_TYPE,
      got: predicateType,
    });
  }
  const decoder = new Decoder();
  if (subjects.length !== 1) decoder.problem('subject', 'exactly 1 entry', subjects.length);
  const [first] = subjects;
  const subject = {
    name: decoder.string(first?.name, 'subject[0].name', MATERIAL_NAME, 'a name of at most 1,024 characters'),
    modelId: decoder.string(first?.digests.mlsignModel, 'subject[0].digest.mlsignModel', HEX_64, DIGEST),
  };
  const fields = decoder.object(predicate, 'predicate');
  const verifier = fields.object('verifier');
  const policy = fields.object('policy');
  const result = fields.oneOf('verificationResult', ['PASSED', 'FAILED']);
  const levels = fields
    .array('verifiedLevels', 0, MAX_PROBLEMS)
    .map((level, i) => decoder.string(level, `${fields.at('verifiedLevels')}[${i}]`));
  if (result === 'PASSED' && levels.includes('FAILED')) decoder.problem(fields.at('verifiedLevels'), 'no FAILED beside PASSED', 'FAILED');
  const summary: VerificationSummary = {
    subject,
    verifier: verifier.string('id', MATERIAL_URI, 'a URI'),
    version: verifier.has('version') ? decodeVersion(decoder, verifier.object('version')) : {},
    timeVerified: decodeTime(decoder, fields.raw('timeVerified'), fields.at('timeVerified')),
    resource: fields.string('resourceUri', TEXT, 'a URI'),
    policy: { uri: policy.string('uri', TEXT, 'a URI'), sha256: policy.object('digest').string('sha256', HEX_64, DIGEST) },
    inputs: fields.has('inputAttestations') ? decodeInputs(decoder, fields) : [],
    ...(fields.has('ancestors') ? { ancestors: decodeAncestors(decoder, fields) } : {}),
    ...(fields.has('revocations') ? { revocations: decodeLists(decoder, fields) } : {}),
    result,
  };
  decoder.finish('vsa-malformed', 'verification summary', where);
  return summary;
}

function decodeVersion(decoder: Decoder, fields: Fields): Record<string, string> {
  const entries = fields
    .keys()
    .slice(0, MAX_PROBLEMS)
    .map((name) => [name, decoder.string(fields.raw(name), fields.at(name), TEXT, LINE)]);
  return Object.fromEntries(entries);
}

function decodeInputs(decoder: Decoder, fields: Fields): readonly SummaryInput[] {
  const inputs: SummaryInput[] = [];
  for (const [i, value] of fields.array('inputAttestations', 0, MAX_INPUTS).entries()) {
    if (decoder.problems.length >= MAX_PROBLEMS) break;
    const input = decoder.object(value, `${fields.at('inputAttestations')}[${i}]`);
    inputs.push({
      ...(input.has('uri') ? { uri: input.string('uri', TEXT, 'a URI') } : {}),
      sha256: input.object('digest').string('sha256', HEX_64, DIGEST),
      ...(names(input.raw('annotations'), 'statement')
        ? { statement: input.object('annotations').string('statement', HEX_64, DIGEST) }
        : {}),
      ...(names(input.raw('annotations'), 'key') ? { signer: decodeSigner(decoder, input.object('annotations')) } : {}),
    });
  }
  return inputs;
}

function decodeAncestors(decoder: Decoder, fields: Fields): readonly SummarizedAncestor[] {
  const ancestors: SummarizedAncestor[] = [];
  for (const [i, value] of fields.array('ancestors', 0, MAX_ANCESTORS).entries()) {
    if (decoder.problems.length >= MAX_PROBLEMS) break;
    const ancestor = decoder.object(value, `${fields.at('ancestors')}[${i}]`);
    ancestors.push({
      name: ancestor.string('name', TEXT, LINE),
      digest: ancestor.string('digest', ANCESTOR, 'a digest with its algorithm: sha256:…'),
    });
  }
  return ancestors;
}

function decodeLists(decoder: Decoder, fields: Fields): readonly SummarizedList[] {
  return fields.array('revocations', 0, MAX_PROBLEMS).map((value, i) => {
    const list = decoder.object(value, `${fields.at('revocations')}[${i}]`);
    return { name: list.string('name', TEXT, LINE), issued: decodeTime(decoder, list.raw('issued'), list.at('issued')) };
  });
}

/** Whoever else makes summaries annotates as they like. */
function names(annotations: JsonValue | undefined, name: 'statement' | 'key'): boolean {
  return isJsonObject(annotations) && typeof annotations[name] === 'string';
}

function decodeSigner(decoder: Decoder, fields: Fields): SummarizedSigner {
  const certificate = fields.has('certificate') ? fields.object('certificate') : undefined;
  return {
    key: fields.string('key', HEX_64, DIGEST),
    authorities: fields
      .array('authorities', 0, MAX_PROBLEMS)
      .map((key, i) => decoder.string(key, `${fields.at('authorities')}[${i}]`, HEX_64, DIGEST)),
    ...(fields.has('identity')
      ? { identity: { identity: fields.string('identity', TEXT, LINE), issuer: fields.string('issuer', TEXT, LINE) } }
      : {}),
    ...(certificate === undefined
      ? {}
      : {
          certificate: {
            // The certificates of identities have names of another kind only.
            subject: certificate.has('subject') ? certificate.string('subject', TEXT, LINE) : '',
            issuer: certificate.string('issuer', TEXT, LINE),
            alternativeNames: certificate
              .array('names', 0, MAX_PROBLEMS)
              .map((name, i) => decoder.string(name, `${certificate.at('names')}[${i}]`, TEXT, LINE)),
          },
        }),
    times: fields.array('times', 0, MAX_PROBLEMS).map((time, i) => decodeTime(decoder, time, `${fields.at('times')}[${i}]`)),
  };
}

function decodeTime(decoder: Decoder, value: JsonValue | undefined, path: string): Date {
  const text = decoder.string(value, path, TIME, 'a moment such as 2026-03-01T12:00:00Z');
  const time = new Date(text);
  if (!Number.isNaN(time.getTime())) return time;
  if (text !== '') decoder.problem(path, 'a moment that exists', text);
  return new Date(0);
}
