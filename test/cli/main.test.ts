import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { mlsignProcess as mlsign } from '../helpers/cli.ts';
import { Sandbox } from '../helpers/sandbox.ts';

const run = promisify(execFile);

describe('the command line', () => {
  const sandbox = new Sandbox();
  after(() => sandbox.remove());

  it('shows every command without arguments, with --help and with help', async () => {
    const runs = await Promise.all([mlsign([]), mlsign(['--help']), mlsign(['-h']), mlsign(['help'])]);
    for (const { code, stdout, stderr } of runs) {
      assert.equal(code, 0);
      assert.equal(stderr, '');
      for (const command of ['diff', 'hash', 'inspect', 'keygen', 'sign', 'verify'])
        assert.match(stdout, new RegExp(`^  ${command} `, 'm'));
    }
  });

  it('shows the flags and examples of a command', async () => {
    const [flag, command] = await Promise.all([mlsign(['verify', '--help']), mlsign(['help', 'verify'])]);
    assert.equal(flag.code, 0);
    assert.equal(flag.stdout, command.stdout);
    assert.match(flag.stdout, /--trust-key=PEM/);
    assert.match(flag.stdout, /EXAMPLES\n[\s\S]*\$ mlsign verify /);
  });

  it('names the command that was meant', async () => {
    const { code, stdout, stderr } = await mlsign(['verfy', 'model']);
    assert.equal(code, 2);
    assert.equal(stdout, '');
    assert.equal(
      stderr,
      'error: no such command [unknown-command]\n  got       verfy\n  try       mlsign verify\n  try       mlsign --help\n',
    );
  });

  it('names the commands of a topic', async () => {
    const { code, stderr } = await mlsign(['keys', 'lsit']);
    const expected =
      'error: no such command [unknown-command]\n  got       keys lsit\n  try       mlsign keys list\n  try       mlsign keys --help\n';
    assert.deepEqual({ code, stderr }, { code: 2, stderr: expected });
  });

  it('takes a flag for no command', async () => {
    const { code, stderr } = await mlsign(['--frob', 'model']);
    assert.equal(code, 2);
    assert.match(stderr, /no such command \[unknown-command\][\s\S]*got {7}--frob/);
  });

  it('tells of an error as JSON too', async () => {
    const { code, stdout } = await mlsign(['nope', '--json']);
    assert.equal(code, 2);
    const document = JSON.parse(stdout);
    assert.equal(document.type, 'https://mlsign/error/v1');
    assert.equal(document.code, 'unknown-command');
    assert.equal(document.got, 'nope');
  });

  const wrong: Readonly<Record<string, readonly [args: readonly string[], says: string]>> = {
    'an unknown flag': [['hash', 'x', '--frob'], 'error: no such flag: --frob [usage]\n  try       mlsign hash --help\n'],
    'a flag with a letter too many': [
      ['verify', 'x', '--trust-keys', 'k'],
      'error: no such flag: --trust-keys [usage]\n  try       --trust-key\n  try       mlsign verify --help\n',
    ],
    'a command of two words': [['keys', 'create'], 'error: --alias is missing [usage]\n  try       mlsign keys create --help\n'],
    'several missing flags': [
      ['promote', 'file:store/x@1'],
      'error: --channel is missing; --expires is missing [usage]\n  try       mlsign promote --help\n',
    ],
    'flags that exclude each other': [
      ['verify', 'x', '--full', '--attested'],
      'error: --attested and --full exclude each other [usage]\n  try       mlsign verify --help\n',
    ],
    'a flag without its value': [
      ['verify', 'x', '--trust-key'],
      'error: --trust-key needs a value [usage]\n  try       mlsign verify --help\n',
    ],
    'an argument too many': [['hash', 'x', 'y'], 'error: unexpected argument: y [usage]\n  try       mlsign hash --help\n'],
    'a missing argument': [
      ['hash'],
      'error: MODEL is missing [usage]\n  expected  MODEL, a model: a directory, a single file, or an archive (.tar, .tar.gz, .tgz)\n  try       mlsign hash --help\n',
    ],
    'a missing flag': [['sign', 'x', '--chain', 'c'], 'error: --chain needs --cert [usage]\n  try       mlsign sign --help\n'],
    'a value that is none of the choices': [
      ['hash', 'x', '--method', 'md5'],
      'error: --method is none of the choices [usage]\n  expected  files, shards\n  got       md5\n  try       mlsign hash --help\n',
    ],
    'a number out of range': [
      ['hash', 'x', '--workers', '0'],
      'error: --workers is no such number [usage]\n  expected  an integer greater than or equal to 1\n  got       0\n  try       mlsign hash --help\n',
    ],
    'a shell that is not known': [
      ['autocomplete', 'fish'],
      'error: the value is none of the choices [usage]\n  expected  zsh, bash, powershell\n  got       fish\n  try       mlsign autocomplete --help\n',
    ],
  };
  for (const [what, [args, says]] of Object.entries(wrong)) {
    it(`ends with 2 and one line on ${what}`, async () => {
      const { code, stdout, stderr } = await mlsign(args);
      assert.equal(code, 2);
      assert.equal(stdout, '');
      assert.equal(stderr, says);
    });
  }

  it('ends with 70 on a bug, wherever it is thrown, and never with the 1 that says "rejected"', async () => {
    const bug = "process.on('newListener', (name) => name === 'uncaughtException' && setImmediate(() => { throw new Error('boom'); }))";
    const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(bug)}` };
    const { code, stderr } = await mlsign(['hash', sandbox.write('model', { a: 'a' })], { env });
    assert.equal(code, 70);
    assert.match(stderr, /^error: a bug in mlsign: boom \[internal-error\]\n {2}try {7}run again with MLSIGN_DEBUG=1/);
  });

  it('is the same whatever NODE_ENV says', async () => {
    const plain = await mlsign(['hash', '--help']);
    for (const NODE_ENV of ['development', 'test', 'production']) {
      assert.deepEqual(await mlsign(['hash', '--help'], { env: { NODE_ENV } }), plain);
    }
  });

  it('loads no plugin that a user or another program has put into place', async () => {
    const plugin = sandbox.write('data/mlsign/node_modules/evil', {
      'package.json': JSON.stringify({ name: 'evil', version: '1.0.0', type: 'module', oclif: { hooks: { init: './evil.js' } } }),
      'evil.js': 'process.stdout.write("evil"); export default () => undefined;',
    });
    sandbox.write('data/mlsign', {
      'package.json': JSON.stringify({
        name: 'mlsign',
        dependencies: { evil: '1' },
        oclif: { plugins: [{ name: 'evil', type: 'link', root: plugin }] },
      }),
    });
    const { code, stdout, stderr } = await mlsign(['hash', '--help'], { env: { XDG_DATA_HOME: sandbox.path('data') } });
    assert.equal(code, 0);
    assert.doesNotMatch(stdout + stderr, /evil/);
  });
});

describe('mlsign autocomplete', () => {
  const sandbox = new Sandbox();
  const env = { XDG_CACHE_HOME: sandbox.root, SHELL: '/bin/bash' };
  after(() => sandbox.remove());

  it('completes commands and flags in bash', async function () {
    if (process.platform === 'win32') this.skip();
    const { code, stdout } = await mlsign(['autocomplete', 'bash'], { env });
    assert.equal(code, 0);
    assert.match(stdout, /mlsign autocomplete script bash/);
    const functions = sandbox.path('mlsign/autocomplete/functions/bash/mlsign.bash');
    const complete = async (...words: readonly string[]) => {
      const script = `source '${functions}'; COMP_WORDS=(${words.join(' ')}); COMP_CWORD=${words.length - 1}; _mlsign_autocomplete; echo "\${COMPREPLY[*]}"`;
      return (await run('bash', ['-c', script])).stdout.trim().split(' ');
    };
    assert.deepEqual(await complete('mlsign', 'ver'), ['verify']);
    assert.ok((await complete('mlsign', 'verify', '--tr')).includes('--trust-key'));
  });

  it('prints what a shell has to run', async () => {
    for (const shell of ['bash', 'zsh']) {
      const { code, stdout } = await mlsign(['autocomplete', 'script', shell], { env });
      assert.equal(code, 0);
      assert.match(stdout, new RegExp(`MLSIGN_AC_${shell.toUpperCase()}_SETUP_PATH=.*${shell}_setup`));
    }
  });

  it('writes the functions of zsh and PowerShell', async () => {
    assert.equal((await mlsign(['autocomplete', 'zsh'], { env })).code, 0);
    for (const file of ['zsh/_mlsign', 'powershell/mlsign.ps1']) {
      assert.match(await readFile(sandbox.path('mlsign/autocomplete/functions', file), 'utf8'), /trust-key/);
    }
  });
});
