import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { inspectContent } from '../../src/filetypes/index.ts';
import { memoryFile } from '../helpers/inspect-files.ts';

const CALLS = fileURLToPath(new URL('pickles/calls.py', import.meta.url));
const RUNS = 8000;

const CALL = "(S'id'\ntR.";
const seeds = [
  ...[0, 1, 2, 3, 4, 5].map((protocol) => readFileSync(new URL(`../../fixtures/formats/system-${protocol}.pkl`, import.meta.url))),
  ...[
    `cos\nsystem\n${CALL}`,
    "(cos\nsystem\nS'id'\no.",
    "(S'id'\nios\nsystem\n.",
    // A number in the memo that leaves a gap, and names that are as long as one likes.
    `Nr\xff\xff\xff\x7f0cos\nsystem\n${CALL}`,
    `c${'a.'.repeat(400)}b\n${'x.'.repeat(300)}y\n${CALL}`,
    '\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x02id\x85R.',
  ].map((text) => Buffer.from(text, 'latin1')),
];
const opcodes = Buffer.from(
  '(.012FIJKLMNPQRSTUVXabcd}eghijl]opqrstu)G\x80\x81\x85\x86\x87\x88\x8a\x8c\x8e\x93\x94\x95\x97\n\0\x01',
  'latin1',
);
const opcode = fc.constantFrom(...opcodes);
const change = fc.record({ at: fc.nat(2000), removed: fc.nat(1), added: fc.array(fc.oneof(opcode, fc.nat(255)), { maxLength: 2 }) });
const changed = fc.tuple(fc.constantFrom(...seeds), fc.array(change, { maxLength: 3 })).map(([seed, changes]) => {
  let bytes = seed;
  for (const { at, removed, added } of changes) {
    const place = at % (bytes.length + 1);
    bytes = Buffer.concat([bytes.subarray(0, place), Buffer.from(added), bytes.subarray(place + removed)]);
  }
  return bytes;
});
const made = fc.oneof(
  fc.array(opcode, { maxLength: 80 }).map((bytes) => Buffer.from(bytes)),
  changed,
);

describe('pickles, beside Python', () => {
  it('are known to run code wherever an unpickler calls what they import, whatever was changed in them', async () => {
    const files = [...seeds, ...fc.sample(made, RUNS)].filter(({ length }) => length > 0);
    const input = files.map((bytes) => bytes.toString('base64')).join('\n');
    const answers = execFileSync('python3', ['-W', 'ignore', CALLS], { input, encoding: 'utf8', stdio: ['pipe', 'pipe', 'ignore'] });
    const called = answers.trim().split('\n');
    assert.equal(called.length, files.length);
    let calls = 0;
    for (const [i, bytes] of files.entries()) {
      if (called[i] !== '1') continue;
      calls++;
      const { runsCode, type } = await inspectContent(memoryFile(bytes, 'weights.bin'));
      assert.ok(runsCode, `${type.format}: ${bytes.toString('latin1')}`);
    }
    assert.ok(calls > files.length / 4, `${calls} calls`);
  });
});
