import { DerError, type DerValue, objectIdentifier, readDer, sequenceItems, TAG } from '../formats/index.ts';

/** One extension of a certificate. */
export interface CertificateExtension {
  readonly critical: boolean;
  /** What its OCTET STRING holds. */
  readonly value: Uint8Array;
}

/** The parts of a certificate's signed part (RFC 5280 §4.1) that proofs are about. */
export interface SignedPart {
  /** Everything before the extensions, as encoded. */
  readonly fields: readonly DerValue[];
  /** The SubjectPublicKeyInfo, DER. */
  readonly publicKeyInfo: Uint8Array;
  /** Each extension as encoded, by object identifier. */
  readonly extensions: ReadonlyMap<string, CertificateExtension & { readonly encoded: Uint8Array }>;
}

/**
 * Reads the extensions of a certificate that path validation does not look into. Nothing is verified.
 *
 * @throws DerError
 */
export function readSignedPart(der: Uint8Array): SignedPart {
  const [tbs] = sequenceItems(readDer(der), 3, 3);
  const items = tbs === undefined ? [] : sequenceItems(tbs, 6, 10);
  const offset = items[0]?.tag === 0xa0 ? 1 : 0;
  const publicKeyInfo = items[offset + 5]?.bytes;
  if (publicKeyInfo === undefined) throw new DerError('a certificate without a public key');
  const last = items.at(-1);
  const [list] = last?.tag === 0xa3 ? last.items : [];
  const extensions = new Map<string, CertificateExtension & { readonly encoded: Uint8Array }>();
  for (const entry of list === undefined ? [] : sequenceItems(list)) {
    const [id, ...rest] = sequenceItems(entry, 2, 3);
    const value = rest.at(-1);
    const [critical] = rest.length === 2 ? rest : [];
    if (id === undefined || value?.tag !== TAG.octetString || (critical !== undefined && critical.tag !== TAG.boolean)) {
      throw new DerError('an extension is malformed');
    }
    const name = objectIdentifier(id);
    if (extensions.has(name)) throw new DerError(`extension ${name} stands twice`);
    extensions.set(name, { critical: critical?.content[0] === 0xff, value: value.content, encoded: entry.bytes });
  }
  return { fields: list === undefined ? items : items.slice(0, -1), publicKeyInfo, extensions };
}
