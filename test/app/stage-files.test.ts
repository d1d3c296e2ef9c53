import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import type { StoredFile } from '../../src/app/index.ts';
import { stageFiles } from '../../src/app/stage-files.ts';
import type { VersionId } from '../../src/store/index.ts';
import { mlsignError } from '../helpers/keys.ts';
import { Sandbox } from '../helpers/sandbox.ts';

function files(...names: readonly string[]): readonly StoredFile[] {
  return names.map((name) => ({
    name,
    object: { key: `m/${name}`, version: '1' as VersionId, size: 1, partSize: 1, parts: ['0'.repeat(64)] },
    signed: { digests: ['0'.repeat(64)] },
  }));
}

describe('the staging of files', () => {
  const sandbox = new Sandbox();
  after(() => sandbox.remove());

  it('makes the directories of all files, and gives each its place', async () => {
    const { paths, directories } = await stageFiles(sandbox.path('some'), files('a/b/c', 'a/d', 'e'));
    assert.deepEqual(paths, [sandbox.path('some', 'a', 'b', 'c'), sandbox.path('some', 'a', 'd'), sandbox.path('some', 'e')]);
    assert.deepEqual(directories, [sandbox.path('some'), sandbox.path('some', 'a'), sandbox.path('some', 'a', 'b')]);
  });

  it('refuses a name that is a file and a directory at once', async () => {
    await assert.rejects(
      stageFiles(sandbox.path('both'), files('a', 'a/b')),
      mlsignError('names-collide', 'two files of the model cannot both lie on this file system', { outcome: 'refused' }),
    );
  });

  it('takes names that differ in case as the file system does', async () => {
    const root = sandbox.path('case');
    const staged = await stageFiles(root, files('Straße/A', 'Straße/a', 'é')).then(
      ({ paths }) => paths.length,
      (error) => error.code,
    );
    assert.ok(staged === 3 || staged === 'names-collide');
    assert.deepEqual(
      readdirSync(root).filter((name) => name.startsWith('.')),
      [],
    );
  });

  it('refuses a disk that is too small, before anything is fetched', async () => {
    const [file] = files('huge');
    assert.ok(file);
    const huge = { ...file, object: { ...file.object, size: Number.MAX_SAFE_INTEGER } };
    await assert.rejects(
      stageFiles(sandbox.path('full'), [huge]),
      mlsignError('disk-full', 'there is too little space for the model', {
        outcome: 'unavailable',
        expected: `${Number.MAX_SAFE_INTEGER} bytes`,
      }),
    );
  });
});
