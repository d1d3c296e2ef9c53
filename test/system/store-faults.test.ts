import { randomBytes } from 'node:crypto';
import { ACTS } from '../helpers/fault-acts.ts';
import { describeFaults } from '../helpers/fault-suite.ts';
import { openFaultyBucket } from '../helpers/faulty-bucket.ts';

describe('faults between mlsign and a bucket, in every act', function () {
  this.timeout(120_000);
  describeFaults('of small files', openFaultyBucket, {
    models: [{ 'config.json': randomBytes(50), 'weights.bin': randomBytes(40_000) }, { 'config.json': randomBytes(51) }],
    acts: ACTS,
    isExhaustive: false,
    kills: [['push', 'after']],
  });
});
