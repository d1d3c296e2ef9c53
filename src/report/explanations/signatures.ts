import type { Topic } from '../explain.ts';

export const signatures: Topic = {
  title: 'Signatures, bundles and statements',
  codes: {
    'bundle-changed': {
      outcomes: ['refused', 'rejected', 'unavailable'],
      means: 'A bundle is not the one that was verified, or not the one that its name says.',
      why: 'It was replaced meanwhile, or damaged in the store.',
      todo: 'Run the command again; if it stays so, find out who writes there.',
    },
    'bundle-malformed': {
      outcomes: ['refused', 'rejected'],
      means: 'The file is not a Sigstore bundle with a signed statement.',
      why: 'It was edited or cut, or it is another file.',
      todo: 'Get the bundle again from the signer.',
    },
    'bundle-too-large': {
      outcomes: ['refused'],
      means: 'The model has more files or shards than a bundle may hold.',
      why: 'A bundle has a limit of its own size.',
      todo: 'Use larger shards, pack small files together, or sign parts of the model by themselves.',
    },
    'legacy-not-allowed': {
      outcomes: ['refused', 'rejected'],
      means: 'The bundle has the old v0.2.0 form.',
      why: 'Newer checks do not cover that form.',
      todo: 'Have the model signed again, or accept the old form for this model with --allow-legacy.',
    },
    'model-unsigned': {
      outcomes: ['warning'],
      means: 'The model that is attested is not signed.',
      why: 'Its id was computed from whole files in SHA-256; signed in another way it has another id.',
      todo: 'Sign it first, then attest it.',
    },
    'one-signer': {
      outcomes: ['usage'],
      means: 'Several signers were given where there is one.',
      why: 'A pointer, a record or a list has exactly one signature.',
      todo: 'Give one of --key, --kms and --sigstore.',
    },
    'predicate-type-unknown': {
      outcomes: ['refused', 'rejected'],
      means: 'The signed statement is about something else than is asked for here.',
      why: 'A provenance, a release record or another statement was given where another kind belongs.',
      todo: 'Give the bundle of the right kind: mlsign inspect shows what each one says.',
    },
    'root-digest-wrong': {
      outcomes: ['refused', 'rejected'],
      means: 'The resources of a signed statement do not add up to its root digest.',
      why: 'The signer was faulty, or the statement was made by hand.',
      todo: 'Have the model signed again.',
    },
    'signature-invalid': {
      outcomes: ['rejected'],
      means: 'The signature does not verify.',
      why: 'The bundle was changed after it was signed, or another key signed it.',
      todo: "Get the bundle again, and check that the trusted key is the signer's.",
    },
    'signature-name-taken': {
      outcomes: ['refused'],
      means: 'The model has a file where its signature belongs.',
      why: 'It was signed with a file of the name model.sig in it.',
      todo: 'Have it signed again without that file.',
    },
    'signature-not-found': {
      outcomes: ['undetermined'],
      means: 'There is no signature to verify.',
      why: 'No model.sig lies in the model, and none was named.',
      todo: 'Sign the model, or name its bundle with --signature.',
    },
    'signature-other-model': {
      outcomes: ['warning'],
      means: 'A signature is over another model, and does not count here.',
      why: 'A bundle was copied from another model.',
      todo: 'Remove it from where it lies.',
    },
    'signature-too-old': {
      outcomes: ['rejected', 'undetermined'],
      means: 'A signature that counts is older than the policy accepts, or nothing proves how old it is.',
      why: 'The rule gives a maximum age (require: max-age), and only a trusted timestamp or log proves one.',
      todo: 'Have the model signed again, with a timestamp.',
    },
    'signer-mismatch': {
      outcomes: ['refused'],
      means: "The signature that came back does not verify with the signer's own public key.",
      why: 'The private and the public half do not belong together, or the key was replaced.',
      todo: 'Sign again; if it stays so, check the key, --cert and --public-key.',
    },
    'signer-missing': {
      outcomes: ['usage', 'rejected', 'undetermined'],
      means: 'Nobody was named to sign with; or, when verifying, fewer trusted signers have signed than must.',
      why: 'A signing flag is missing; or the signatures that there are, are by others, or do not count.',
      todo: 'Say what to sign with (--key, --kms, --sigstore); or have the model signed by those whom the policy names.',
    },
    'signer-not-allowed': {
      outcomes: ['refused', 'unavailable'],
      means: 'This signer may not do this here; nothing was written.',
      why: 'The policy or the flags name others for releases, channels or revocations.',
      todo: 'Sign as one of those who may, or have the policy changed.',
    },
    'signer-untrusted': {
      outcomes: ['rejected'],
      means: 'The signature is by somebody who is not trusted here.',
      why: 'Another key or certificate has signed than the trusted ones.',
      todo: 'If the signer is right, trust it by --trust-key, --ca, --identity or the policy. Never take its key from the bundle.',
    },
    'statement-malformed': {
      outcomes: ['refused', 'rejected'],
      means: 'What was signed is not a well-formed statement about a model.',
      why: 'The signer used a tool that makes other statements, or a faulty one.',
      todo: 'Have the model signed again.',
    },
    'statement-type-unknown': {
      outcomes: ['refused', 'rejected'],
      means: 'The signed payload is not an in-toto statement v1.',
      why: 'The bundle signs something else than a model.',
      todo: 'Give the bundle that goes with the model.',
    },
    'statements-too-large': {
      outcomes: ['unavailable'],
      means: 'The bundles sign more different statements than mlsign keeps in memory.',
      why: 'Many large bundles were given at once.',
      todo: 'Name those that count with --signature.',
    },
    'too-many-signatures': {
      outcomes: ['warning', 'undetermined'],
      means: 'There are more signatures beside the model than mlsign looks at.',
      why: 'Somebody who may write there has put many.',
      todo: 'Remove those that nobody needs.',
    },
    'trust-missing': {
      outcomes: ['usage'],
      means: 'Nobody is trusted, so there is nothing to verify against.',
      why: 'No trust flag and no policy was given.',
      todo: 'Give --trust-key, --ca, --identity with --issuer, or --policy.',
    },
  },
};
