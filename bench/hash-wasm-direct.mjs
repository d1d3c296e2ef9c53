// What hash-wasm gives on its own: its hasher called directly, on as many threads, large files first.
import { closeSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { createBLAKE3, createSHA256 } from 'hash-wasm';

const { folder, algorithm, next } = isMainThread
  ? { folder: process.argv[2], algorithm: process.argv[3], next: new SharedArrayBuffer(4) }
  : workerData;
if (isMainThread) {
  for (let i = 1; i < Number(process.argv[4]); i++) new Worker(new URL(import.meta.url), { workerData: { folder, algorithm, next } });
}

const hasher = await (algorithm === 'blake3' ? createBLAKE3() : createSHA256());
const buffer = Buffer.allocUnsafeSlow(2 ** 20);
const files = readdirSync(folder);
for (let i = Atomics.add(new Int32Array(next), 0, 1); i < files.length; i = Atomics.add(new Int32Array(next), 0, 1)) {
  const file = openSync(join(folder, files[i]));
  hasher.init();
  for (let length = readSync(file, buffer); length > 0; length = readSync(file, buffer)) hasher.update(buffer.subarray(0, length));
  hasher.digest();
  closeSync(file);
}
