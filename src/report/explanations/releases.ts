import type { Topic } from '../explain.ts';

export const releases: Topic = {
  title: 'Releases',
  codes: {
    'record-deleted': {
      outcomes: ['warning'],
      means: 'A record or pointer was deleted, so readers find nothing.',
      why: 'Somebody deleted it.',
      todo: 'mlsign restore brings a released one back.',
    },
    'record-unreadable': {
      outcomes: ['undetermined'],
      means: 'What a record refers to is not known, so nothing may be deleted.',
      why: 'It cannot be read, or does not parse.',
      todo: 'Make it readable, and run gc again.',
    },
    'records-changed': {
      outcomes: ['unavailable'],
      means: 'A release was made meanwhile; nothing was deleted.',
      why: 'Somebody pushed while gc was looking.',
      todo: 'Run it again.',
    },
    'release-busy': {
      outcomes: ['unavailable'],
      means: 'Others took the next release number again and again.',
      why: 'Many push at the same time.',
      todo: 'Push again when fewer are pushing.',
    },
    'release-contradicts-signature': {
      outcomes: ['rejected'],
      means: 'The release record says something else than the signature of the model.',
      why: 'Names, sizes or digests differ: the record was made by hand, or by somebody who may release and lies.',
      todo: 'Find out who signed the record; push the model again.',
    },
    'release-deleted': {
      outcomes: ['warning'],
      means: 'The record of the release was deleted, and was found among older versions.',
      why: 'Somebody deleted it.',
      todo: 'Restore it as the finding says.',
    },
    'release-forked': {
      outcomes: ['rejected'],
      means: 'Two different records are signed with the same number.',
      why: 'Whoever may release has made two, or somebody holds the key.',
      todo: 'Find out who signed each of them.',
    },
    'release-history-unread': {
      outcomes: ['undetermined', 'warning'],
      means: 'Whether a second record has this number cannot be seen.',
      why: 'Listing of older versions is not allowed.',
      todo: 'Allow s3:ListBucketVersions and s3:GetObjectVersion.',
    },
    'release-malformed': {
      outcomes: ['refused', 'rejected'],
      means: 'The release record cannot be read.',
      why: 'It is not one, or was made by faulty software.',
      todo: 'Push the model again.',
    },
    'release-missing': {
      outcomes: ['undetermined', 'unavailable'],
      means: 'There is no such release.',
      why: 'The number is wrong, or the record is gone or cannot be read.',
      todo: 'See what there is: mlsign releases.',
    },
    'release-model-differs': {
      outcomes: ['rejected'],
      means: 'The release is of another model than its bundles sign.',
      why: 'A record was made for other files.',
      todo: 'Find out who signed it; push the model again.',
    },
    'release-name-wrong': {
      outcomes: ['refused'],
      means: 'The record that lies here is that of another release.',
      why: 'It was copied from elsewhere.',
      todo: 'Find out who put it there.',
    },
    'release-other-name': {
      outcomes: ['rejected'],
      means: 'The record was signed for another release.',
      why: 'It was copied from another model or number.',
      todo: 'Find out who put it there; mlsign restore brings the right one back.',
    },
    'release-overwritten': {
      outcomes: ['warning'],
      means: 'The record of the release was written over, and was found among older versions.',
      why: 'Somebody wrote there, past mlsign.',
      todo: 'Restore it as the finding says.',
    },
    'release-replaced': {
      outcomes: ['rejected'],
      means: 'The record is another one than the pointer was signed for.',
      why: 'Another record was put in its place.',
      todo: 'Restore the record, or promote again.',
    },
    'releaser-not-trusted': {
      outcomes: ['warning'],
      means: 'The release is signed by another than the model.',
      why: "Who verifies it has to trust the releaser's key as well.",
      todo: 'Tell them, or put the releaser into the policy.',
    },
    'rollback-target-missing': {
      outcomes: ['refused'],
      means: 'The channel has pointed to no earlier release.',
      why: 'It never had one, or not the one that --to names.',
      todo: 'See mlsign history, and name one with --to.',
    },
    'rollback-to-present': {
      outcomes: ['refused'],
      means: 'The channel points to that release already.',
      why: 'There is nothing to roll back.',
      todo: 'Nothing; mlsign renew extends its life.',
    },
  },
};
