/** Runs the interoperability suite: `npm run test:interop`. Further arguments go to mocha (`--grep`). */
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { installReference } from './reference.ts';

try {
  const started = performance.now();
  const { version, python } = await installReference();
  const seconds = Math.round((performance.now() - started) / 1000);
  process.stdout.write(`model-signing ${version} (${python}), ready after ${seconds} s\n`);
  runMocha();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}

function runMocha(): void {
  const mocha = createRequire(import.meta.url).resolve('mocha/bin/mocha.js');
  // The configuration of `npm test` leaves this folder out.
  const options = ['--no-config', '--parallel', '--jobs', '2', '--timeout', '120000'];
  const args = [mocha, ...options, '*.test.ts', ...process.argv.slice(2)];
  const child = spawn(process.execPath, args, { cwd: import.meta.dirname, stdio: 'inherit' });
  child.on('exit', (code) => {
    process.exitCode = code ?? 1;
  });
}
