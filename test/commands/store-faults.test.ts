import { randomBytes } from 'node:crypto';
import { describeFaults } from '../helpers/fault-suite.ts';
import { openFaultyBucket } from '../helpers/faulty-bucket.ts';

// Each kind of fault once; `test/system` has every act, and kills.
describe('faults between mlsign and a bucket', function () {
  this.timeout(120_000);
  describeFaults('of small files', openFaultyBucket, {
    models: [{ 'config.json': randomBytes(50), 'weights.bin': randomBytes(40_000) }, { 'config.json': randomBytes(51) }],
    acts: ['push'],
    isExhaustive: false,
    kills: [],
  });
});
