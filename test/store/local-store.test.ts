import fs, { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { dirname, join } from 'node:path';
import { openStore } from '../../src/store/index.ts';
import { Sandbox } from '../helpers/sandbox.ts';
import { describeStore, type StoreTarget } from '../helpers/store-suite.ts';

function directory(): StoreTarget & { close(): Promise<void> } {
  const sandbox = new Sandbox();
  const root = sandbox.path('store');
  return {
    open: () => openStore({ kind: 'local', root }),
    prefix: '',
    overwrite: async (key, data) => {
      const path = join(root, ...key.split('/'));
      mkdirSync(dirname(path), { recursive: true });
      rmSync(path, { force: true });
      writeFileSync(path, data);
    },
    delete: async (key) => rmSync(join(root, ...key.split('/'))),
    close: async () => sandbox.remove(),
  };
}

/** The store on a file system that has no hard links, and clones or has no clones either. */
function unlinked(hasClones: boolean): StoreTarget {
  const { link, copyFile } = fs.promises;
  const target = directory();
  const unsupported = Object.assign(new Error('operation not supported'), { code: 'ENOTSUP' });
  fs.promises.link = async () => {
    throw unsupported;
  };
  fs.promises.copyFile = async (from, to, mode = 0) => {
    if ((mode & fs.constants.COPYFILE_FICLONE_FORCE) !== 0 && !hasClones) throw unsupported;
    await copyFile(from, to, mode & ~fs.constants.COPYFILE_FICLONE_FORCE);
  };
  syncBuiltinESMExports();
  return {
    ...target,
    close: async () => {
      Object.assign(fs.promises, { link, copyFile });
      syncBuiltinESMExports();
      await target.close();
    },
  };
}

describeStore('a store in a directory', () => ({ ...directory(), partSize: 8 * 2 ** 20 }));
describeStore('a store in a directory that has clones', () => unlinked(true));
describeStore('a store in a directory that has neither clones nor links', () => unlinked(false));
