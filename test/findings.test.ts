import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { explainedCodes } from '../src/report/index.ts';
import { findingsPage } from '../tools/findings.ts';
import { codesInSources } from './helpers/codes.ts';

const root = join(import.meta.dirname, '..');

/** Codes that no test asserts, and why. Nothing may be added that could be tested. */
const UNTESTED: Readonly<Record<string, string>> = {
  'card-malformed': 'met by readModelClaims alone, which tells of it as claim-unreadable',
  'channel-history-too-long': 'takes a hundred thousand versions',
  'object-changing': 'takes somebody who writes and deletes between two requests',
  'passphrase-differs': 'takes a terminal',
  'path-without-root': 'a bug',
  'proxy-unsupported': 'takes Node 22',
  'records-changed': 'takes somebody who pushes between two listings',
  'tensors-too-many': 'takes 300,000 tensors',
  'upload-conflict': 'takes somebody who aborts an upload between two requests',
};

describe('the table of codes', () => {
  const sources = codesInSources();

  it('explains every code of the sources, and none besides', async () => {
    const explained = (await explainedCodes()).map(({ code }) => code);
    const missing = [...sources].filter(([code]) => !explained.includes(code)).map(([code, paths]) => `${code} (${[...paths].join(', ')})`);
    assert.deepEqual(missing, [], 'add them to src/report/explanations');
    assert.deepEqual(
      explained.filter((code) => !sources.has(code)),
      [],
      'no source has them any more',
    );
  });

  it('says each thing once, in sentences', async () => {
    const codes = await explainedCodes();
    assert.equal(new Set(codes.map(({ code }) => code)).size, codes.length);
    for (const { code, outcomes, means, why, todo } of codes) {
      assert.ok(outcomes.length > 0 && new Set(outcomes).size === outcomes.length, code);
      for (const text of [means, why, todo]) assert.match(text, /^(--|mlsign |[A-Z"]).*[.…]$/, `${code}: ${text}`);
    }
  });

  it('names only commands and flags that there are', async () => {
    const { commands } = JSON.parse(readFileSync(join(root, 'oclif.manifest.json'), 'utf8'));
    const flags = new Set(
      Object.values<{ flags: Record<string, { aliases?: string[] }> }>(commands).flatMap((command) =>
        Object.entries(command.flags).flatMap(([name, { aliases = [] }]) => [name, ...aliases]),
      ),
    );
    for (const { code, means, why, todo } of await explainedCodes()) {
      for (const [, flag = ''] of `${means} ${why} ${todo}`.matchAll(/--([a-z][a-z0-9-]*)/g))
        assert.ok(flags.has(flag) || flag === 'help', `${code}: --${flag}`);
      for (const [, name = ''] of todo.matchAll(/mlsign ([a-z]+)/g))
        assert.ok(name in commands || Object.keys(commands).some((id) => id.startsWith(`${name}:`)), `${code}: mlsign ${name}`);
    }
  });

  it('is docs/findings.md', async () => {
    const page = readFileSync(join(root, 'docs', 'findings.md'), 'utf8');
    assert.equal(page, findingsPage(await explainedCodes()), 'make it anew: node tools/findings.ts');
  });

  it('has a test for every code', () => {
    const own = ['test/findings.test.ts', 'test/helpers/codes.ts'];
    const text = globSync('test/**/*.ts', { cwd: root })
      .map((path) => path.replaceAll('\\', '/'))
      .filter((path) => !own.includes(path))
      .map((path) => readFileSync(join(root, path), 'utf8'))
      .join('\n');
    const words = new Set(text.match(/[a-z][a-z0-9]*(?:-[a-z0-9]+)*/g));
    const untested = [...sources.keys()].filter((code) => !words.has(code)).sort();
    assert.deepEqual(untested, Object.keys(UNTESTED));
  });
});
