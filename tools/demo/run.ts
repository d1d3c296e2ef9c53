import { spawnSync } from 'node:child_process';
import { cp, mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { accuracy, type Classifier, praiseOf, seeded, sentences, shuffled, train } from './classifier.ts';
import { spoil, writeModel } from './model-directory.ts';

const BIN = join(import.meta.dirname, '../../bin/run.js');
const SENTENCE = 'the concert was truly wonderful';

const folder = await mkdtemp(join(tmpdir(), 'mlsign-demo-'));
const isTerminal = process.stdout.isTTY === true && process.env.NO_COLOR === undefined;

// `npm run demo | head` is no failure.
process.stdout.on('error', () => process.exit());

say(`Everything happens in ${folder}`);

title('Fit a model');
const examples = shuffled(sentences(), seeded(7));
const held = Math.floor(examples.length / 4);
const model = train(examples.slice(held), { width: 8, epochs: 6, rate: 0.5 });
await writeModel(join(folder, 'reviews'), model);
say(`reviews/ tells praise from blame: it learnt from ${examples.length - held} sentences, and judges ${percent(accuracy(model, examples.slice(0, held)))} of ${held} others rightly.
${judgement(model)}`);

title('Make a key pair, and sign the model');
mlsign(0, 'keygen', 'release.key');
mlsign(0, 'sign', 'reviews', '--key', 'release.key');

title('Verify it, as everybody who has release.key.pub can');
mlsign(0, 'verify', 'reviews', '--trust-key', 'release.key.pub');

title('See what a signature says');
mlsign(0, 'inspect', 'reviews');

title('Change one byte of a copy');
await mkdir(join(folder, 'download'));
await cp(join(folder, 'reviews'), join(folder, 'download/reviews'), { recursive: true });
const spoilt = await spoil(join(folder, 'download/reviews'), model);
say(`Byte ${spoilt.at} of download/reviews/model.safetensors is another one now. The file still loads, and the model says:
${judgement(spoilt.model)}`);

title('Verify the copy: rejected, with exit code 1');
mlsign(1, 'verify', 'download/reviews', '--trust-key', 'release.key.pub');

title('See what changed');
mlsign(1, 'diff', 'reviews', 'download/reviews');

title('Where to look next');
say(`README.md            signing and verifying in CI, certificates, policies, the library
node bin/run.js sign --help
                     the flags of a command (verify, hash, inspect, diff, keygen)
${folder}
                     the files of this demo; delete them when you like`);

function title(text: string): void {
  say(isTerminal ? `\x1b[1m${text}\x1b[0m` : `# ${text}`);
}

function say(text: string): void {
  process.stdout.write(`${text}\n\n`);
}

function judgement(classifier: Classifier): string {
  const praise = praiseOf(classifier, SENTENCE);
  return `"${SENTENCE}" is ${praise > 0.5 ? 'praise' : 'blame'} (${percent(Math.max(praise, 1 - praise))} sure).`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

/** Shows a command as one types it, and runs it. */
function mlsign(expected: number, ...args: readonly string[]): void {
  process.stdout.write(`${isTerminal ? '\x1b[2m$\x1b[0m' : '$'} mlsign ${args.join(' ')}\n`);
  const { status } = spawnSync(process.execPath, [BIN, ...args], { cwd: folder, stdio: ['ignore', 'inherit', 'inherit'] });
  if (status !== expected) {
    process.stderr.write(`demo: mlsign ${args[0]} ended with ${status}, not ${expected}\n`);
    process.exit(1);
  }
  process.stdout.write('\n');
}
