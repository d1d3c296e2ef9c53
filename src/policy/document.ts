import type { SchemeName } from '../formats/index.ts';
import type { AttestationRule } from './attestation-rule.ts';
import type { IdentitySource } from './identity.ts';
import type { LineageRole, LineageRule } from './lineage-rule.ts';
import type { RuleSettings } from './policy.ts';
import type { RevocationRule } from './revocation-rule.ts';
import type { VsaRule } from './vsa-rule.ts';

/** PEM text, or the path of a PEM file, and the field it stands in. */
export interface PemReference {
  readonly text: string;
  readonly path: string;
}

/** One way to know a principal, as the file says it. */
export type TrustEntry =
  | {
      readonly kind: 'key';
      readonly path: string;
      readonly sources: readonly PemReference[];
      readonly scheme?: SchemeName | undefined;
      readonly notAfter?: Date | undefined;
    }
  | {
      readonly kind: 'kms';
      readonly path: string;
      readonly arn: string;
      readonly scheme?: SchemeName | undefined;
      readonly notAfter?: Date | undefined;
    }
  | {
      readonly kind: 'ca';
      readonly path: string;
      readonly sources: readonly PemReference[];
      readonly scheme?: SchemeName | undefined;
      readonly subject?: string | undefined;
      readonly alternativeName?: string | undefined;
    }
  | { readonly kind: 'identity'; readonly path: string; readonly source: IdentitySource };

/** A principal as the file says it. */
export interface PrincipalEntry {
  readonly name: string;
  readonly path: string;
  readonly trust: readonly TrustEntry[];
}

/** A role as the file says it. */
export interface RoleEntry {
  readonly name: string;
  readonly path: string;
  readonly members: readonly string[];
}

/** One line of `signed-by`: so many of these principals and roles. */
export interface SignedByEntry {
  readonly path: string;
  readonly text: string;
  readonly threshold: number;
  readonly names: readonly string[];
}

/** A rule as the file says it. */
export interface RuleEntry {
  readonly path: string;
  readonly model: string;
  readonly signedBy: readonly SignedByEntry[];
  readonly releasedBy?: SignedByEntry | undefined;
  readonly channels: readonly ChannelEntry[];
  readonly lineage: readonly LineageEntry[];
  readonly attestations: readonly AttestationEntry[];
  readonly revocations?: RevocationEntry | undefined;
  readonly vsa?: VsaEntry | undefined;
  readonly settings: RuleSettings;
}

/** A revocation list as the file says it; paths begin at the file. */
export interface RevocationEntry extends Omit<RevocationRule, 'signedBy'> {
  readonly signedBy: SignedByEntry;
}

/** A statement that must be there, as the file says it. */
export interface AttestationEntry extends Omit<AttestationRule, 'signedBy'> {
  readonly signedBy: readonly SignedByEntry[];
}

/** Whose verification summary is accepted, as the file says it. */
export interface VsaEntry extends Omit<VsaRule, 'signedBy'> {
  readonly signedBy: SignedByEntry;
}

/** A channel as the file says it. */
export interface ChannelEntry {
  readonly name: string;
  readonly signedBy?: SignedByEntry | undefined;
  readonly stateless: boolean;
}

/** What the file says of the ancestors with one role. */
export interface LineageEntry extends Omit<LineageRule, 'signedBy'> {
  readonly role: LineageRole;
  readonly signedBy?: readonly SignedByEntry[] | undefined;
}

/** A policy file whose fields are well-formed; names are not resolved and keys not read. */
export interface PolicyDocument {
  readonly principals: readonly PrincipalEntry[];
  readonly roles: readonly RoleEntry[];
  /** Of every rule that says nothing of its own. */
  readonly revocations?: RevocationEntry | undefined;
  readonly rules: readonly RuleEntry[];
}
