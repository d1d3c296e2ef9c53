import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { inspectContent, isPlainJson } from '../../src/filetypes/index.ts';

const fixture = (path: string): Buffer => readFileSync(new URL(`../../fixtures/${path}`, import.meta.url));

async function inspect(name: string, bytes: Buffer) {
  return await inspectContent({
    path: name,
    size: bytes.length,
    read: async (offset, length) => bytes.subarray(offset, offset + length),
    readInto: async (buffer, offset) => bytes.copy(buffer, 0, offset, offset + buffer.length),
  });
}

describe('plain JSON', () => {
  it('is told by all of its bytes and its name', () => {
    for (const text of ['{}', '[]', '{"hidden_size": 768}\n', '[\n  "é"\r\n\t]', '{"a\\n": 1}'])
      assert.ok(isPlainJson('config.json', Buffer.from(text)), text);
  });

  for (const [what, name, bytes] of [
    ['another name', 'config.txt', Buffer.from('{}')],
    ['nothing', 'a.json', Buffer.alloc(0)],
    ['other text', 'a.json', Buffer.from('text')],
    ['a pickle', 'a.json', fixture('formats/system-0.pkl')],
    ['a binary pickle', 'a.json', fixture('formats/system-4.pkl')],
    ['a ZIP file behind it', 'a.json', Buffer.concat([Buffer.from('{}'), fixture('filetypes/checkpoint.pt')])],
    ['a zero byte', 'a.json', Buffer.from('{"a":"\0"}')],
    ['bytes that are not UTF-8', 'a.json', Buffer.from('{"\xff":1}', 'latin1')],
    ['a tar header', 'a.json', Buffer.from('{"a":"'.padEnd(257, 'x').concat('ustar"}'))],
    ['a TensorFlow Lite mark', 'a.json', Buffer.from('{"":TFL3}')],
    ['a chat template', 'a.json', Buffer.from('{"chat_template":"{{ x }}"}')],
    ['an escaped chat template', 'a.json', Buffer.from('{"ch\\u0061t_template":"{{ x }}"}')],
    ['code by name', 'a.json', Buffer.from('{"auto_map":{"AutoModel":"a.B"}}')],
    ['a Keras layer', 'a.json', Buffer.from('{"class_name":"Lambda"}')],
    ['a notebook', 'a.json', Buffer.from('{"cells":[{"cell_type":"code"}]}')],
    ['a tokenizer', 'a.json', Buffer.from('{"version":"1.0","added_tokens":[]}')],
  ] as const) {
    it(`is not ${what}`, () => assert.equal(isPlainJson(name, bytes), false));
  }

  it('is nothing that inspecting it finds more in', async () => {
    const words = [
      'chat_template',
      'auto_map',
      'class_name',
      '\\u0063',
      '__lambda__',
      '{{',
      'a',
      '\n[',
      '"',
      '\\',
      '\x01',
      'é',
      'ustar',
      'PK\x05\x06',
      '#!',
    ];
    const piece = fc.oneof(fc.constantFrom(...words), fc.string(), fc.json());
    await fc.assert(
      fc.asyncProperty(fc.constantFrom('{', '[', '{"a":'), fc.array(piece, { maxLength: 6 }), async (start, pieces) => {
        const bytes = Buffer.from(start + pieces.join(''));
        if (!isPlainJson('a.json', bytes)) return;
        const { runsCode, parts, defects, isComplete, imports } = await inspect('a.json', bytes);
        assert.deepEqual(
          { runsCode, parts, defects, isComplete, imports },
          { runsCode: false, parts: [], defects: [], isComplete: true, imports: [] },
        );
      }),
    );
  });
});
