import { Decoder, type MlsignError, refused } from '../core/index.ts';
import { decodeResources, decodeSerialization } from './decode-manifest.ts';
import { type Manifest, rootDigest, sortResources } from './manifest.ts';
import { LEGACY_PREDICATE_TYPE, parseLegacyManifest } from './oms-legacy.ts';
import { parseStatement, STATEMENT_TYPE, type Statement } from './statement.ts';

/** The predicate type of OMS v1.0 (§5.1). */
export const OMS_PREDICATE_TYPE = 'https://model_signing/signature/v1.0';

/** What a bundle signs: a model's manifest. */
export interface OmsStatement {
  /** The model's name where it was signed: for information only; empty in the v0.2.0 form, which has none. */
  readonly subjectName: string;
  /** Hex; recomputed over the resources in the order in which they are listed. */
  readonly rootDigest: string;
  readonly manifest: Manifest;
  readonly form: 'v1.0' | 'v0.2.0';
}

/**
 * Reads the OMS statement in an envelope's payload (§5, §8.3) and checks everything that can be checked without the model.
 *
 * @param where names the bundle in errors
 * @param options `allowLegacy`: whether the v0.2.0 form is read too
 * @throws MlsignError `statement-malformed`, `root-digest-wrong`, `predicate-type-unknown`, `legacy-not-allowed`, and what
 *   {@link parseStatement} throws
 */
export function parseOmsStatement(payload: Uint8Array, where: string, options: { readonly allowLegacy: boolean }): OmsStatement {
  return decodeOmsStatement(parseStatement(payload, where), where, options);
}

/**
 * Reads the OMS statement in a statement that has been parsed, as {@link parseOmsStatement} does.
 *
 * @throws MlsignError `statement-malformed`, `root-digest-wrong`, `predicate-type-unknown`, `legacy-not-allowed`
 */
export function decodeOmsStatement(statement: Statement, where: string, options: { readonly allowLegacy: boolean }): OmsStatement {
  switch (statement.predicateType) {
    case OMS_PREDICATE_TYPE:
      return parseCurrent(statement, where);
    case LEGACY_PREDICATE_TYPE: {
      if (!options.allowLegacy) throw legacyNotAllowed(where);
      const manifest = parseLegacyManifest(statement, where);
      return { subjectName: '', rootDigest: rootDigest(manifest.resources), manifest, form: 'v0.2.0' };
    }
    default:
      throw refused('predicate-type-unknown', 'the signed statement is not about the content of a model', {
        subject: where,
        expected: OMS_PREDICATE_TYPE,
        got: statement.predicateType,
      });
  }
}

/** The error for a bundle of version 0.2.0 where nobody accepts it. */
export function legacyNotAllowed(where: string): MlsignError {
  return refused('legacy-not-allowed', 'the bundle has the v0.2.0 form, which newer checks do not cover', {
    subject: where,
    expected: OMS_PREDICATE_TYPE,
    got: LEGACY_PREDICATE_TYPE,
    suggestions: ['have the model signed again', 'accept the old form for this model with --allow-legacy'],
  });
}

function parseCurrent(statement: Statement, where: string): OmsStatement {
  const decoder = new Decoder();
  const [subject, ...others] = statement.subject;
  if (others.length > 0) decoder.problem('subject', 'exactly 1 entry', statement.subject.length);
  const signedRoot = decoder.string(subject?.digests.sha256, 'subject[0].digest.sha256', /^[0-9a-f]{64}$/u, '64 lower-case hex digits');
  const predicate = decoder.object(statement.predicate, 'predicate');
  const serialization = decodeSerialization(decoder, predicate.object('serialization'), true);
  const list = predicate.array('resources', 1);
  const resources = decodeResources(decoder, list, predicate.at('resources'), serialization, true);
  predicate.done();
  decoder.finish('statement-malformed', 'signed statement', where);
  const computed = rootDigest(resources);
  if (computed !== signedRoot) {
    throw refused('root-digest-wrong', 'the resources of the signed statement do not add up to its root digest', {
      subject: where,
      expected: signedRoot,
      got: computed,
    });
  }
  return { subjectName: subject?.name ?? '', rootDigest: computed, manifest: { serialization, resources }, form: 'v1.0' };
}

/**
 * The statement that says that a model has this manifest, as the bytes to sign (OMS §6.4–6.6): resources by name in code
 * point order, the subject's digest over them.
 *
 * @param subjectName the base name of the model
 */
export function statementPayload(subjectName: string, manifest: Manifest): Uint8Array {
  const { method, hashType, shardSize, allowSymlinks, ignorePaths } = manifest.serialization;
  const resources = sortResources(manifest.resources);
  const statement = {
    _type: STATEMENT_TYPE,
    subject: [{ name: subjectName, digest: { sha256: rootDigest(resources) } }],
    predicateType: OMS_PREDICATE_TYPE,
    predicate: {
      serialization: {
        method,
        hash_type: hashType,
        ...(shardSize === undefined ? {} : { shard_size: shardSize }),
        allow_symlinks: allowSymlinks,
        ...(ignorePaths.length === 0 ? {} : { ignore_paths: ignorePaths }),
      },
      resources: resources.map(({ name, digest }) => ({ name, algorithm: hashType, digest })),
    },
  };
  return Buffer.from(JSON.stringify(statement));
}
