import type { Topic } from '../explain.ts';

export const pulling: Topic = {
  title: 'Pulling and pushing',
  codes: {
    'bundles-not-listed': {
      outcomes: ['note'],
      means: 'Signatures added after the release were not looked for.',
      why: 'Listing is not allowed.',
      todo: 'Allow s3:ListBucketVersions, or push again with all signatures.',
    },
    'companion-not-written': {
      outcomes: ['warning'],
      means: 'There is no place for the lock file, or further signatures, beside the directory.',
      why: 'The directory above cannot be written.',
      todo: 'Give --lock-file a place that can be written, or pull or unpack elsewhere.',
    },
    'directory-not-empty': {
      outcomes: ['refused'],
      means: 'The directory to pull or unpack into holds something else.',
      why: 'A model appears in a directory of its own.',
      todo: 'Give an empty one, or --force to replace what is there.',
    },
    'pull-in-progress': {
      outcomes: ['unavailable'],
      means: 'Another pull or unpack is filling this directory.',
      why: 'Two were started.',
      todo: 'Wait until it is done.',
    },
    'record-too-large': {
      outcomes: ['refused'],
      means: 'The release record of the model would be larger than mlsign reads.',
      why: 'The model has more than some 110,000 files, or 350,000 parts.',
      todo: 'Put small files together before it is signed.',
    },
    'staging-name-taken': {
      outcomes: ['refused'],
      means: 'The model has a file where models are staged while they are pulled.',
      why: 'Its name is one that mlsign uses.',
      todo: 'Have the model signed and pushed again without it.',
    },
    'staging-taken': {
      outcomes: ['refused'],
      means: 'Something else lies where a model is staged.',
      why: 'A link or a file was put there.',
      todo: 'Find out who put it there, and remove it.',
    },
  },
};
