import type { Topic } from '../explain.ts';

export const summaries: Topic = {
  title: 'Verification summaries and reports',
  codes: {
    'vsa-ancestors-unknown': {
      outcomes: ['rejected', 'warning'],
      means: 'Digests were revoked that the gatekeeper did not know of, and the model has ancestors.',
      why: 'A summary names ancestors and their signers, but not their files: one of them may be revoked.',
      todo: 'Have the model verified again by the gatekeeper, with the list as it is now.',
    },
    'vsa-failed': {
      outcomes: ['rejected', 'warning'],
      means: 'The newest verification summary of the gatekeeper says that the model did not pass.',
      why: 'The gatekeeper verified this model and rejected it; what passed before that is out of date.',
      todo: 'See what the gatekeeper found, and do not deploy until it passes.',
    },
    'vsa-from-future': {
      outcomes: ['rejected', 'warning'],
      means: 'The verification summary says that the model will be verified in the future.',
      why: 'The clock of this machine or of the gatekeeper is wrong, or somebody wants the summary to live longer.',
      todo: 'Check both clocks.',
    },
    'vsa-malformed': {
      outcomes: ['refused', 'rejected', 'warning'],
      means: 'A signed verification summary is not as SLSA says that it must be, or is not about exactly one model id.',
      why: 'Another tool wrote it, or one that writes summaries of something else.',
      todo: 'Have the summary made by mlsign verify --report vsa=FILE.',
    },
    'vsa-model-differs': {
      outcomes: ['rejected', 'warning'],
      means: 'The verification summary is about another model than the signatures here.',
      why: 'The model was replaced or signed in another way after it was verified, or the summary belongs to another one.',
      todo: 'Have this model verified by the gatekeeper.',
    },
    'vsa-policy-differs': {
      outcomes: ['rejected', 'warning'],
      means: 'The verification summary is about another policy than the one that the rule accepts.',
      why: 'The policy was changed since, or the gatekeeper verified under its own, and the rule does not name that.',
      todo: 'Have the model verified under this policy, or write the SHA-256 of the policy of the gatekeeper into the rule: vsa: { policy: … }.',
    },
    'vsa-record-differs': {
      outcomes: ['rejected', 'warning'],
      means: 'The verification summary was made with another record of this release.',
      why: 'The record of the release was replaced after it was verified, or the summary does not say which one it was.',
      todo: 'Find out who replaced it (mlsign history), and have the release verified again.',
    },
    'vsa-resource-differs': {
      outcomes: ['rejected', 'warning'],
      means: 'The verification summary is about what lies elsewhere: another release, or another place.',
      why: 'A summary counts where the model was verified, so that it cannot be taken along to another release.',
      todo: 'Have the model verified where it lies; for copies on disk say in the rule where they come from: vsa: { resource: … }.',
    },
    'vsa-signature-differs': {
      outcomes: ['rejected', 'warning'],
      means: 'No signature beside the model is the one by which the gatekeeper knew it.',
      why: 'The model was signed again after it was verified, or somebody wrote another bundle about the same files, which may leave paths out.',
      todo: 'Put back the signature that was verified, or have the model verified again as it is.',
    },
    'vsa-signers-unknown': {
      outcomes: ['rejected', 'warning'],
      means: 'The verification summary does not say whose signatures were verified, and the policy has a revocation list.',
      why: 'Another tool wrote it, or an mlsign that did not name the signers of ancestors; whether one of the signers is revoked by now cannot be told.',
      todo: 'Have the summary made by mlsign verify --report vsa=FILE.',
    },
    'vsa-too-old': {
      outcomes: ['rejected', 'warning'],
      means: 'The verification summary is older than the policy accepts.',
      why: 'More time went by than max-age since the model was verified, or since the summary is proven to have been signed.',
      todo: 'Have the model verified again by the gatekeeper.',
    },
    'vsa-verifier-differs': {
      outcomes: ['rejected', 'warning'],
      means: 'The verification summary is made in the name of another verifier than the rule accepts.',
      why: 'One key may sign for several verifiers, and only one of them is meant.',
      todo: 'Check --verifier of the gatekeeper and verifier of the rule.',
    },
    'vsa-from-vsa': {
      outcomes: ['usage'],
      means: 'A verification summary was to be made of another one.',
      why: '--vsa was given beside --report vsa=FILE. Old verifications would live on for ever.',
      todo: 'Leave --vsa out: a summary is made of what is verified now.',
    },
    'vsa-verifier-invalid': {
      outcomes: ['usage'],
      means: 'A verification summary names its verifier by a URI, and none was given.',
      why: '--verifier is missing, or no URI.',
      todo: 'Give one that those who accept the summary know: --verifier https://example.com/gate.',
    },
    'vsa-without-policy': {
      outcomes: ['usage'],
      means: 'A verification summary names the policy file that was asked, and there is none.',
      why: 'The trust came from flags alone.',
      todo: 'Verify with --policy.',
    },
    'report-failed': {
      outcomes: ['unavailable'],
      means: 'The verdict is there, and a report of it could not be made.',
      why: 'The file could not be written, or the summary not be signed. The message says what the verdict is.',
      todo: 'Put that right and run the command again: no older report is left that could be taken for this one.',
    },
    'report-inside-model': {
      outcomes: ['usage'],
      means: 'A report was to be written into the model that is verified.',
      why: 'There it would be an unsigned file, and the next verification would reject the model.',
      todo: 'Write it beside the model: MODEL.mlsign/gate.att.',
    },
    'report-over-other': {
      outcomes: ['usage'],
      means: 'A report was to replace a file that is no older report of its kind.',
      why: 'The name of a model, a key or a policy stands in --report by mistake: an older report is removed before anything is done.',
      todo: 'Write the report elsewhere, or remove the file.',
    },
    'report-twice': {
      outcomes: ['usage'],
      means: 'Two reports were to be written into one file, or two summaries were asked for.',
      why: 'Each report has a file of its own, and a verification has one summary.',
      todo: 'Give each report another file.',
    },
    'report-unknown': {
      outcomes: ['usage'],
      means: 'There is no report of this kind for this command.',
      why: '--report takes sarif=FILE, and where something can be signed vsa=FILE.',
      todo: 'Correct the flag.',
    },
  },
};
