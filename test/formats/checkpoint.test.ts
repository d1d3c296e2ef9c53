import assert from 'node:assert/strict';
import { parseCheckpoint } from '../../src/formats/index.ts';

const ROOT = Buffer.alloc(32, 7).toString('base64');
const SIGNATURE = Buffer.concat([Buffer.of(1, 2, 3, 4), Buffer.from('signature')]).toString('base64');
const VALID = `log.example - 171\n42\n${ROOT}\n\n— log.example ${SIGNATURE}\n`;

describe('parseCheckpoint', () => {
  it('reads origin, size, root and signatures, and what is signed', () => {
    assert.deepEqual(parseCheckpoint(VALID), {
      origin: 'log.example - 171',
      size: 42n,
      root: Buffer.alloc(32, 7),
      note: `log.example - 171\n42\n${ROOT}\n`,
      signatures: [{ name: 'log.example', keyHint: Buffer.of(1, 2, 3, 4), signature: Buffer.from('signature') }],
    });
  });

  it('reads further lines of the note, and further signatures', () => {
    const text = `log.example\n0\n${ROOT}\nTimestamp: 1\nmore\n\n— log.example ${SIGNATURE}\n— witness+1 ${SIGNATURE}\n`;
    const checkpoint = parseCheckpoint(text);
    assert.equal(checkpoint?.size, 0n);
    assert.equal(checkpoint.note, `log.example\n0\n${ROOT}\nTimestamp: 1\nmore\n`);
    assert.deepEqual(
      checkpoint.signatures.map(({ name }) => name),
      ['log.example', 'witness+1'],
    );
  });

  it('takes the last blank line for the one that parts text and signatures', () => {
    const text = `log.example\n1\n${ROOT}\n\n— inner ${SIGNATURE}\n\n— log.example ${SIGNATURE}\n`;
    assert.equal(parseCheckpoint(text)?.note, `log.example\n1\n${ROOT}\n\n— inner ${SIGNATURE}\n`);
  });

  it('gives nothing for what is not one', () => {
    const wrong: Readonly<Record<string, string>> = {
      'no blank line': VALID.replace('\n\n', '\n'),
      'no final newline': VALID.slice(0, -1),
      'no signature': `log.example\n42\n${ROOT}\n\n\n`,
      'no origin': VALID.replace('log.example - 171', ''),
      'size with a zero in front': VALID.replace('\n42\n', '\n042\n'),
      'size below zero': VALID.replace('\n42\n', '\n-1\n'),
      'size of 20 digits': VALID.replace('\n42\n', `\n${'9'.repeat(20)}\n`),
      'root of 31 bytes': VALID.replace(ROOT, Buffer.alloc(31).toString('base64')),
      'root that is not base64': VALID.replace(ROOT, 'x'),
      'a hyphen for the dash': VALID.replace('—', '-'),
      'a signature of four bytes': VALID.replace(SIGNATURE, Buffer.alloc(4).toString('base64')),
      'a signature that is not base64': VALID.replace(SIGNATURE, `${SIGNATURE}!`),
      'a signature without a name': VALID.replace('— log.example ', '— '),
      'one good line and one bad': `${VALID}bad\n`,
      'too many signatures': `${VALID}${`— w ${SIGNATURE}\n`.repeat(64)}`,
    };
    for (const [name, text] of Object.entries(wrong)) assert.equal(parseCheckpoint(text), undefined, name);
  });

  it('gives nothing for one that is cut off anywhere', () => {
    for (let length = 0; length < VALID.length; length++) assert.equal(parseCheckpoint(VALID.slice(0, length)), undefined, `${length}`);
  });
});
