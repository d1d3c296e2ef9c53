import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type CheckedFormats, FormatExaminer } from '../../src/app/check-formats.ts';
import { examineIgnored, examineListed } from '../../src/app/check-formats-local.ts';
import { interrupted, unavailable } from '../../src/core/index.ts';
import { identityOf } from '../../src/digest/index.ts';
import type { FormatRule } from '../../src/policy/index.ts';
import { mlsignError } from '../helpers/keys.ts';
import { Sandbox } from '../helpers/sandbox.ts';

const RULE: FormatRule = { allowCode: [], by: 'default' };
const PICKLE = readFileSync(new URL('../../fixtures/formats/system-2.pkl', import.meta.url));

function told({ findings }: CheckedFormats): readonly string[] {
  return findings.map(({ code, severity, subject, message }) => `${severity} ${code} ${subject}: ${message}`);
}

describe('looking at the formats of files', () => {
  const sandbox = new Sandbox();
  after(() => sandbox.remove());

  it('leaves open what a pipe, or a link that leads nowhere, gives in an ignored path', async function () {
    if (process.platform === 'win32') this.skip();
    const path = sandbox.write('ignoring', { 'config.json': '{}' });
    symlinkSync('nowhere', `${path}/link`);
    execFileSync('mkfifo', [`${path}/pipe`]);
    const examiner = new FormatExaminer(RULE);
    await examineIgnored({ kind: 'directory', path, name: 'ignoring' }, ['link', 'pipe', '.git'], examiner);
    const checked = await examiner.finish();
    const message = 'what it can do when it is loaded is not known: it is neither a file nor a directory, or cannot be read';
    assert.deepEqual(told(checked), [
      `undetermined format-not-examined link: ${message}`,
      `undetermined format-not-examined pipe: ${message}`,
    ]);
    assert.deepEqual(checked.evidence.notExamined, ['.git', 'link', 'pipe']);
    assert.equal(checked.check.status, 'could-not-run');
  });

  /** Lists a file, lets something happen to it, and looks at it. */
  async function lookAt(name: string, content: string | Uint8Array, change: (path: string) => void): Promise<CheckedFormats> {
    const path = sandbox.path(name);
    rmSync(path, { force: true });
    writeFileSync(path, content);
    const identity = identityOf(statSync(path));
    change(path);
    const examiner = new FormatExaminer(RULE);
    examineListed(examiner, { name, path, identity });
    return await examiner.finish();
  }

  for (const [what, change] of [
    ['was replaced by a harmless one', (path: string) => writeFileSync(path, '{"b":1}')],
    [
      'was replaced by another file of its size and time',
      (path: string) => {
        const { atime, mtime, size } = statSync(path);
        writeFileSync(`${path}.new`, '{'.padEnd(size, '}'));
        execFileSync('touch', ['-d', mtime.toISOString(), `${path}.new`]);
        assert.ok(atime);
        renameSync(`${path}.new`, path);
      },
    ],
    [
      'was replaced by a pipe, which is not waited for',
      (path: string) => {
        rmSync(path);
        execFileSync('mkfifo', [path]);
      },
    ],
  ] as const) {
    for (const [name, content] of [
      ['a.json', '{"a":1}'],
      ['a.pkl', PICKLE],
    ] as const) {
      it(`rejects ${name} that ${what} after it was listed`, async function () {
        if (process.platform === 'win32') this.skip();
        const checked = await lookAt(name, content, change);
        assert.deepEqual(told(checked), [`rejected file-changed-while-read ${name}: the file changed while it was read`]);
        assert.deepEqual([checked.check.status, checked.evidence.notExamined], ['failed', [name]]);
      });
    }
  }

  it('follows no link that was put in the place of a file, and leaves the answer open where one cannot be read', async function () {
    if (process.platform === 'win32') this.skip();
    sandbox.write('.', { 'target.bin': PICKLE });
    for (const target of ['target.bin', 'nowhere']) {
      const checked = await lookAt('b.bin', 'x', (path) => {
        rmSync(path);
        symlinkSync(sandbox.path(target), path);
      });
      assert.match(told(checked).join(), /^undetermined format-not-examined b\.bin: what it can do when it is loaded is not known: /);
      assert.equal(checked.check.status, 'could-not-run');
    }
    const gone = await lookAt('c.bin', 'x', (path) => rmSync(path));
    assert.match(told(gone).join(), /^undetermined format-not-examined c\.bin: .*cannot look at the file: no such file/);
  });

  it('reads few files at a time, each name once, and every one of them', async () => {
    const examiner = new FormatExaminer(RULE, undefined, 3);
    let [now, most, all] = [0, 0, 0];
    for (let i = 0; i < 50; i++) {
      examiner.add({
        name: `f${i % 25}`,
        use: async (look) => {
          most = Math.max(most, ++now);
          all++;
          await sleep(1);
          now--;
          return await look({ path: `f${i}`, size: 0, read: async () => Buffer.alloc(0), readInto: async () => 0 });
        },
      });
    }
    const { evidence } = await examiner.finish();
    assert.deepEqual([most, all, evidence.files], [3, 25, [{ format: 'empty', label: 'empty', files: 25 }]]);
  });

  it('leaves the answer open where a store fails, and ends where it is interrupted or a bug shows', async () => {
    const look = (error: unknown, signal?: AbortSignal): Promise<CheckedFormats> => {
      const examiner = new FormatExaminer(RULE, signal);
      examiner.add({ name: 'a.bin', use: () => Promise.reject(error) });
      return examiner.finish();
    };
    const open = await look(unavailable('object-forbidden', 'may not be read'));
    assert.deepEqual(told(open), [
      'undetermined format-not-examined a.bin: what it can do when it is loaded is not known: may not be read',
    ]);
    await assert.rejects(look(interrupted()), mlsignError('interrupted', /interrupted/));
    await assert.rejects(look(new TypeError('a bug')), TypeError);
    await assert.rejects(look(new Error('never'), AbortSignal.abort()), mlsignError('interrupted', /interrupted/));
  });

  it('looks at nothing where nothing is asked', async () => {
    const examiner = new FormatExaminer('any');
    examiner.add({ name: 'a', use: () => Promise.reject(new Error('never')) });
    examiner.miss('b', 'why');
    const { check, evidence, findings } = await examiner.finish();
    assert.deepEqual([check.status, evidence.by, evidence.notExamined, findings], ['skipped', 'any', [], []]);
  });
});
