import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { appendFileSync, mkdirSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { type Finding, verdictOf } from '../../src/core/index.ts';
import type { Manifest, Serialization } from '../../src/formats/index.ts';
import {
  compareModel,
  expectedFiles,
  type HashedModel,
  type HashModelOptions,
  hashModel,
  manifestOf,
  openSource,
} from '../../src/model/index.ts';
import { Sandbox } from '../helpers/sandbox.ts';

const FILES: Serialization = { method: 'files', hashType: 'sha256', allowSymlinks: false, ignorePaths: [] };
const SHARDS: Serialization = { ...FILES, method: 'shards', shardSize: 4 };
const CONTENT = {
  'config.json': '{}',
  'weights.bin': '0123456789ABCDEF!',
  'sub/a.txt': 'aaa',
  'sub/b.txt': 'bbb',
  'sub/deep/c.txt': 'ccc',
};

function sha256(text: string): string {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}

async function hash(path: string, options: Partial<HashModelOptions> = {}): Promise<HashedModel> {
  return hashModel(await openSource(path), { serialization: FILES, useMainThread: true, workers: 1, ...options });
}

function codes(findings: readonly Finding[]): readonly string[] {
  return findings.map(({ code, subject }) => `${code} ${subject}`);
}

describe('compareModel', () => {
  const sandbox = new Sandbox();
  after(() => sandbox.remove());
  let serial = 0;
  sandbox.write('model', CONTENT);

  /** What is found in a changed copy of the model. */
  async function found(
    change: (path: (...parts: string[]) => string) => void,
    serialization = FILES,
    options: { ignoreUnsigned?: boolean; only?: boolean } = {},
  ): Promise<readonly Finding[]> {
    const expected = manifestOf(await hash(sandbox.path('model'), { serialization }));
    const copy = sandbox.copy('model', `copy-${serial++}`);
    change((...parts) => sandbox.path(`copy-${serial - 1}`, ...parts));
    const only = options.only ? new Set(expectedFiles(expected, await openSource(copy)).keys()) : undefined;
    const findings = compareModel(expected, await hash(copy, { serialization, only }), { ignoreUnsigned: options.ignoreUnsigned ?? false });
    for (const { message, subject } of findings) {
      assert.match(message, /^[a-z0-9]/, 'lower case');
      assert.doesNotMatch(message, /\.$/, 'no final period');
      assert.notEqual(subject, '');
    }
    return findings;
  }

  it('finds nothing in the model that was signed', async () => {
    for (const serialization of [FILES, SHARDS]) assert.deepEqual(await found(() => {}, serialization), []);
  });

  it('says what was signed and what is there of a changed file', async () => {
    const findings = await found((path) => writeFileSync(path('config.json'), '[]'));
    assert.deepEqual(findings, [
      {
        code: 'file-changed',
        severity: 'rejected',
        message: 'the content of a file is not what was signed',
        subject: 'config.json',
        expected: sha256('{}'),
        got: sha256('[]'),
        suggestion: 'put the signed file back, or have the model signed again if the change is meant',
      },
    ]);
  });

  it('says which bytes of a file in shards changed', async () => {
    const [finding, ...others] = await found((path) => writeFileSync(path('weights.bin'), '0x23y56789ABCDEF?'), SHARDS);
    assert.deepEqual(others, []);
    assert.equal(finding?.code, 'file-changed');
    assert.equal(finding.message, 'the content of a file is not what was signed in bytes 0–7 and 16–16');
    assert.equal(finding.expected, sha256('0123'));
    assert.equal(finding.got, sha256('0x23'));
  });

  it('tells how much of a file was cut off, and whether the rest is whole', async () => {
    const clean = await found((path) => truncateSync(path('weights.bin'), 8), SHARDS);
    assert.deepEqual(codes(clean), ['file-truncated weights.bin']);
    assert.equal(clean[0]?.message, 'a file was cut short: 9 of its 17 signed bytes are gone');
    assert.deepEqual([clean[0]?.expected, clean[0]?.got], ['17 bytes', '8 bytes']);
    const torn = await found((path) => writeFileSync(path('weights.bin'), '0123x567'), SHARDS);
    assert.equal(torn[0]?.message, 'a file was cut short: 9 of its 17 signed bytes are gone, and what is left differs in bytes 4–7');
    const empty = await found((path) => truncateSync(path('weights.bin'), 0), SHARDS);
    assert.deepEqual(codes(empty), ['file-truncated weights.bin']);
    assert.equal(empty[0]?.got, '0 bytes');
  });

  it('tells how much was added to a file', async () => {
    const findings = await found((path) => appendFileSync(path('sub', 'a.txt'), 'more'), SHARDS);
    assert.deepEqual(codes(findings), ['file-grown sub/a.txt']);
    assert.equal(findings[0]?.message, 'a file has grown: 4 bytes follow its 3 signed ones');
    const torn = await found((path) => writeFileSync(path('weights.bin'), 'x123456789ABCDEF!!'), SHARDS);
    assert.match(torn[0]?.message ?? '', /^a file has grown: 1 bytes follow its 17 signed ones, and the file differs in bytes 0–3$/);
  });

  it('reports everything at once, one finding a file, in the order of names', async () => {
    const findings = await found((path) => {
      rmSync(path('sub', 'a.txt'));
      writeFileSync(path('sub', 'b.txt'), 'bbc');
      renameSync(path('sub', 'deep', 'c.txt'), path('c.txt'));
      writeFileSync(path('zzz'), 'new');
      writeFileSync(path('a\u0301'), 'new');
    });
    assert.deepEqual(codes(findings), [
      'file-extra a\u0301',
      'file-misnamed c.txt',
      'file-missing sub/a.txt',
      'file-changed sub/b.txt',
      'file-extra zzz',
    ]);
    assert.equal(
      findings.every(({ severity }) => severity === 'rejected'),
      true,
    );
    const missing = findings.find(({ code }) => code === 'file-missing');
    assert.equal(missing?.expected, sha256('aaa'));
    assert.equal(missing.message, 'a signed file is missing');
    const extra = findings.find(({ code }) => code === 'file-extra');
    assert.equal(extra?.message, 'a file that is not signed lies in the model');
    assert.match(extra.suggestion ?? '', /--ignore-paths.*--ignore-unsigned-files/);
  });

  it('says where the files come from that macOS writes beside others', async () => {
    const findings = await found((path) => {
      mkdirSync(path('__MACOSX'));
      for (const name of ['._config.json', 'sub/._a.txt', '__MACOSX/x', '._', 'a._b']) writeFileSync(path(...name.split('/')), '');
    });
    const told = findings.map(({ code, subject, suggestion }) => `${code} ${subject} ${suggestion?.includes('COPYFILE_DISABLE=1')}`);
    assert.deepEqual(told, [
      'file-extra ._ false',
      'file-extra ._config.json true',
      'file-extra __MACOSX/x true',
      'file-extra a._b false',
      'file-extra sub/._a.txt true',
    ]);
  });

  it('names both names of a file that was renamed', async () => {
    for (const serialization of [FILES, SHARDS]) {
      const [finding, ...others] = await found((path) => renameSync(path('weights.bin'), path('WEIGHTS.bin')), serialization);
      assert.deepEqual(others, []);
      assert.equal(finding?.code, 'file-misnamed');
      assert.equal(finding.message, 'a signed file is there under another name');
      assert.deepEqual([finding.subject, finding.expected, finding.got], ['WEIGHTS.bin', 'weights.bin', 'WEIGHTS.bin']);
      assert.match(finding.suggestion ?? '', /differ only in letter case or in their Unicode form/);
    }
    const [plain] = await found((path) => renameSync(path('weights.bin'), path('w.bin')));
    assert.equal(plain?.suggestion, 'give the file its signed name back');
  });

  it('reports two files that changed places as two changed files', async () => {
    const findings = await found((path) => {
      renameSync(path('sub', 'a.txt'), path('x'));
      renameSync(path('sub', 'b.txt'), path('sub', 'a.txt'));
      renameSync(path('x'), path('sub', 'b.txt'));
    });
    assert.deepEqual(codes(findings), ['file-changed sub/a.txt', 'file-changed sub/b.txt']);
  });

  it('does not take a copy of a signed file for the file', async () => {
    const findings = await found((path) => writeFileSync(path('copy.json'), '{}'));
    assert.deepEqual(codes(findings), ['file-extra copy.json']);
  });

  it('pairs each missing file with one of several alike', async () => {
    const findings = await found((path) => {
      rmSync(path('config.json'));
      writeFileSync(path('x.json'), '{}');
      writeFileSync(path('y.json'), '{}');
    });
    assert.deepEqual(codes(findings), ['file-misnamed x.json', 'file-extra y.json']);
  });

  it('reports a link where a file or a directory was signed as that, once', async function () {
    if (process.platform === 'win32') this.skip();
    const findings = await found((path) => {
      renameSync(path('config.json'), sandbox.path(`elsewhere-${serial}`));
      symlinkSync(sandbox.path(`elsewhere-${serial}`), path('config.json'));
      rmSync(path('sub'), { recursive: true });
      symlinkSync(sandbox.path('model', 'sub'), path('sub'));
      symlinkSync('weights.bin', path('extra'));
    });
    assert.deepEqual(codes(findings), ['file-symlinked config.json', 'link-refused extra', 'file-symlinked sub']);
    assert.equal(findings[0]?.message, 'a symbolic link stands where a file was signed');
    assert.equal(findings[2]?.message, 'a symbolic link stands where a directory with 3 signed files was');
    assert.equal(findings[2]?.expected, 'a directory');
    assert.equal(verdictOf(findings), 'rejected');
  });

  it('tolerates an unsigned link only where unsigned files are accepted', async function () {
    if (process.platform === 'win32') this.skip();
    const link = (path: (...parts: string[]) => string) => symlinkSync('weights.bin', path('extra'));
    assert.equal(verdictOf(await found(link)), 'rejected');
    const accepted = await found(link, FILES, { ignoreUnsigned: true });
    assert.deepEqual(
      accepted.map(({ code, severity }) => [code, severity]),
      [['link-refused', 'warning']],
    );
    const signed = (path: (...parts: string[]) => string) => {
      rmSync(path('config.json'));
      symlinkSync('weights.bin', path('config.json'));
    };
    assert.equal(verdictOf(await found(signed, FILES, { ignoreUnsigned: true })), 'rejected');
  });

  it('says once why files could not be read, and does not call them missing', async () => {
    const expected = manifestOf(await hash(sandbox.path('model')));
    const hashed = await hash(sandbox.path('model'));
    const unreadable = (subject: string): Finding => ({
      code: 'file-unreadable',
      severity: 'undetermined',
      message: 'cannot read',
      subject,
    });
    const without = (subject: string, inside: (name: string) => boolean): HashedModel => ({
      ...hashed,
      files: hashed.files.filter(({ name }) => !inside(name)),
      findings: [unreadable(subject)],
    });
    const cases: readonly HashedModel[] = [
      without('config.json', (name) => name === 'config.json'),
      without('sub', (name) => name.startsWith('sub/')),
      without('.', () => true),
    ];
    for (const actual of cases) {
      const findings = compareModel(expected, actual, { ignoreUnsigned: false });
      assert.deepEqual(findings, actual.findings);
      assert.equal(verdictOf(findings), 'undetermined');
    }
    const warning: Finding = { code: 'name-collision', severity: 'warning', message: 'x', subject: 'config.json' };
    const collided = { ...without('config.json', (name) => name === 'config.json'), findings: [warning] };
    assert.deepEqual(codes(compareModel(expected, collided, { ignoreUnsigned: false })), [
      'file-missing config.json',
      'name-collision config.json',
    ]);
  });

  it('lists accepted unsigned files in one warning, read or not', async () => {
    const change = (path: (...parts: string[]) => string) => {
      writeFileSync(path('new.txt'), 'new');
      mkdirSync(path('more'));
      for (let i = 0; i < 150; i++) writeFileSync(path('more', `${String(i).padStart(3, '0')}`), `${i}`);
    };
    for (const only of [true, false]) {
      const findings = await found(change, FILES, { ignoreUnsigned: true, only });
      assert.deepEqual(codes(findings), ['unsigned-extra more/000']);
      assert.equal(findings[0]?.severity, 'warning');
      assert.equal(findings[0].message, '151 files in the model are not signed, and were accepted');
      assert.match(findings[0].got ?? '', /^more\/000, more\/001, .*, more\/099, 51 more$/);
    }
  });

  it('rejects changed and missing files even where unsigned ones are accepted', async () => {
    const change = (path: (...parts: string[]) => string) => {
      writeFileSync(path('config.json'), '[]');
      renameSync(path('weights.bin'), path('w.bin'));
    };
    assert.deepEqual(codes(await found(change, FILES, { ignoreUnsigned: true })), ['file-changed config.json', 'file-misnamed w.bin']);
    // Unsigned files are not read then, so that a renamed one is not recognised.
    assert.deepEqual(codes(await found(change, FILES, { ignoreUnsigned: true, only: true })), [
      'file-changed config.json',
      'file-missing weights.bin',
      'unsigned-extra w.bin',
    ]);
  });

  it('notes zero-byte files that shards cannot name, and rejects them among whole files', async () => {
    const change = (path: (...parts: string[]) => string) => writeFileSync(path('__init__.py'), '');
    const shards = await found(change, SHARDS);
    assert.deepEqual(codes(shards), ['unsigned-empty __init__.py']);
    assert.equal(shards[0]?.severity, 'note');
    assert.match(shards[0].message, /^1 zero-byte files are not signed/);
    assert.deepEqual(codes(await found(change, FILES)), ['file-extra __init__.py']);
  });

  it('warns of ignored paths that exist, in one finding', async () => {
    const findings = await found(
      (path) => {
        mkdirSync(path('.git'));
        writeFileSync(path('.git', 'HEAD'), 'x');
        writeFileSync(path('notes'), 'x');
      },
      { ...FILES, ignorePaths: ['notes', 'absent'] },
    );
    assert.deepEqual(
      findings.map(({ code, severity, got }) => [code, severity, got]),
      [['unsigned-ignored', 'warning', '.git, notes']],
    );
  });

  it('never verifies a signed file that was not read', async () => {
    const expected = manifestOf(await hash(sandbox.path('model')));
    const actual = await hash(sandbox.path('model'), { only: new Set(['config.json']) });
    const findings = compareModel(expected, actual, { ignoreUnsigned: true });
    assert.equal(verdictOf(findings), 'undetermined');
    assert.deepEqual(new Set(findings.map(({ code }) => code)), new Set(['file-not-hashed']));
    assert.equal(findings.length, 4);
  });

  it('will not compare what was hashed in another way', async () => {
    const expected = manifestOf(await hash(sandbox.path('model')));
    for (const serialization of [SHARDS, { ...FILES, hashType: 'blake2b' as const }]) {
      const actual = await hash(sandbox.path('model'), { serialization });
      assert.throws(() => compareModel(expected, actual, { ignoreUnsigned: false }), { outcome: 'bug', code: 'not-comparable' });
    }
  });

  describe('of one file', () => {
    const single = () => sandbox.path('model', 'weights.bin');
    const renamed = (manifest: Manifest, name: string): Manifest => ({
      ...manifest,
      resources: manifest.resources.map((resource) => ({ ...resource, name: resource.name.replace('weights.bin', name) })),
    });

    it('verifies by its name, and by "." as the reference implementation calls it', async () => {
      for (const serialization of [FILES, SHARDS]) {
        const hashed = await hash(single(), { serialization });
        const manifest = manifestOf(hashed);
        assert.deepEqual(compareModel(manifest, hashed, { ignoreUnsigned: false }), []);
        assert.deepEqual(compareModel(renamed(manifest, '.'), hashed, { ignoreUnsigned: false }), []);
        assert.deepEqual(codes(compareModel(renamed(manifest, 'other.bin'), hashed, { ignoreUnsigned: false })), [
          'file-misnamed weights.bin',
        ]);
      }
    });

    it('rejects another content under "."', async () => {
      const manifest = renamed(manifestOf(await hash(single())), '.');
      const other = await hash(sandbox.path('model', 'config.json'));
      assert.deepEqual(codes(compareModel(manifest, other, { ignoreUnsigned: true })), ['file-changed config.json']);
    });

    it('is not a directory, nor a directory a file', async () => {
      const directory = await hash(sandbox.path('model'));
      const file = await hash(single());
      const [asFile] = compareModel(manifestOf(directory), file, { ignoreUnsigned: true });
      assert.equal(asFile?.code, 'model-kind-wrong');
      assert.equal(asFile.message, 'the signature covers a directory of 5 files, and this is one file');
      const [asDirectory] = compareModel(renamed(manifestOf(file), '.'), directory, { ignoreUnsigned: true });
      assert.equal(asDirectory?.code, 'model-kind-wrong');
      assert.equal(asDirectory.message, 'the signature covers a single file, and this is a directory');
      const [nested] = compareModel(renamed(manifestOf(file), 'sub/weights.bin'), file, { ignoreUnsigned: true });
      assert.equal(nested?.code, 'model-kind-wrong');
    });
  });

  it('rejects every model that is not the signed one, and only those', () => {
    const name = fc.constantFrom('a', 'b', 'c/d', 'c/e', 'f');
    const tree = fc.dictionary(name, fc.constantFrom('0', '1', '2', ''), { minKeys: 1 });
    const asHashed = (files: Record<string, string>): HashedModel => ({
      source: { kind: 'directory', path: '/m', name: 'm' },
      serialization: FILES,
      files: Object.keys(files)
        .sort()
        .map((key) => ({ name: key, size: files[key]?.length ?? 0, digests: [sha256(files[key] ?? '').slice(7)] })),
      bytes: 0,
      unhashed: [],
      ignored: [],
      emptyFiles: [],
      engine: 'native',
      findings: [],
    });
    fc.assert(
      fc.property(tree, tree, fc.boolean(), (signed, there, ignoreUnsigned) => {
        const findings = compareModel(manifestOf(asHashed(signed)), asHashed(there), { ignoreUnsigned });
        const whole = Object.entries(signed).every(([key, content]) => there[key] === content);
        const clean = ignoreUnsigned || Object.keys(there).every((key) => key in signed);
        assert.equal(verdictOf(findings), whole && clean ? 'verified' : 'rejected');
        const subjects = findings.filter(({ severity }) => severity === 'rejected').map(({ subject }) => subject);
        assert.equal(new Set(subjects).size, subjects.length, 'one finding a file');
      }),
      { numRuns: 500 },
    );
  });

  it('compares two hundred thousand files in a moment', () => {
    const files = Array.from({ length: 200_000 }, (_, i) => ({
      name: `d${i % 97}/file-${i}`,
      size: 1,
      digests: [sha256(`${i}`).slice(7)],
    }));
    const actual: HashedModel = {
      source: { kind: 'directory', path: '/m', name: 'm' },
      serialization: FILES,
      files,
      bytes: 0,
      unhashed: [],
      ignored: [],
      emptyFiles: [],
      engine: 'native',
      findings: [],
    };
    const expected = manifestOf(actual);
    // Not by the clock, which a loaded machine stretches.
    const started = process.cpuUsage();
    assert.deepEqual(compareModel(expected, actual, { ignoreUnsigned: false }), []);
    const nothingSigned = { ...expected, resources: expected.resources.slice(0, 1) };
    assert.equal(compareModel(nothingSigned, actual, { ignoreUnsigned: false }).length, 199_999);
    assert.ok(process.cpuUsage(started).user < 5_000_000);
  });
});
