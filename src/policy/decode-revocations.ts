import type { Decoder, Fields } from '../core/index.ts';
import { refuseOthers } from './decode-fields.ts';
import { decodeOneSigner } from './decode-signers.ts';
import type { RevocationEntry } from './document.ts';

/** As lists are called. */
const NAME = /^[^\p{Cc}@/\\]{1,255}$/u;
const STORE = /^(?:s3:\/\/|file:)./;

/** Reads which revocation list must be there; undefined where nothing is said of one. */
export function decodeRevocations(decoder: Decoder, fields: Fields): RevocationEntry | undefined {
  if (!fields.has('revocations')) return undefined;
  const list = fields.object('revocations');
  if (!list.present) return undefined;
  refuseOthers(decoder, list, ['signed-by', 'file', 'store', 'name']);
  const signedBy = decodeOneSigner(decoder, list, 'signed-by');
  if (signedBy === undefined) {
    if (!list.has('signed-by')) decoder.problem(list.at('signed-by'), 'the revoker: a principal or a role', undefined);
    return undefined;
  }
  const name = list.has('name') ? list.string('name', NAME, 'a name without "/", "\\" and "@"') : undefined;
  if (list.has('file') === list.has('store')) {
    decoder.problem(list.path, 'either "file" or "store"', list.has('file') ? 'both' : 'neither');
    return undefined;
  }
  if (list.has('file')) return { signedBy, place: { kind: 'file', path: list.string('file') }, name };
  if (list.raw('store') === true) return { signedBy, place: { kind: 'store' }, name };
  const url = list.string('store', STORE, 'true (the store of the release), or s3://bucket/prefix or file:path');
  return { signedBy, place: { kind: 'store', url }, name };
}
