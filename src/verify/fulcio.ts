import { decodeUtf8 } from '../core/index.ts';
import { DerError, type DerValue, FULCIO_ISSUER_V1, FULCIO_ISSUER_V2, objectIdentifier, readDer, sequenceItems } from '../formats/index.ts';
import { CLAIM_NAMES, type ClaimName, claimArcs, type SigstoreIdentity } from '../policy/index.ts';
import { readSignedPart, type SignedPart } from './signed-part.ts';

const ALTERNATIVE_NAME = '2.5.29.17';
const FULCIO = '1.3.6.1.4.1.57264.1';
const USER_NAME = 7;
const UTF8_STRING = 0x0c;

/**
 * Whom a certificate of Fulcio is for: its one alternative name, its issuer, and its claims (Fulcio's OID information:
 * up to 1.6 texts as they are, from 1.8 on UTF8String). Nothing is verified.
 *
 * @throws DerError where the certificate does not say, or contradicts itself
 */
export function readIdentity(der: Uint8Array): SigstoreIdentity {
  const part = readSignedPart(der);
  const [issuer, another] = new Set([8, 1].flatMap((arc) => readText(part, arc) ?? []));
  if (issuer === undefined) throw new DerError('it names no issuer of its identity');
  if (another !== undefined) throw new DerError('it names two issuers of its identity');
  const claims = new Map<ClaimName, readonly string[]>();
  for (const name of CLAIM_NAMES) {
    const values = claimArcs(name).flatMap((arc) => readText(part, arc) ?? []);
    if (values.length > 0) claims.set(name, [...new Set(values)]);
  }
  return { identity: readAlternativeName(part), issuer, claims };
}

/** RFC 5280 §4.2.1.6: an e-mail address, a URI, or Fulcio's own user name. */
function readAlternativeName({ extensions }: SignedPart): string {
  const extension = extensions.get(ALTERNATIVE_NAME);
  const [name, another] = extension === undefined ? [] : sequenceItems(readDer(extension.value));
  if (name === undefined || another !== undefined) throw new DerError('it is not for exactly one identity');
  switch (name.tag) {
    case 0x81:
    case 0x86:
      return text(name.content);
    case 0xa0: {
      const [type, value] = name.items;
      if (type !== undefined && objectIdentifier(type) === `${FULCIO}.${USER_NAME}` && value?.tag === 0xa0)
        return utf8String(value.items[0]);
      throw new DerError('its identity is of an unknown kind');
    }
    default:
      throw new DerError('its identity is of an unknown kind');
  }
}

function readText({ extensions }: SignedPart, arc: number): string | undefined {
  const extension = extensions.get(`${FULCIO}.${arc}`);
  if (extension === undefined) return undefined;
  return arc < USER_NAME ? text(extension.value) : utf8String(readDer(extension.value));
}

function utf8String(value: DerValue | undefined): string {
  if (value?.tag !== UTF8_STRING) throw new DerError('a claim is not a UTF8String');
  return text(value.content);
}

function text(bytes: Uint8Array): string {
  const decoded = decodeUtf8(bytes);
  if (decoded === undefined) throw new DerError('a claim is not UTF-8');
  return decoded;
}

/** Whether a certificate says that it is for an identity that an issuer has authenticated. */
export function isFulcioCertificate(der: Uint8Array): boolean {
  try {
    const { extensions } = readSignedPart(der);
    return extensions.has(FULCIO_ISSUER_V1) || extensions.has(FULCIO_ISSUER_V2);
  } catch (error) {
    if (error instanceof DerError) return false;
    throw error;
  }
}
