import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { Finding } from '../../src/core/index.ts';
import { DirectoryWalk } from '../../src/model/directory-source.ts';
import { Sandbox } from '../helpers/sandbox.ts';

const sandbox = new Sandbox();
const windows = process.platform === 'win32';
let root = '';

beforeEach(() => {
  rmSync(sandbox.path('model'), { recursive: true, force: true });
  root = sandbox.write('model', { 'config.json': '{}', 'weights/one.bin': '1' });
});

after(() => sandbox.remove());

interface Listed {
  readonly names: readonly string[];
  readonly findings: readonly Finding[];
  readonly ignored: readonly string[];
}

function list(options: { allowSymlinks?: boolean; ignorePaths?: readonly string[]; excluded?: readonly string[] } = {}): Listed {
  const { allowSymlinks = false, ignorePaths = [], excluded = [] } = options;
  const walk = new DirectoryWalk(root, { allowSymlinks, ignorePaths, excluded: new Set(excluded) });
  const names = [...walk.files()].map(({ name }) => name).sort();
  return { names, findings: walk.findings, ignored: walk.ignored };
}

/** Code, severity, message and subject of the only finding. */
function only({ findings }: Listed): Pick<Finding, 'code' | 'severity' | 'message' | 'subject'> {
  assert.equal(findings.length, 1, JSON.stringify(findings));
  const [finding] = findings;
  assert.ok(finding !== undefined);
  const { code, severity, message, subject } = finding;
  return { code, severity, message, subject };
}

const PLAIN = ['config.json', 'weights/one.bin'];

describe('listing a directory', () => {
  it('names every file relative to the model with "/", and gives it as it was seen', () => {
    assert.deepEqual(list(), { names: PLAIN, findings: [], ignored: [] });
    const walk = new DirectoryWalk(root, { allowSymlinks: false, ignorePaths: [], excluded: new Set() });
    const [first] = [...walk.files()];
    assert.equal(first?.path, join(root, 'config.json'));
    assert.equal(first?.identity.size, 2);
  });

  it('takes dotfiles, spaces, and any script', () => {
    sandbox.write('model', { '.hidden/a b': '', 'モデル/ü.bin': '', '\ufffd': '', 'emoji 🤖': '' });
    assert.deepEqual(list().names, [...PLAIN, '.hidden/a b', 'emoji 🤖', 'モデル/ü.bin', '\ufffd'].sort());
    assert.deepEqual(list().findings, []);
  });

  it('leaves out what is ignored by default at the root alone, and tells of it', () => {
    sandbox.write('model', {
      '.git/config': '',
      '.gitattributes': '',
      '.github/x': '',
      '.gitignore': '',
      'weights/.gitignore': '',
      'weights/.git/x': '',
    });
    const { names, ignored } = list();
    assert.deepEqual(names, [...PLAIN, 'weights/.git/x', 'weights/.gitignore'].sort());
    assert.deepEqual([...ignored].sort(), ['.git', '.gitattributes', '.github', '.gitignore']);
  });

  it('leaves out exact paths with all that is in them, and tells of those that exist', () => {
    sandbox.write('model', { 'cache/a': '', 'cache/b/c': '', 'weights/cache': '', cache2: '' });
    const { names, ignored } = list({ ignorePaths: ['cache', 'weights/one.bin', 'not-there'] });
    assert.deepEqual(names, ['cache2', 'config.json', 'weights/cache']);
    assert.deepEqual([...ignored].sort(), ['cache', 'weights/one.bin']);
  });

  it('does not look at what is ignored', function () {
    if (windows) this.skip();
    symlinkSync('/', join(root, 'link'));
    execFileSync('mkfifo', [join(root, 'pipe')]);
    writeFileSync(join(root, 'A'), '');
    writeFileSync(join(root, 'a'), '');
    assert.deepEqual(list({ ignorePaths: ['link', 'pipe', 'A'] }).findings, []);
  });

  it('leaves signatures out without telling', () => {
    sandbox.write('model', { 'model.sig': '' });
    assert.deepEqual(list({ excluded: ['model.sig'] }), { names: PLAIN, findings: [], ignored: [] });
  });

  it('tells of a directory that cannot be listed, and goes on', () => {
    const walk = new DirectoryWalk(root, { allowSymlinks: false, ignorePaths: [], excluded: new Set() });
    const files = walk.files();
    assert.equal(files.next().value?.name, 'config.json');
    rmSync(join(root, 'weights'), { recursive: true });
    assert.deepEqual([...files], []);
    assert.deepEqual(only({ findings: walk.findings, names: [], ignored: [] }), {
      code: 'file-changed-while-read',
      severity: 'rejected',
      message: 'the file disappeared while the model was read',
      subject: 'weights',
    });
  });

  it('leaves a directory that it may not list undetermined', function () {
    if (windows || process.getuid?.() === 0) this.skip();
    mkdirSync(join(root, 'closed'), { mode: 0 });
    assert.deepEqual(only(list()), {
      code: 'file-unreadable',
      severity: 'undetermined',
      message: 'cannot list the directory: permission denied',
      subject: 'closed',
    });
  });

  it('meets the notes of the Hugging Face tools with the flag that leaves them out', () => {
    sandbox.write('model', { '.cache/huggingface/download/config.json.metadata': '' });
    const listed = list();
    assert.deepEqual(only(listed), {
      code: 'huggingface-cache',
      severity: 'warning',
      message: "the directory holds the Hugging Face tools' notes on the download, which are no part of the model and change",
      subject: '.cache/huggingface',
    });
    assert.equal(listed.findings[0]?.suggestion, 'use --ignore-paths .cache/huggingface');
    assert.deepEqual(list({ ignorePaths: ['.cache/huggingface'] }), { names: PLAIN, findings: [], ignored: ['.cache/huggingface'] });
  });
});

describe('names', () => {
  const invalid = (subject: string, reason: string) => ({
    code: 'name-invalid',
    severity: 'rejected',
    message: `a file may not be named so in a model: the name ${reason}`,
    subject,
  });

  for (const [what, entry, reason] of [
    ['a newline', 'a\nb', 'holds a control character'],
    ['an escape code', '\u001b[31m', 'holds a control character'],
    ['a C1 control', 'a\u009bb', 'holds a control character'],
    ['a backslash', 'a\\b', 'holds a backslash'],
    ['a drive', 'C:/file', 'is an absolute path'],
  ] as const) {
    it(`must not hold ${what}`, function () {
      if (windows) this.skip();
      sandbox.write('model', { [entry]: '' });
      const listed = list();
      assert.deepEqual(only(listed), invalid(entry, reason));
      assert.deepEqual(listed.names, PLAIN);
    });
  }

  it('must be UTF-8', function () {
    if (process.platform !== 'linux') this.skip();
    writeFileSync(Buffer.concat([Buffer.from(`${root}/weights/`), Buffer.from([0x66, 0xff])]), '');
    writeFileSync(`${root}/weights/\ufffd`, '');
    const listed = list();
    assert.deepEqual(only(listed), invalid('weights/f\ufffd', 'is not valid UTF-8'));
    assert.deepEqual(listed.names, [...PLAIN, 'weights/\ufffd']);
  });

  for (const [what, one, other] of [
    ['case', 'Readme', 'README'],
    ['the case of other scripts', 'Ä', 'ä'],
    ['Unicode form', 'é', 'e\u0301'],
    ['a letter that has two small forms', 'ſ', 's'],
  ] as const) {
    it(`are warned about where two differ only in ${what}`, function () {
      sandbox.write('model', { [`weights/${one}`]: '' });
      sandbox.write('model', { [`weights/${other}`]: '' });
      const listed = list();
      if (listed.names.length === 3) this.skip();
      const { subject, ...rest } = only(listed);
      assert.deepEqual(rest, {
        code: 'name-collision',
        severity: 'warning',
        message: 'two names in one directory differ only in case or in Unicode form: elsewhere they are one file',
      });
      assert.deepEqual([subject, listed.findings[0]?.got].sort(), [`weights/${one}`, `weights/${other}`].sort());
      assert.equal(listed.names.length, 4);
    });
  }

  it('that differ in directories are warned about, once', function () {
    sandbox.write('model', { 'Sub/a': '', 'Sub/b': '' });
    sandbox.write('model', { 'sub/a': '', 'sub/b': '' });
    const listed = list();
    if (listed.names.length === 4) this.skip();
    assert.equal(only(listed).code, 'name-collision');
  });
});

describe('special files', () => {
  const special = (subject: string) => ({
    code: 'special-file',
    severity: 'rejected',
    message: 'a pipe, socket or device has no place in a model, and is not opened',
    subject,
  });

  it('are refused: pipes', function () {
    if (windows) this.skip();
    execFileSync('mkfifo', [join(root, 'pipe')]);
    const listed = list();
    assert.deepEqual(only(listed), special('pipe'));
    assert.deepEqual(listed.names, PLAIN);
  });

  it('are refused: sockets', async function () {
    if (windows) this.skip();
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(root, 's'), resolve));
    try {
      assert.deepEqual(only(list()), special('s'));
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });

  it('are refused behind a link that may be followed', function () {
    if (windows) this.skip();
    symlinkSync('/dev/zero', join(root, 'zero'));
    const { findings, names } = list({ allowSymlinks: true });
    assert.deepEqual(
      findings.map(({ code }) => code),
      ['link-outside', 'special-file'],
    );
    assert.deepEqual(names, PLAIN);
  });
});

describe('symbolic links', () => {
  const refusal = (subject: string) => ({
    code: 'link-refused',
    severity: 'rejected',
    message: 'a symbolic link in the model is not followed',
    subject,
  });

  for (const [what, target] of [
    ['to a file', 'config.json'],
    ['to a directory', 'weights'],
    ['out of the model', '../elsewhere'],
    ['to nowhere', 'nothing'],
    ['to itself', 'link'],
  ] as const) {
    it(`are refused unless they are asked for: ${what}`, () => {
      symlinkSync(target, join(root, 'link'));
      const listed = list();
      assert.deepEqual(only(listed), refusal('link'));
      assert.equal(listed.findings[0]?.got, `a symbolic link to ${target}`);
      assert.match(listed.findings[0]?.suggestion ?? '', /^use --allow-symlinks to take/);
      assert.deepEqual(listed.names, PLAIN);
    });
  }

  it("are met with the right flag where they are Hugging Face's cache", () => {
    const hash = 'a'.repeat(64);
    sandbox.write('hub/models--x--y', { [`blobs/${hash}`]: 'weights', 'snapshots/1/README.md': '' });
    root = sandbox.path('hub', 'models--x--y', 'snapshots', '1');
    symlinkSync(`../../blobs/${hash}`, join(root, 'model.safetensors'));
    const listed = list();
    assert.deepEqual(only(listed), refusal('model.safetensors'));
    assert.equal(
      listed.findings[0]?.suggestion,
      "use --allow-symlinks: this is a snapshot in Hugging Face's cache, which is made of links",
    );
    const followed = list({ allowSymlinks: true });
    assert.deepEqual(followed.names, ['README.md', 'model.safetensors']);
    assert.equal(only(followed).code, 'link-outside');
    rmSync(sandbox.path('hub'), { recursive: true });
  });

  it('are content under their own names where they are asked for', () => {
    symlinkSync('config.json', join(root, 'link.json'));
    symlinkSync('weights', join(root, 'again'));
    const walk = new DirectoryWalk(root, { allowSymlinks: true, ignorePaths: [], excluded: new Set() });
    const files = [...walk.files()];
    assert.deepEqual(files.map(({ name }) => name).sort(), ['again/one.bin', 'config.json', 'link.json', 'weights/one.bin']);
    assert.deepEqual(walk.findings, []);
    const sizes = new Map(files.map(({ name, identity, followLink = false }) => [name, [identity.size, followLink]]));
    assert.deepEqual(sizes.get('link.json'), [2, true]);
    assert.deepEqual(sizes.get('config.json'), [2, false]);
  });

  it('that lead out of the model are warned about', () => {
    const outside = sandbox.write('outside', { file: 'x', 'directory/inner': 'y' });
    symlinkSync(join(outside, 'file'), join(root, 'f'));
    symlinkSync(join(outside, 'directory'), join(root, 'd'));
    const { names, findings } = list({ allowSymlinks: true });
    assert.deepEqual(names, ['config.json', 'd/inner', 'f', 'weights/one.bin']);
    assert.deepEqual(findings.map(({ code, severity, subject }) => [code, severity, subject]).sort(), [
      ['link-outside', 'warning', 'd'],
      ['link-outside', 'warning', 'f'],
    ]);
    assert.equal(findings[0]?.message, 'a symbolic link leads out of the model: what it leads to can change without the model');
  });

  it('do not lead out where a sibling only begins with the name of the model', () => {
    sandbox.write('model-2', { file: '' });
    symlinkSync(sandbox.path('model-2', 'file'), join(root, 'f'));
    assert.equal(only(list({ allowSymlinks: true })).code, 'link-outside');
  });

  for (const [what, links] of [
    ['to the directory that it is in', { 'weights/up': '.' }],
    ['to the model', { 'weights/up': '..' }],
    ['to what the model is in', { 'weights/up': '../..' }],
    ['in two steps', { 'weights/other': '../b', 'b/back': '../weights' }],
  ] as const) {
    it(`that lead back are errors, and end: ${what}`, () => {
      sandbox.write('model', { 'b/file': '' });
      for (const [name, target] of Object.entries(links)) symlinkSync(target, join(root, ...name.split('/')));
      const { findings } = list({ allowSymlinks: true });
      const cycles = findings.filter(({ code }) => code === 'link-cycle');
      assert.ok(cycles.length > 0);
      for (const { severity, message } of cycles) {
        assert.equal(severity, 'rejected');
        assert.equal(message, 'a symbolic link leads back to where it is: the model would have no end');
      }
    });
  }

  it('that go round in circles are errors', () => {
    symlinkSync('b', join(root, 'a'));
    symlinkSync('a', join(root, 'b'));
    const { findings } = list({ allowSymlinks: true });
    assert.deepEqual(
      findings.map(({ code, severity, subject, got }) => [code, severity, subject, got]),
      [
        ['link-cycle', 'rejected', 'a', 'b'],
        ['link-cycle', 'rejected', 'b', 'a'],
      ],
    );
  });

  it('that lead nowhere are errors', () => {
    symlinkSync('nothing', join(root, 'a'));
    assert.deepEqual(only(list({ allowSymlinks: true })), {
      code: 'link-broken',
      severity: 'rejected',
      message: 'a symbolic link leads nowhere',
      subject: 'a',
    });
  });

  it('do not multiply without end', () => {
    // Forty levels of two links each: 2⁴⁰ paths.
    for (let level = 0; level < 40; level++) {
      sandbox.write('model', { [`level-${level}/file`]: '' });
      for (const name of ['x', 'y']) symlinkSync(`../level-${level + 1}`, join(root, `level-${level}`, name));
    }
    sandbox.write('model', { 'level-40/file': '' });
    const { findings } = list({ allowSymlinks: true });
    assert.deepEqual(
      findings.filter(({ severity }) => severity === 'rejected').map(({ code, message, expected }) => [code, message, expected]),
      [['link-cycle', 'symbolic links lead to more directories than mlsign follows', 'at most 1000 linked directories']],
    );
  });
});
