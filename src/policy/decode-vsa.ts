import type { Decoder, Fields } from '../core/index.ts';
import { MATERIAL_URI } from '../formats/index.ts';
import { decodeAge } from './decode-age.ts';
import { refuseOthers } from './decode-fields.ts';
import { decodeOneSigner } from './decode-signers.ts';
import type { VsaEntry } from './document.ts';
import { fromPatternProblem } from './lineage-rule.ts';

const FIELDS = ['signed-by', 'verifier', 'max-age', 'policy', 'resource'];

/** Reads whose verification summary is accepted; undefined where none is. */
export function decodeVsa(decoder: Decoder, rule: Fields): VsaEntry | undefined {
  if (!rule.has('vsa')) return undefined;
  const fields = rule.object('vsa');
  if (!fields.present) return undefined;
  refuseOthers(decoder, fields, FIELDS);
  const signedBy = decodeOneSigner(decoder, fields, 'signed-by');
  if (!fields.has('signed-by')) decoder.problem(fields.at('signed-by'), 'the gatekeeper: a principal or a role', undefined);
  const verifier = fields.string('verifier', MATERIAL_URI, 'the URI by which the gatekeeper calls itself');
  const maxAge = decodeAge(fields, 'max-age');
  const policy = fields.has('policy')
    ? fields.string('policy', /^[0-9a-f]{64}$/, 'the SHA-256 of a policy file: 64 lower-case hex digits')
    : undefined;
  const resource = fields.has('resource') ? fields.string('resource') : undefined;
  const problem = resource === undefined || resource === '' ? undefined : fromPatternProblem(resource);
  if (problem !== undefined) decoder.problem(fields.at('resource'), problem, resource);
  return signedBy && { signedBy, verifier, maxAge, policy, resource };
}
