import assert from 'node:assert/strict';
import { mlsign } from '../helpers/cli.ts';
import { assertValid } from '../helpers/schemas.ts';

describe('mlsign explain', () => {
  it('says what a code means, how it comes about, and what to do', async () => {
    const { code, stdout, stderr } = await mlsign(['explain', 'file-extra']);
    assert.deepEqual([code, stderr], [0, '']);
    assert.equal(
      stdout,
      'file-extra  rejected · The content of a model\n' +
        'A file that nobody signed lies in the model.\n' +
        'how it comes about  It was added after signing: by a tool, by accident, or to be loaded along with the model.\n' +
        'what to do          Remove it. If it may be there, name it with --ignore-paths, or accept all such files with --ignore-unsigned-files.\n',
    );
  });

  it('takes a code as it is copied from a terminal', async () => {
    const { code, stdout } = await mlsign(['explain', '[usage]', '--json']);
    assert.equal(code, 0);
    const document = JSON.parse(stdout);
    assertValid('explain', document);
    assert.deepEqual(
      document.codes.map((explained: { code: string }) => explained.code),
      ['usage'],
    );
  });

  it('lists all of them by topic', async () => {
    const [text, json] = await Promise.all([mlsign(['explain']), mlsign(['explain', '--json'])]);
    assert.deepEqual([text.code, json.code], [0, 0]);
    const document = JSON.parse(json.stdout);
    assertValid('explain', document);
    assert.ok(document.codes.length > 400);
    const codes: readonly { readonly code: string; readonly topic: string }[] = document.codes;
    for (const [topic, members] of Map.groupBy(codes, (explained) => explained.topic)) {
      const names = members.map(({ code }) => code);
      assert.deepEqual(names, names.toSorted(), topic);
    }
    for (const { code, topic } of document.codes) {
      assert.ok(text.stdout.includes(`  ${code} `), code);
      assert.ok(text.stdout.includes(topic), topic);
    }
  });

  it('names the codes that may be meant', async () => {
    for (const [given, meant] of [
      ['file-chnged', 'file-changed'],
      ['revoked', 'revoked-ancestor'],
    ] as const) {
      const { code, stdout } = await mlsign(['explain', given, '--json']);
      const error = JSON.parse(stdout);
      assert.deepEqual(
        [code, error.code, error.message, error.got],
        [2, 'unknown-code', 'there is no finding or error with this code', given],
      );
      assert.equal(error.suggestions[0], `mlsign explain ${meant}`);
    }
    const { suggestions } = JSON.parse((await mlsign(['explain', 'zzz', '--json'])).stdout);
    assert.deepEqual(suggestions, ['mlsign explain lists them all']);
  });

  it('knows no code of a name that every object has', async () => {
    const { code, stdout } = await mlsign(['explain', 'constructor', '--json']);
    assert.deepEqual([code, JSON.parse(stdout).code], [2, 'unknown-code']);
  });
});
