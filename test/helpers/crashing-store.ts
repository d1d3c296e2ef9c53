/**
 * A process that does one thing with a store in a directory, and is killed before the system call so many of those that change
 * something: `node crashing-store.ts ROOT STEP ACTION SOURCE`. It ends with 0 where the step never came.
 */
import fs, { statSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { ACTIONS } from './store-actions.ts';

const [root = '', step = '0', action = '', source = ''] = process.argv.slice(2);
let left = Number(step);

function counted<T extends object>(target: T, names: readonly (keyof T & string)[]): void {
  for (const name of names) {
    const real = target[name];
    if (typeof real !== 'function') throw new Error(`no ${name}`);
    Reflect.set(target, name, function (this: unknown, ...args: unknown[]) {
      if (--left === 0) process.kill(process.pid, 'SIGKILL');
      return Reflect.apply(real, this, args);
    });
  }
}

const handle = await fs.promises.open(source);
counted(Object.getPrototypeOf(handle), ['write', 'writeFile', 'sync', 'utimes', 'chmod']);
await handle.close();
counted(fs.promises, ['open', 'rename', 'link', 'unlink', 'mkdir', 'chmod', 'utimes', 'copyFile']);
syncBuiltinESMExports();

const { openStore } = await import('../../src/store/index.ts');
const act = ACTIONS[action];
if (act === undefined) throw new Error(`no action ${action}`);
await act(await openStore({ kind: 'local', root }), source, statSync(source));
