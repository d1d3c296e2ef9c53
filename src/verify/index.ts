export { type PathOptions, type PathResult, validatePath } from './certificate.ts';
export { type OpenedBundle, type OpenOptions, openBundle, type SignedBy, type VerifiedSigner, VerifiedStatement } from './open-bundle.ts';
export { claimedGenerationTime } from './timestamp.ts';
