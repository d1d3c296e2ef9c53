import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { symlinkSync } from 'node:fs';
import { basename, join, relative, sep } from 'node:path';
import { openSource } from '../../src/model/index.ts';
import { Sandbox } from '../helpers/sandbox.ts';

const sandbox = new Sandbox();

before(() => {
  sandbox.write('models/bert', { 'config.json': '{}' });
});

after(() => sandbox.remove());

describe('the source of a model', () => {
  it('is a directory or a file, named by the last segment of its path', async () => {
    const directory = sandbox.path('models', 'bert');
    assert.deepEqual(await openSource(directory), { kind: 'directory', path: directory, name: 'bert' });
    const file = join(directory, 'config.json');
    assert.deepEqual(await openSource(file), { kind: 'file', path: file, name: 'config.json' });
  });

  it('is named the same whatever way the path is written', async () => {
    const directory = sandbox.path('models', 'bert');
    const written = [`${directory}${sep}`, join(directory, '.'), `${directory}${sep}..${sep}bert`, relative(process.cwd(), directory)];
    for (const path of written) assert.deepEqual(await openSource(path), { kind: 'directory', path: directory, name: 'bert' }, path);
    assert.equal((await openSource('.')).name, basename(process.cwd()));
    assert.equal((await openSource('..')).name, basename(join(process.cwd(), '..')) || 'root');
    assert.equal((await openSource(sep)).name, 'root');
  });

  it('may be a link, as the user named it, and keeps its name', async () => {
    symlinkSync(sandbox.path('models', 'bert'), sandbox.path('current'));
    const source = await openSource(sandbox.path('current'));
    assert.deepEqual(source, { kind: 'directory', path: sandbox.path('current'), name: 'current' });
  });

  it('must exist', async () => {
    await assert.rejects(openSource(sandbox.path('none')), {
      outcome: 'unavailable',
      code: 'file-not-found',
      message: 'cannot read the model: no such file or directory',
      subject: sandbox.path('none'),
    });
  });

  it('is most likely a release in a store where it is written like one and does not exist', async () => {
    for (const path of ['store/llm@7', 'store/llm@production', `store/llm@sha256:${'0'.repeat(64)}`]) {
      await assert.rejects(openSource(path), {
        code: 'file-not-found',
        message: 'cannot read the model: no such file or directory',
        subject: path,
        suggestions: ['check the path', `a release in a store begins with s3:// or file: as in file:${path}`],
      });
    }
    await assert.rejects(openSource('a@b/llm'), { code: 'file-not-found', suggestions: ['check the path'] });
  });

  it('is not the working directory where the path is empty', async () => {
    await assert.rejects(openSource(''), { outcome: 'usage', code: 'model-missing', message: 'the path of the model is empty' });
  });

  it('is no file where the path says that it is a directory', async () => {
    for (const end of ['/', `/.`, sep, `${sep}.`]) {
      const path = sandbox.path('models', 'bert', 'config.json') + end;
      await assert.rejects(openSource(path), {
        outcome: 'unavailable',
        code: 'not-a-directory',
        message: 'cannot read the model: it is a file, and its path that of a directory',
        subject: path,
      });
    }
  });

  it('is never a pipe or a device', async function () {
    if (process.platform === 'win32') this.skip();
    execFileSync('mkfifo', [sandbox.path('pipe')]);
    for (const path of [sandbox.path('pipe'), '/dev/null']) {
      await assert.rejects(openSource(path), {
        outcome: 'refused',
        code: 'not-a-model',
        message: 'a model is a file or a directory, and this is neither',
        subject: path,
        got: 'a pipe, socket or device',
      });
    }
  });
});
