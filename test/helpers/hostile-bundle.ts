import { LEGACY_PREDICATE_TYPE, PAYLOAD_TYPE, STATEMENT_TYPE, serializeBundle } from '../../src/formats/index.ts';

/** A bundle over a payload that nobody signed. */
export function unsignedBundle(payload: string): string {
  return serializeBundle({
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    material: { kind: 'key', hint: '00' },
    tlogEntries: [],
    timestamps: [],
    envelope: { payloadType: PAYLOAD_TYPE, payload: Buffer.from(payload), signature: Buffer.alloc(70, 'x') },
  });
}

/** A statement of the first releases of the reference, with subjects as they are given. */
export function legacyStatement(subjects: string, type: string = STATEMENT_TYPE): string {
  return `{"_type":"${type}","predicateType":"${LEGACY_PREDICATE_TYPE}","subject":[${subjects}],"predicate":{}}`;
}
