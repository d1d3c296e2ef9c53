import type { Topic } from '../explain.ts';

export const lineage: Topic = {
  title: 'Lineage',
  codes: {
    'attestation-changed': {
      outcomes: ['refused', 'rejected'],
      means: 'An attestation is not the one that its name says.',
      why: 'It was written over.',
      todo: 'Restore it, or remove it and have it attested again.',
    },
    'attestation-other-model': {
      outcomes: ['warning'],
      means: 'An attestation beside the model is about another one.',
      why: 'It was copied along.',
      todo: 'Remove it.',
    },
    'attestation-unreadable': {
      outcomes: ['warning'],
      means: 'An attestation beside the model cannot be read.',
      why: 'It is not a bundle.',
      todo: 'Remove it, or have it attested again.',
    },
    'attestations-not-listed': {
      outcomes: ['note'],
      means: 'Attestations added after the release were not looked for.',
      why: 'Listing is not allowed.',
      todo: 'Allow s3:ListBucketVersions, or push again with all of them.',
    },
    'base-differs': {
      outcomes: ['rejected'],
      means: 'This is not the base that the model was made for.',
      why: 'Another base was given than the provenance binds.',
      todo: 'Give the base that the finding names.',
    },
    'base-not-stated': {
      outcomes: ['undetermined'],
      means: 'No provenance by a trusted signer names a base for this model.',
      why: 'It was never attested, or by others.',
      todo: 'Have it attested: mlsign attest MODEL --base BASE.',
    },
    'builder-not-allowed': {
      outcomes: ['rejected'],
      means: 'Whoever signed the provenance may not speak for the builder that it names.',
      why: 'The policy lists which signer speaks for which builder.',
      todo: 'Have it attested by the right one, or add the builder to the policy.',
    },
    'lineage-base-missing': {
      outcomes: ['rejected'],
      means: 'The provenance says how the model was derived, and not from what.',
      why: 'A finetune or an adapter without a base cannot be followed.',
      todo: 'Have it attested again, with --base.',
    },
    'lineage-cycle': {
      outcomes: ['rejected'],
      means: 'The provenance leads in a circle.',
      why: 'Nothing is made from what was made from it: a statement is false.',
      todo: 'Find out who signed these statements.',
    },
    'lineage-digest-weak': {
      outcomes: ['warning'],
      means: 'An ancestor is bound by a digest that others can forge.',
      why: 'MD5 or SHA-1 was all that was known of it.',
      todo: 'Have the model attested again with a SHA-256 digest.',
    },
    'lineage-material-missing': {
      outcomes: ['rejected'],
      means: 'The provenance names fewer materials of a role than the policy asks for.',
      why: 'They were left out when it was attested.',
      todo: 'Have the model attested again, with all of them.',
    },
    'lineage-parent-missing': {
      outcomes: ['undetermined', 'note'],
      means: 'What the model was made from was not found, so nobody knows who signed it.',
      why: 'Its signature lies elsewhere.',
      todo: 'Say where it lies with --search, or put it into the store that its URI names.',
    },
    'lineage-parent-unsigned': {
      outcomes: ['rejected'],
      means: 'The policy asks for a signed parent, and this one is bound by a digest that no signature is about.',
      why: 'It was hashed when it was attested, and not signed.',
      todo: 'Have it signed, and the model attested again.',
    },
    'lineage-place-not-allowed': {
      outcomes: ['rejected'],
      means: 'A material comes from where the policy wants none from.',
      why: 'Its URI matches none of the allowed places.',
      todo: 'Use another material, or change the policy.',
    },
    'lineage-role-unlisted': {
      outcomes: ['warning'],
      means: 'The policy says nothing of the role of a material, so nobody had to sign it.',
      why: 'The rule lists other roles.',
      todo: 'Add the role to the lineage of the rule.',
    },
    'lineage-signer-missing': {
      outcomes: ['rejected', 'undetermined'],
      means: 'An ancestor is not signed by those who may sign one.',
      why: 'Others have signed it, or nobody.',
      todo: 'Have it signed by one of them.',
    },
    'lineage-too-deep': {
      outcomes: ['undetermined'],
      means: 'There are ancestors further up that were not looked at.',
      why: 'The chain is longer than is followed.',
      todo: 'Look at the ancestors by themselves: mlsign lineage ANCESTOR.',
    },
    'lineage-too-large': {
      outcomes: ['undetermined', 'unavailable'],
      means: 'The lineage names more materials than mlsign follows.',
      why: 'A statement lists very many.',
      todo: 'Look at the ancestors by themselves: mlsign lineage ANCESTOR.',
    },
    'provenance-malformed': {
      outcomes: ['refused', 'rejected'],
      means: 'The provenance cannot be read.',
      why: 'It is not SLSA provenance v1.',
      todo: 'Have the model attested again.',
    },
    'provenance-missing': {
      outcomes: ['undetermined'],
      means: 'What the model was made from is not stated by anybody who may.',
      why: 'It was never attested, or by others than the policy names.',
      todo: 'Have it attested: mlsign attest.',
    },
    'too-many-attestations': {
      outcomes: ['warning', 'undetermined'],
      means: 'There are more attestations than mlsign takes.',
      why: 'Somebody who may write there has put many.',
      todo: 'Remove those that nobody needs.',
    },
    'too-many-copies': {
      outcomes: ['undetermined'],
      means: 'There are more copies of an ancestor than are looked at.',
      why: 'Many places hold bundles of the same model.',
      todo: 'Name fewer places.',
    },
  },
};
