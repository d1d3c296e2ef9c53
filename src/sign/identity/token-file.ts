import { type Clock, decodeUtf8, readCapped, refused, systemClock } from '../../core/index.ts';
import { type IdentityToken, MAX_TOKEN_BYTES, readIdentityToken } from './identity-token.ts';

/**
 * The identity token in a file: one line, and nothing else.
 *
 * @throws MlsignError `identity-token-file-malformed`, `identity-token-malformed`, `identity-token-expired`,
 *   `identity-email-unverified`, and what `readCapped` throws
 */
export async function tokenFromFile(path: string, clock: Clock = systemClock): Promise<IdentityToken> {
  const text = decodeUtf8(await readCapped(path, MAX_TOKEN_BYTES, 'identity token'));
  const line = text?.replace(/\r?\n$/, '');
  if (line === undefined || line === '' || /\s/.test(line)) {
    throw refused('identity-token-file-malformed', 'the identity token file must hold one line and nothing else', { subject: path });
  }
  return readIdentityToken(line, path, clock());
}
