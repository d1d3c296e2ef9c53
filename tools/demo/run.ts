import { cp, mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { accuracy, type Classifier, praiseOf, seeded, sentences, shuffled, train } from './classifier.ts';
import { spoil, writeModel } from './model-directory.ts';
import { Shell, say, title } from './shell.ts';

const SENTENCE = 'the concert was truly wonderful';

const folder = await mkdtemp(join(tmpdir(), 'mlsign-demo-'));
const shell = new Shell(folder);

say(`Everything happens in ${folder}`);

title('Fit a model');
const examples = shuffled(sentences(), seeded(7));
const held = Math.floor(examples.length / 4);
const model = train(examples.slice(held), { width: 8, epochs: 6, rate: 0.5 });
await writeModel(join(folder, 'reviews'), model);
say(`reviews/ tells praise from blame: it learnt from ${examples.length - held} sentences, and judges ${percent(accuracy(model, examples.slice(0, held)))} of ${held} others rightly.
${judgement(model)}`);

title('Make a key pair, and sign the model');
shell.mlsign(0, 'keygen', 'release.key');
shell.mlsign(0, 'sign', 'reviews', '--key', 'release.key');

title('Verify it, as everybody who has release.key.pub can');
shell.mlsign(0, 'verify', 'reviews', '--trust-key', 'release.key.pub');

title('See what a signature says');
shell.mlsign(0, 'inspect', 'reviews');

title('Change one byte of a copy');
await mkdir(join(folder, 'download'));
await cp(join(folder, 'reviews'), join(folder, 'download/reviews'), { recursive: true });
const spoilt = await spoil(join(folder, 'download/reviews'), model);
say(`Byte ${spoilt.at} of download/reviews/model.safetensors is another one now. The file still loads, and the model says:
${judgement(spoilt.model)}`);

title('Verify the copy: rejected, with exit code 1');
shell.mlsign(1, 'verify', 'download/reviews', '--trust-key', 'release.key.pub');

title('See what changed');
shell.mlsign(1, 'diff', 'reviews', 'download/reviews');

title('Where to look next');
say(`README.md            signing and verifying in CI, certificates, policies, the library
node bin/run.js sign --help
                     the flags of a command (verify, hash, inspect, diff, keygen)
${folder}
                     the files of this demo; delete them when you like`);

function judgement(classifier: Classifier): string {
  const praise = praiseOf(classifier, SENTENCE);
  return `"${SENTENCE}" is ${praise > 0.5 ? 'praise' : 'blame'} (${percent(Math.max(praise, 1 - praise))} sure).`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
