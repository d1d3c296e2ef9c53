import assert from 'node:assert/strict';
import { ended, useBench } from './bench.ts';
import { Bucket, S3_SERVERS } from './stores.ts';
import { pushed, Team } from './team.ts';

for (const server of S3_SERVERS) {
  describe(`races on ${server}`, () => {
    const bench = useBench();
    let team: Team;
    before(async () => {
      team = await Team.gather(bench(), await Bucket.make(server));
    });

    it('two who push different models at once make two releases, each whole', async () => {
      const models = await Promise.all([team.model({ big: true }), team.model({ big: true })]);
      const runs = await Promise.all(models.map((model) => team.push(model, 'two')));
      const numbers = runs.map((run) => {
        ended(0, run);
        return pushed(run).number;
      });
      assert.deepEqual(numbers.sort(), [1, 2]);
      for (const number of numbers) ended(0, await team.verify(`two@${number}`, '--full'));
    });

    it('several who push the same model at once mix nothing', async () => {
      const model = await team.model({ big: true });
      const runs = await Promise.all([1, 2, 3].map(() => team.push(model, 'same')));
      const numbers = new Set<number>();
      for (const run of runs) {
        if (run.code === 0) numbers.add(pushed(run).number);
        // One that lost may be told so, and is not refused for good.
        else ended(3, run);
      }
      assert.ok(numbers.has(1), [...numbers].join());
      for (const number of numbers) ended(0, await team.verify(`same@${number}`, '--full'));
      const last = await team.push(model, 'same');
      ended(0, last);
      assert.equal(pushed(last).outcome, 'unchanged');
    });

    it('of two who promote at once one wins, and the other is told', async () => {
      for (const _ of [1, 2]) ended(0, await team.push(await team.model(), 'raced'));
      ended(0, await team.promote('raced@1', '--init'));
      const runs = await Promise.all(['raced@1', 'raced@2'].map((reference) => team.promote(reference)));
      const codes = runs.map(({ code }) => code).sort();
      // Either may also have come after the other, with a sequence of its own.
      assert.equal(codes[0], 0, runs.map(({ output }) => output).join('\n'));
      for (const run of runs) if (run.code !== 0) assert.match(run.output, /channel-moved/);
      const verified = await team.verify('raced@production');
      ended(0, verified);
      const { channel } = JSON.parse(verified.stdout).stored;
      assert.equal(channel.sequence, 1 + codes.filter((code) => code === 0).length);
    });
  });
}
