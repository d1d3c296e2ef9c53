import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { BIN, mlsign, signalAtWork } from '../helpers/cli.ts';
import { assertValid } from '../helpers/schemas.ts';
import { keyPath, RELEASER, StoredModels, signingAs, TRAINER, TRUST } from '../helpers/stored-models.ts';

describe('--event-log', () => {
  let models: StoredModels;
  let model: string;
  let log: string;
  const trusting = ['--trust-key', keyPath(`${TRAINER}.pub`)];

  beforeEach(() => {
    models = new StoredModels();
    model = models.sandbox.write('disk/llama', { 'weights.bin': 'weights', 'config.json': '{}' });
    log = models.sandbox.path('events.jsonl');
  });
  afterEach(() => models.remove());

  const logging = (...args: readonly string[]) => models.run(...args, '--event-log', log);

  /** Every line of the log: whole, and valid by the schema. */
  function events(file = log) {
    const text = readFileSync(file, 'utf8');
    assert.ok(text === '' || text.endsWith('\n'));
    const documents = text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line));
    for (const document of documents) assertValid('event', document);
    return documents;
  }

  it('gets one event a command: who, which model, how it ended', async () => {
    assert.equal((await logging('sign', model, ...signingAs(TRAINER))).code, 0);
    assert.equal((await logging('push', model, models.url('llama'), ...signingAs(RELEASER), ...trusting)).code, 0);
    const to = ['--channel', 'production', '--expires', '30d', ...signingAs(RELEASER), ...TRUST];
    assert.equal((await logging('promote', `${models.url('llama')}@1`, '--init', ...to)).code, 0);
    assert.equal((await logging('verify', `${models.url('llama')}@production`, ...TRUST)).code, 0);
    const all = events();
    assert.deepEqual(
      all.map(({ api, activity_name, status, severity, unmapped }) => [
        api.operation,
        activity_name,
        status,
        severity,
        unmapped.outcome ?? unmapped.verdict,
      ]),
      [
        ['sign', 'Create', 'Success', 'Informational', 'signed'],
        ['push', 'Create', 'Success', all[1].severity, 'pushed'],
        ['promote', 'Update', 'Success', 'Informational', 'promote'],
        ['verify', 'Read', 'Success', 'Informational', 'verified'],
      ],
    );
    const [sign, push, promote, verify] = all;
    for (const event of all) assert.equal(event.resources[0].uid, sign.unmapped.model_id);
    assert.deepEqual([push.unmapped.release.number, push.resources[0].version], [1, '1']);
    assert.deepEqual([promote.unmapped.channel, verify.unmapped.channel], Array(2).fill({ name: 'production', sequence: 1 }));
    assert.equal(verify.unmapped.release.sha256, push.unmapped.release.sha256);
    assert.equal(new Set(all.map(({ metadata }) => metadata.uid)).size, 4);
    assert.ok(sign.time >= sign.start_time && sign.end_time === sign.time);
    if (process.platform !== 'win32') assert.equal(statSync(log).mode & 0o777, 0o600);
  });

  it('tells which finding rejected a model', async () => {
    await models.run('sign', model, ...signingAs(TRAINER));
    writeFileSync(`${model}/weights.bin`, 'others.');
    const { code, stdout } = await logging('verify', model, ...trusting, '--json');
    assert.deepEqual([code, JSON.parse(stdout).verdict], [1, 'rejected']);
    const [event] = events();
    assert.deepEqual([event.status_id, event.severity_id, event.status_code], [2, 4, 'file-changed']);
    assert.deepEqual([event.unmapped.verdict, event.unmapped.exit_code, event.unmapped.findings_total], ['rejected', 1, 1]);
    assert.equal(event.unmapped.findings[0].subject, 'weights.bin');
  });

  it('tells of a command that could not do its work', async () => {
    assert.equal((await logging('verify', `${model}-none`, ...trusting)).code, 3);
    assert.equal((await logging('verify', 's3://', ...trusting)).code, 2);
    const [missing, wrong] = events();
    assert.deepEqual(
      [missing.status_code, missing.unmapped.error.outcome, missing.api.response.code],
      ['file-not-found', 'unavailable', 3],
    );
    assert.deepEqual(missing.resources, [{ type: 'model', name: `${model}-none` }]);
    assert.deepEqual([wrong.status_code, wrong.severity], ['location-malformed', 'Low']);
  });

  it('is named by the environment too, and is not for commands that judge and change nothing', async () => {
    await models.run('sign', model, ...signingAs(TRAINER));
    const env = { MLSIGN_EVENT_LOG: log };
    assert.equal((await mlsign(['verify', model, ...trusting], { env })).code, 0);
    assert.equal((await mlsign(['hash', model], { env })).code, 0);
    assert.deepEqual(
      events().map(({ api }) => api.operation),
      ['verify'],
    );
  });

  it('goes to standard error as "-", a line among others', async () => {
    await models.run('sign', model, ...signingAs(TRAINER));
    const { code, stdout, stderr } = await models.run('verify', model, ...trusting, '--json', '--event-log', '-');
    assert.deepEqual([code, JSON.parse(stdout).verdict], [0, 'verified']);
    const line = stderr.split('\n').find((text) => text.startsWith('{'));
    assertValid('event', JSON.parse(line ?? ''));
  });

  it('holds no secret and no control character, whatever names hold', async function () {
    if (process.platform === 'win32') this.skip();
    this.timeout(60_000);
    const odd = models.sandbox.path('evil\u2028\u202e\u001b[31m');
    assert.equal((await logging('verify', odd, ...trusting)).code, 3);
    const passphrase = 'correct horse battery';
    await mlsign(['keygen', models.sandbox.path('own.key')], { env: { MLSIGN_KEY_PASSPHRASE: passphrase } });
    const args = ['sign', model, '--key', models.sandbox.path('own.key'), '--event-log', log];
    assert.equal((await mlsign(args, { env: { MLSIGN_KEY_PASSPHRASE: `${passphrase}?` } })).code, 1);
    assert.equal((await mlsign(args, { env: { MLSIGN_KEY_PASSPHRASE: passphrase } })).code, 0);
    const text = readFileSync(log, 'utf8');
    assert.doesNotMatch(text.replaceAll('\n', ''), /[\p{Cc}\p{Cf}\u2028\u2029]/u);
    assert.ok(!text.includes(passphrase) && !text.includes('own.key'));
    assert.equal(events()[0].resources[0].name, odd);
  });

  it('is no file of the model', async () => {
    await models.run('sign', model, ...signingAs(TRAINER));
    const before = readFileSync(`${model}/model.sig`);
    for (const file of [`${model}/model.sig`, `${model}/events.jsonl`, model]) {
      const { code, stdout } = await models.run('verify', model, ...trusting, '--json', '--event-log', file);
      const error = JSON.parse(stdout);
      assert.deepEqual([code, error.code, error.subject], [2, 'event-log-inside-model', file]);
      assert.match(error.message, /would be a file of the model/);
    }
    assert.deepEqual(readFileSync(`${model}/model.sig`), before);
    assert.ok(!existsSync(`${model}/events.jsonl`));
  });

  it('is opened before anything is done', async function () {
    if (process.platform === 'win32') this.skip();
    const signature = `${model}/model.sig`;
    const sign = (file: string) => models.run('sign', model, ...signingAs(TRAINER), '--json', '--event-log', file);
    writeFileSync(log, '');
    symlinkSync(log, `${log}.link`);
    execFileSync('mkfifo', [`${log}.pipe`]);
    for (const [file, code] of [
      [models.sandbox.path('none', 'events.jsonl'), 'file-not-found'],
      [models.sandbox.path('disk'), 'is-a-directory'],
      [`${log}.link`, 'event-log-link'],
      [`${log}.pipe`, 'not-a-file'],
    ] as const) {
      const run = await sign(file);
      assert.deepEqual([run.code, JSON.parse(run.stdout).code], [3, code]);
      assert.ok(!existsSync(signature), code);
    }
    assert.equal(readFileSync(log, 'utf8'), '');
    assert.deepEqual(JSON.parse((await sign('')).stdout).code, 'flag-empty');
  });

  it('is written through a pipe that somebody reads', async function () {
    if (process.platform === 'win32') this.skip();
    await models.run('sign', model, ...signingAs(TRAINER));
    execFileSync('mkfifo', [log]);
    const reader = spawn('cat', [log]);
    const closed = once(reader, 'close');
    let text = '';
    reader.stdout.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
    // The reader has the pipe open when cat has started; a writer that is too early is refused.
    let code: number | null = 3;
    for (let i = 0; i < 20 && code === 3; i++) ({ code } = await logging('verify', model, ...trusting, '-q'));
    assert.equal(code, 0);
    await closed;
    assertValid('event', JSON.parse(text));
  });

  it('makes no success of a command whose event is lost', async function () {
    if (!existsSync('/dev/full')) this.skip();
    await models.run('sign', model, ...signingAs(TRAINER));
    const verify = () => models.run('verify', model, ...trusting, '--json', '--event-log', '/dev/full');
    const lost = await verify();
    assert.deepEqual([lost.code, JSON.parse(lost.stdout).verdict], [3, 'verified']);
    assert.match(lost.stderr, /cannot write the event: no space left on the device: \/dev\/full \[disk-full\]/);
    writeFileSync(`${model}/weights.bin`, 'others.');
    assert.equal((await verify()).code, 1, 'rejected outranks it');
  });

  it('starts a line of its own behind one that was cut', async () => {
    await models.run('sign', model, ...signingAs(TRAINER));
    writeFileSync(log, '{"class_uid":60');
    assert.equal((await logging('verify', model, ...trusting)).code, 0);
    const [cut, whole = ''] = readFileSync(log, 'utf8').split('\n');
    assert.equal(cut, '{"class_uid":60');
    assertValid('event', JSON.parse(whole));
  });

  it('keeps the lines of many writers apart', async function () {
    this.timeout(60_000);
    await models.run('sign', model, ...signingAs(TRAINER));
    writeFileSync(`${model}/${'x'.repeat(200)}`, 'x');
    const runs = await Promise.all(Array.from({ length: 12 }, () => logging('verify', model, ...trusting, '-q')));
    assert.deepEqual(
      runs.map(({ code }) => code),
      Array(12).fill(1),
    );
    const all = events();
    assert.equal(all.length, 12);
    assert.equal(new Set(all.map(({ metadata }) => metadata.uid)).size, 12);
  });

  it('tells of an interrupt, and holds no half line where the process was killed', async function () {
    if (process.platform === 'win32') this.skip();
    this.timeout(60_000);
    const large = models.sandbox.write('disk/large', { 'a.bin': '' });
    execFileSync('truncate', ['-s', '20G', `${large}/a.bin`]);
    for (const [signal, expected] of [
      ['SIGTERM', 143],
      ['SIGKILL', null],
    ] as const) {
      const child = spawn(process.execPath, [BIN, 'sign', large, ...signingAs(TRAINER), '--event-log', log], { stdio: 'ignore' });
      const ended = once(child, 'exit');
      await signalAtWork(child.pid ?? 0, `${large}/a.bin`, signal);
      const [code] = await ended;
      assert.equal(code, expected);
    }
    const all = events();
    assert.deepEqual(
      all.map(({ status_code, unmapped }) => [status_code, unmapped.exit_code]),
      [['interrupted', 143]],
    );
  });

  it('leaves the mode of a file that is there', async function () {
    if (process.platform === 'win32') this.skip();
    writeFileSync(log, '');
    chmodSync(log, 0o640);
    await logging('sign', model, ...signingAs(TRAINER));
    assert.equal(statSync(log).mode & 0o777, 0o640);
  });
});
