import assert from 'node:assert/strict';
import { inspectContent } from '../../src/filetypes/index.ts';
import { memoryFile, SYSTEM } from '../helpers/inspect-files.ts';

describe('a pickle without end', () => {
  it('is left open behind the limit of what is read, even where nothing is imported before it', async () => {
    const long = Buffer.concat([Buffer.alloc(41_000_000, 'N0'), SYSTEM]);
    const found = await inspectContent(memoryFile(long, 'model.bin'));
    assert.deepEqual([found.type.format, found.runsCode, found.isComplete], ['pickle', true, false]);
    // No unpickler takes this: the protocol is none.
    assert.equal(
      (await inspectContent(memoryFile(Buffer.alloc(41_000_000, Buffer.from('803f', 'hex')), 'ones.bin'))).type.format,
      'unknown',
    );
  }).timeout(120_000);
});
