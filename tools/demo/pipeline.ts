import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { accuracy, seeded, sentences, shuffled, train } from './classifier.ts';
import { writeModel } from './model-directory.ts';
import { BUILDER, CODE, deployRules, GATE_RULES, VERIFIER } from './policies.ts';
import { say, title } from './shell.ts';
import { key, publicKey, type Workshop } from './workshop.ts';

/** What every command is told of the policy. */
export const UNDER_GATE = ['--policy', 'gate.yaml', '--policy-key', publicKey('owner')] as const;
export const UNDER_DEPLOY = ['--policy', 'deploy.yaml', '--policy-key', publicKey('owner')] as const;
const PRODUCTION = 'file:store/reviews@production';

/** From the data to what is deployed, each step by those whose step it is. */
export async function runPipeline(workshop: Workshop): Promise<void> {
  const { shell } = workshop;
  await workshop.employ();
  say('upstream, data-team, trainer, evaluator, alice, bob, carol, releaser, gate, revoker, owner: each has a key of their own, in keys/.');

  title('The owner writes down what must hold, and signs it');
  workshop.policy(
    'gate.yaml',
    ['upstream', 'data-team', 'trainer', 'evaluator', 'alice', 'bob', 'carol', 'releaser', 'revoker'],
    GATE_RULES,
  );
  say(GATE_RULES.trimEnd());
  shell.mlsign(0, 'sign', 'gate.yaml', '--key', key('owner'));
  shell.mlsign(0, 'policy', 'check', 'gate.yaml', '--policy-key', publicKey('owner'));
  shell.mlsign(0, 'revoke', '--init', '--expires', '30d', ...UNDER_GATE, '--key', key('revoker'));

  title('Upstream gives word vectors, the data team sentences');
  const examples = shuffled(sentences(), seeded(7));
  const held = Math.floor(examples.length / 4);
  await writeModel(workshop.path('words'), train(examples.slice(held), { width: 8, epochs: 1, rate: 0.5 }));
  await mkdir(workshop.path('corpus'));
  workshop.write(
    'corpus/train.jsonl',
    examples
      .slice(held)
      .map((example) => `${JSON.stringify(example)}\n`)
      .join(''),
  );
  shell.mlsign(0, 'sign', 'words', '--key', key('upstream'));
  shell.mlsign(0, 'sign', 'corpus', '--key', key('data-team'));
  for (const name of ['words', 'corpus'])
    shell.mlsign(0, 'push', name, `file:store/${name}`, ...UNDER_GATE, '--key', key('releaser'), '-q');

  title('The trainer trains, signs, and says what the model was made from');
  const model = train(examples.slice(held), { width: 8, epochs: 6, rate: 0.5 });
  await writeModel(workshop.path('reviews'), model);
  shell.mlsign(0, 'sign', 'reviews', '--key', key('trainer'));
  shell.mlsign(0, 'attest', 'reviews', ...PROVENANCE, '--key', key('trainer'));

  title('The evaluator measures it on sentences that it has not seen');
  const metrics = { accuracy: accuracy(model, examples.slice(0, held)) };
  workshop.write('eval.json', JSON.stringify({ issued: new Date().toISOString(), metrics }));
  shell.mlsign(0, 'attest', 'reviews', '--predicate', 'eval.json', '--type', 'https://mlsign/evaluation/v1', '--key', key('evaluator'));

  title('May it be deployed? Nobody has approved it yet');
  shell.mlsign(1, 'verify', 'reviews', ...UNDER_GATE);

  title('Two people approve it');
  for (const who of ['alice', 'bob'] as const) {
    shell.mlsign(0, 'approve', 'reviews', '--role', 'security', '--reason', 'looked at it', '--expires', '30d', '--key', key(who));
  }

  title('The releaser pushes and promotes it');
  shell.mlsign(0, 'push', 'reviews', 'file:store/reviews', ...UNDER_GATE, '--key', key('releaser'));
  shell.mlsign(
    0,
    'promote',
    'file:store/reviews@1',
    '--channel',
    'production',
    '--init',
    '--expires',
    '30d',
    ...UNDER_GATE,
    '--key',
    key('releaser'),
  );

  title('The gate verifies everything, and signs what it found');
  shell.mlsign(0, 'verify', PRODUCTION, ...UNDER_GATE, '--report', 'vsa=gate.att', '--verifier', VERIFIER, '--key', key('gate'));

  title('The deploy step goes by that: it knows the gate, the releaser and the revoker, and nobody else');
  const gate = createHash('sha256').update(workshop.read('gate.yaml')).digest('hex');
  const rules = deployRules(gate);
  workshop.policy('deploy.yaml', ['gate', 'releaser', 'revoker'], rules);
  shell.quietly('sign', 'deploy.yaml', '--key', key('owner'));
  say(rules.trimEnd());
  shell.mlsign(0, 'pull', PRODUCTION, 'deployed', ...UNDER_DEPLOY, '--vsa', 'gate.att');
}

/** What the trainer says of how the model was made. */
export const PROVENANCE = [
  ...['--base', 'file:store/words@1', '--relation', 'finetune', '--dataset', 'file:store/corpus@1'],
  ...['--code', CODE, '--builder', BUILDER, '--param', 'epochs=6'],
] as const;
