import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { openStore } from '../../src/store/index.ts';
import { Sandbox } from '../helpers/sandbox.ts';
import { describeStore } from '../helpers/store-suite.ts';

describeStore('a store in a directory', () => {
  const sandbox = new Sandbox();
  const root = sandbox.path('store');
  return {
    open: () => openStore({ kind: 'local', root }),
    prefix: '',
    partSize: 64 * 2 ** 20,
    overwrite: async (key, data) => {
      const path = join(root, ...key.split('/'));
      mkdirSync(dirname(path), { recursive: true });
      rmSync(path, { force: true });
      writeFileSync(path, data);
    },
    delete: async (key) => rmSync(join(root, ...key.split('/'))),
    close: async () => sandbox.remove(),
  };
});
