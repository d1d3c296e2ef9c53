#!/usr/bin/env node
// Starts mlsign. CommonJS, because Node starts it 3 ms sooner, and nothing newer than ES2018, because this file must
// also load on a Node that is too old for the rest.
// biome-ignore-all lint/style/useNodejsImportProtocol: Node 12 does not know node:
'use strict';

const { existsSync, readFileSync, realpathSync } = require('fs');
const { isAbsolute, join } = require('path');

const root = join(__dirname, '..');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const range = manifest.engines.node;
const windows = process.platform === 'win32';

/** Whether this Node is in a range of `^a.b.c` and `>=a` parts, which is all that our `engines` is made of. */
function isSupported() {
  const have = process.versions.node.split('.').map(Number);
  return range.split(' || ').some((part) => {
    const want = part.replace(/^\D+/, '').split('.').map(Number);
    if (part[0] === '^' && have[0] !== want[0]) return false;
    const at = have.findIndex((number, i) => number !== (want[i] || 0));
    return at === -1 || have[at] > (want[at] || 0);
  });
}

/** The Node that a checkout of mlsign brings along (tools/node), if this is one. */
function privateNode() {
  const system = windows ? 'win' : process.platform;
  for (const name of [`node-${system}-${process.arch}`, `node-bin-${system}-${process.arch}`]) {
    const path = join(root, 'node_modules', name, 'bin', windows ? 'node.exe' : 'node');
    if (existsSync(path) && realpathSync(path) !== realpathSync(process.execPath)) return path;
  }
  return undefined;
}

function refuse() {
  process.stderr.write(`mlsign needs Node ${range}, and this is ${process.version}: install one of those (https://nodejs.org)\n`);
  process.exit(3);
}

function runUnder(node) {
  const { spawn } = require('child_process');
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGBREAK'];
  // A terminal sends these to the child as well, which takes a second one as "at once".
  const sentByTerminal = process.stdin.isTTY ? ['SIGINT', 'SIGHUP', 'SIGBREAK'] : [];
  // Before the child exists, or a signal that comes just then would leave it alone in the world.
  for (const signal of signals) {
    process.on(signal, () => {
      if (!sentByTerminal.includes(signal)) child.kill(signal);
    });
  }
  const child = spawn(node, process.execArgv.concat(__filename, process.argv.slice(2)), { stdio: 'inherit' });
  child.on('error', refuse);
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

/** The user's own folder for caches; undefined for a user without a home, as a container may have. */
function cacheFolder() {
  const { XDG_CACHE_HOME, LOCALAPPDATA } = process.env;
  // A relative path counts for nothing (XDG Base Directory Specification).
  if (XDG_CACHE_HOME && isAbsolute(XDG_CACHE_HOME)) return XDG_CACHE_HOME;
  if (windows && LOCALAPPDATA && isAbsolute(LOCALAPPDATA)) return LOCALAPPDATA;
  try {
    const home = require('os').homedir();
    return isAbsolute(home) ? join(home, '.cache') : undefined;
  } catch (_error) {
    return undefined;
  }
}

/** Keeps compiled code between runs in the user's own folder: Node's default one is shared by all users of a machine. */
function enableCompileCache() {
  const folder = cacheFolder();
  if (folder !== undefined) require('module').enableCompileCache(join(folder, 'mlsign', 'compile-cache'));
}

function start() {
  enableCompileCache();
  import('../dist/main.js').then(
    ({ main }) => main(process.argv.slice(2), root, manifest),
    (error) => {
      const built = existsSync(join(root, 'dist', 'main.js'));
      process.stderr.write(built ? `a bug in mlsign: ${error.stack}\n` : 'mlsign is not built: npm run build\n');
      process.exitCode = built ? 70 : 3;
    },
  );
}

if (process.argv[2] === '--version') {
  process.stdout.write(`${manifest.name}/${manifest.version} ${process.platform}-${process.arch} node-${process.version}\n`);
} else if (isSupported()) {
  start();
} else {
  const node = privateNode();
  if (node === undefined) refuse();
  else runUnder(node);
}
