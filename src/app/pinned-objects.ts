import type { ReleaseBundle, ReleaseObject, ReleaseRecord, VerifiedRelease } from '../release/index.ts';
import { layoutOf, type PartedObject, type StoreLocation } from '../store/index.ts';

/** The object of one file of a release, at the version that a verified record pins. */
export function pinnedFile(location: StoreLocation, { modelId }: ReleaseRecord, { name, version, ...parts }: ReleaseObject): PartedObject {
  return { ...parts, key: layoutOf(location).file(modelId, name), version };
}

/** The object of one bundle of a release. */
export function pinnedBundle(
  location: StoreLocation,
  { modelId }: Pick<ReleaseRecord, 'modelId'>,
  { digest, version, size }: ReleaseBundle,
): PartedObject {
  return { key: layoutOf(location).bundle(modelId, digest), version, size, partSize: size, parts: [digest] };
}

/** The object of one attestation that a release pins. */
export function pinnedAttestation(
  location: StoreLocation,
  { modelId }: Pick<ReleaseRecord, 'modelId'>,
  { digest, version, size }: ReleaseBundle,
): PartedObject {
  return { key: layoutOf(location).attestation(modelId, digest), version, size, partSize: size, parts: [digest] };
}

/** The object of a release's own record. */
export function pinnedRecord(location: StoreLocation, { record, version, digest, size }: VerifiedRelease): PartedObject {
  return { key: layoutOf(location).release(record.number), version, size, partSize: size, parts: [digest] };
}
