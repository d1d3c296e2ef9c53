import { refused, usage } from '../core/index.ts';
import type { AttestationRule } from './attestation-rule.ts';
import type { FormatSetting } from './format-rule.ts';
import type { LineageRules } from './lineage-rule.ts';
import { covers } from './pattern.ts';
import type { Principal } from './principal.ts';
import type { RevocationRule } from './revocation-rule.ts';
import type { VsaRule } from './vsa-rule.ts';

/** So many of these principals must have signed. */
export interface Requirement {
  /** As the user wrote it: `2 of [ml-lead, security]`. */
  readonly text: string;
  readonly threshold: number;
  /** Each counts once; roles are already replaced by their members. */
  readonly of: readonly Principal[];
}

/** How many different authors must stand behind each signature that counts. */
export interface EvidenceRequirement {
  /** Timestamp authorities that prove when it was made. */
  readonly timestamps: number;
  /** Transparency logs that hold it. */
  readonly logs: number;
}

/** What a rule says besides who must sign. */
export interface RuleSettings {
  readonly require: EvidenceRequirement;
  /** How old the model's own signatures may be at most, in milliseconds: by a time that is proven. */
  readonly maxAge?: number | undefined;
  /** Which of the signer's ignored paths may exist on disk: whatever the signer recorded, or exactly these. */
  readonly ignorePaths: 'signed' | readonly string[];
  /** Paths that may be unsigned although the signer did not record them. */
  readonly unsignedPaths: readonly string[];
  readonly allowSymlinks: boolean;
  readonly allowLegacy: boolean;
  readonly ignoreUnsigned: boolean;
  /** Origins (`https://minio.example:9000`) whose checksums are believed besides those of AWS. */
  readonly attestedEndpoints: readonly string[];
  /** What the files may be, by their bytes. */
  readonly formats: FormatSetting;
}

/** What must hold for the models at some locations. */
export interface Rule extends RuleSettings {
  /** The pattern as the user wrote it, or what the flags are called. */
  readonly name: string;
  /** The pattern in full; see {@link covers}. */
  readonly pattern: string;
  /** All of them must be met, each on its own. */
  readonly signedBy: readonly Requirement[];
  /** Who may sign release records; the model's signers unless given. */
  readonly releasedBy?: SignerGroups | undefined;
  /** What holds for channels, by name. */
  readonly channels: ReadonlyMap<string, ChannelRule>;
  /** What holds for what the model was made from, by role; nothing is asked of it where this is empty. */
  readonly lineage: LineageRules;
  /** Statements about exactly this model that must be there. */
  readonly attestations: readonly AttestationRule[];
  /** Each of these lists must be there, and revoke nothing of the model. */
  readonly revocations: readonly RevocationRule[];
  /** Whose verification summary is accepted instead of what the rule asks of signers, lineage, attestations and formats. */
  readonly vsa?: VsaRule | undefined;
}

/** Of each of these groups, the one signer of a document must be a member. */
export type SignerGroups = readonly (readonly Principal[])[];

/** What must hold for a channel. */
export interface ChannelRule {
  /** Who may move it; who may sign releases unless given. */
  readonly signedBy?: SignerGroups | undefined;
  /** Whether a client that remembers no earlier pointer may follow it. */
  readonly stateless: boolean;
}

/** What must hold before a model may be used. */
export interface Policy {
  /** In words: the file, or `flags`. */
  readonly source: string;
  /** SHA-256 of the file, hex. */
  readonly digest?: string | undefined;
  /** The policy file and every file with a trusted key or certificate; none of them may lie in the model. */
  readonly files: readonly string[];
  readonly principals: readonly Principal[];
  readonly rules: readonly Rule[];
}

/** How many patterns an error shows. */
const MOST_SHOWN = 5;

/** What a rule allows unless it says otherwise. */
export const RULE_DEFAULTS: RuleSettings = {
  require: { timestamps: 0, logs: 0 },
  ignorePaths: 'signed',
  unsignedPaths: [],
  allowSymlinks: false,
  allowLegacy: false,
  ignoreUnsigned: false,
  attestedEndpoints: [],
  formats: { allowCode: [], by: 'default' },
};

/**
 * The rule for a model: of those whose pattern matches, the one that every other one covers.
 *
 * @param location as `modelLocation` gives it
 * @throws MlsignError `policy-no-rule`, `policy-rules-tie`
 */
export function selectRule(policy: Policy, location: string): Rule {
  const matching = policy.rules.filter(({ pattern }) => covers(pattern, location));
  if (matching.length === 0) {
    const names = policy.rules.slice(0, MOST_SHOWN).map(({ name }) => name);
    const more = policy.rules.length - names.length;
    throw refused('policy-no-rule', 'no rule of the policy is for this model', {
      subject: location,
      expected: `a location that matches ${names.join(' or ')}${more > 0 ? ` or one of ${more} other patterns` : ''}`,
      got: location,
      suggestions: [`add a rule for this model to ${policy.source}, or check where the model lies`],
    });
  }
  const [best] = matching.filter((rule) => matching.every((other) => covers(other.pattern, rule.pattern)));
  if (best !== undefined) return best;
  throw usage('policy-rules-tie', 'several rules of the policy are for this model, and none is the most specific', {
    subject: location,
    got: matching.map(({ name }) => name).join(', '),
    suggestions: ['add a rule for exactly this model'],
  });
}

/** Who may sign release records under a rule. */
export function releasePrincipals(rule: Rule): SignerGroups {
  return rule.releasedBy ?? [[...new Set(rule.signedBy.flatMap(({ of }) => of))]];
}

/** Who may move a channel under a rule. */
export function channelPrincipals(rule: Rule, channel: string): SignerGroups {
  return rule.channels.get(channel)?.signedBy ?? releasePrincipals(rule);
}
