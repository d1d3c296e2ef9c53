import type { Finding, Verdict } from '../core/index.ts';
import type { Provenance } from '../formats/index.ts';
import type { Principal, Signed } from '../policy/index.ts';
import type { VerifiedStatement } from '../verify/index.ts';
import type { LineageEdge, WalkRole } from './graph.ts';

/** Where a model's bundles lie. Names and places never identify: whether they are about the model, they tell themselves. */
export interface ModelPlace {
  /** A path, or a place in a store. */
  readonly where: string;
  signatures(findings: Finding[]): Promise<readonly BundleFile[]>;
  attestations(findings: Finding[]): Promise<readonly BundleFile[]>;
}

/** A bundle to read. */
export interface BundleFile {
  /** A path, or the name of an object. */
  readonly path: string;
  /** Whether a signed release says that it is there. */
  readonly isPinned?: boolean | undefined;
  /** Bytes, where that is known before it is read. */
  readonly size?: number | undefined;
  read(): Promise<Uint8Array>;
}

/** A model of a lineage, as its bundles tell of it. */
export interface OpenedNode {
  /** As its signers call it. */
  readonly name?: string | undefined;
  /** Absent where it was not found. */
  readonly where?: string | undefined;
  /** Signatures over exactly this model by anybody whom the policy names. */
  readonly signed: readonly Signed[];
  /** Who signed it, in words; or who is said to have, where nobody is trusted. */
  readonly signers: readonly string[];
  /** When the first of the signatures existed, where that is proven. */
  readonly time?: Date | undefined;
  /** Those signatures, where they were verified. */
  readonly evidence: readonly NodeEvidence[];
  readonly statements: readonly ProvenanceClaim[];
  /** Files of it that are revoked, as its manifest names them. */
  readonly revokedFiles?: readonly RevokedFile[] | undefined;
  /** What is wrong with its signatures: of no account where others are enough. */
  readonly signatureFindings: readonly Finding[];
  /** What is wrong with the statements about it. */
  readonly findings: readonly Finding[];
}

/** A signature that was verified, and whose it is. */
export interface NodeEvidence extends Pick<VerifiedStatement, 'bundle' | 'bundleDigest' | 'signer' | 'times'> {
  /** SHA-256 of the signed statement, hex; not told of signatures over a model. */
  readonly statement?: string | undefined;
}

/** A file that a revocation list names. */
export interface RevokedFile {
  readonly name: string;
  /** `sha256:…`. */
  readonly digest: string;
}

/** One statement about where a model comes from. */
export interface ProvenanceClaim {
  /** Where the bundle is. */
  readonly bundle: string;
  readonly provenance: Provenance;
  /** Whom its signature stands for; nobody where nothing was verified. */
  readonly principals: readonly Principal[];
  /** In words. */
  readonly signer: string;
  /** The same for every statement of the same signer; absent where nothing was verified. */
  readonly key?: string | undefined;
  /** Its signature; absent where nothing was verified. */
  readonly evidence?: NodeEvidence | undefined;
  /** The same for every statement that names the same materials in the same roles. */
  readonly materials: string;
  readonly time?: Date | undefined;
}

/** How a part of a lineage stands: `not-checked` where nobody asks, or where a digest is all there is. */
export type NodeVerdict = Verdict | 'not-checked';

/** One model or material of a lineage, judged. */
export interface LineageNode {
  /** `mlsignModel:…`, `sha256:…`, `gitCommit:…`. */
  readonly id: string;
  /** Set of models. */
  readonly modelId?: string | undefined;
  readonly name?: string | undefined;
  readonly uri?: string | undefined;
  /** What it was to others; of the root, `model`. */
  readonly roles: readonly WalkRole[];
  /** Edges from the root, on the shortest way. */
  readonly depth: number;
  /** The node by which it was reached first; the root has none. */
  readonly via?: string | undefined;
  /** Where its bundles were found. */
  readonly where?: string | undefined;
  readonly verdict: NodeVerdict;
  readonly signers: readonly string[];
  readonly time?: Date | undefined;
  /** The signatures over it and over what is believed of it, where they were verified. */
  readonly evidence: readonly NodeEvidence[];
  /** Files of it that are revoked. */
  readonly revokedFiles?: readonly RevokedFile[] | undefined;
  /** The statements about it that are believed. */
  readonly provenance: readonly { readonly bundle: string; readonly signer: string; readonly builder: string }[];
  readonly findings: readonly Finding[];
}

/** What a model was made from, to the roots, judged. */
export interface Lineage {
  readonly verdict: Verdict;
  /** Whether anybody was to be trusted, and so anything verified. */
  readonly isVerified: boolean;
  readonly root: string;
  /** The root first, otherwise by distance. */
  readonly nodes: readonly LineageNode[];
  readonly edges: readonly LineageEdge[];
  /** Those of the nodes included. */
  readonly findings: readonly Finding[];
}
