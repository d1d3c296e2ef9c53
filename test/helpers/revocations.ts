import { type Revocation, type RevocationList, revocationsPayload } from '../../src/lineage/index.ts';
import { MODEL_ID, NOW, signedBytes } from './releases.ts';

/** Who may revoke, in tests. */
export const REVOKER = 'ec-p384';

/** An entry that revokes {@link MODEL_ID}. */
export function anEntry(fields: Partial<Revocation> = {}): Revocation {
  return { kind: 'digest', value: `sha256:${MODEL_ID}`, reason: 'poisoned samples', added: NOW, ...fields };
}

/** A list of the place `team`, issued now for thirty days. */
export function aList(sequence: number, fields: Partial<RevocationList> = {}): RevocationList {
  return { name: 'team', sequence, issued: NOW, expires: new Date(NOW.getTime() + 30 * 86_400_000), entries: [anEntry()], ...fields };
}

/** A list's bytes, signed with a key of `fixtures/keys`. */
export function signedList(list: RevocationList, key: string = REVOKER): Promise<Buffer> {
  return signedBytes(revocationsPayload(list), key);
}
