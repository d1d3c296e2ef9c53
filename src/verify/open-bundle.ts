import { refused } from '../core/index.ts';
import {
  type Bundle,
  claimsPredicateType,
  LEGACY_PREDICATE_TYPE,
  legacyNotAllowed,
  type OmsStatement,
  parseOmsStatement,
} from '../formats/index.ts';
import type { Principal } from '../policy/index.ts';
import { type OpenedStatement, openEnvelope } from './open-statement.ts';
import type { Encoding } from './public-key.ts';
import { StatementStore } from './statement-store.ts';
import type { EnvelopeOptions } from './verify-envelope.ts';

/** How a model's bundle is opened. */
export interface OpenOptions extends EnvelopeOptions {
  /** Whether the v0.2.0 form is accepted, with the certificate method only. */
  readonly allowLegacy: boolean;
  /** Where bundles of one model share their statements; each bundle has its own unless given. */
  readonly statements?: StatementStore<OmsStatement> | undefined;
}

/**
 * Opens the bundle of a model's signature under a user's trust, as `openStatement` does, and reads its manifest (OMS §8.1–8.3).
 * What is wrong with a bundle is a finding, never thrown.
 *
 * @param where names the bundle in findings
 */
export async function openBundle(
  bytes: Uint8Array,
  where: string,
  principals: readonly Principal[],
  { allowLegacy, statements = new StatementStore(), ...options }: OpenOptions,
): Promise<OpenedStatement<OmsStatement>> {
  const form = {
    encoding: (bundle: Bundle) => encodingOf(bundle, where, allowLegacy),
    parse: (payload: Uint8Array, encoding: Encoding) =>
      statements.read(payload, where, () => parseOmsStatement(payload, where, { allowLegacy: encoding === 'v0.2.0' })),
    describe: ({ form, manifest: { resources } }: OmsStatement) =>
      `OMS ${form}, ${resources.length} ${resources.length === 1 ? 'resource' : 'resources'}`,
  };
  return openEnvelope(bytes, where, principals, form, options);
}

/** The form of the statement decides how it was encoded. Until the signature is verified, nothing else is taken from it. */
function encodingOf({ material, envelope }: Bundle, where: string, allowLegacy: boolean): Encoding {
  // What cannot be read is not legacy: its signature is checked as any other, before this is reported.
  if (!claimsPredicateType(envelope.payload, LEGACY_PREDICATE_TYPE)) return 'dsse';
  if (!allowLegacy) throw legacyNotAllowed(where);
  if (material.kind === 'certificate') return 'v0.2.0';
  throw refused('legacy-not-allowed', 'a bundle of the v0.2.0 form is accepted with the certificate method only', {
    subject: where,
    expected: 'the certificate method',
    got: `the ${material.kind} method`,
    suggestions: ['have the model signed again'],
  });
}
