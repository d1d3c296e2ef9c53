import assert from 'node:assert/strict';
import { existsSync, unlinkSync, writeFileSync } from 'node:fs';
import type { Finding } from '../../src/core/index.ts';
import { type ChannelClient, channelPayload, HighWaterMark, type OpenedChannel, openChannel } from '../../src/release/index.ts';
import { layoutOf } from '../../src/store/index.ts';
import { trustKeys } from '../helpers/bundles.ts';
import { mlsignError } from '../helpers/keys.ts';
import { aPointer, aRecord, codes, daysFromNow, NOW, ReleaseStore, STATELESS, signedBytes, trustIn } from '../helpers/releases.ts';

describe('channel: what a client accepts', () => {
  let folder: ReleaseStore;

  beforeEach(() => {
    folder = new ReleaseStore();
  });
  afterEach(() => {
    folder.remove();
  });

  async function open(client: Partial<ChannelClient> = {}, trust = folder.trust): Promise<OpenedChannel> {
    return openChannel(await folder.store(), folder.location, 'production', trust, { ...STATELESS, ...client });
  }

  /** Asserts one rejection; returns it. */
  function rejects({ channel, findings }: OpenedChannel, code: string, message: RegExp, severity = 'rejected'): Finding {
    assert.equal(channel, undefined);
    const deciding = findings.filter((finding) => finding.severity === 'rejected' || finding.severity === 'undetermined');
    assert.deepEqual(codes(deciding), [`${severity} ${code}`]);
    assert.match(deciding[0]?.message ?? '', message);
    assert.ok(deciding[0]);
    return deciding[0];
  }

  function state(): HighWaterMark {
    return new HighWaterMark(folder.path('state', 'channels.json'));
  }

  it('is the newest signed pointer', async () => {
    await folder.point(aPointer(1));
    const { digest, written } = await folder.point(aPointer(2, { release: { number: 2, digest: 'f'.repeat(64) } }));
    const { channel, checks, findings } = await open();
    assert.deepEqual(findings, []);
    assert.deepEqual(channel?.pointer, aPointer(2, { release: { number: 2, digest: 'f'.repeat(64) } }));
    assert.deepEqual([channel.digest, channel.version, channel.previous], [digest, written.version, 1]);
    const evidence = checks.filter(({ name }) => name.startsWith('channel-'));
    assert.deepEqual(
      evidence.map(({ name, status }) => `${name} ${status}`),
      ['channel-mark skipped', 'channel-history passed', 'channel-expiry passed', 'channel-sequence passed'],
    );
    assert.match(checks.find(({ name }) => name === 'channel-mark')?.detail ?? '', /remembers no earlier pointer/);
  });

  it('is no older pointer that is put back, for a client without state either', async () => {
    const { bytes } = await folder.point(aPointer(1));
    await folder.point(aPointer(2, { release: { number: 2, digest: 'f'.repeat(64) } }));
    await folder.overwrite(folder.channelKey, bytes);
    const finding = rejects(await open(), 'channel-rolled-back', /older pointer/);
    assert.match(finding.expected ?? '', /^sequence 2, release 2, which is in the history/);
    assert.equal(finding.got, 'sequence 1, release 1');
    assert.match(finding.suggestion ?? '', /: mlsign rollback file:\S+\/llama --channel production --to 2$/);
  });

  it('is no older pointer than the client has seen, where the history was erased too', async () => {
    const { bytes } = await folder.point(aPointer(1));
    const { digest } = await folder.point(aPointer(2));
    await state().advance('llama', 'production', { sequence: 2, digest });
    await folder.purge(folder.channelKey);
    await folder.overwrite(folder.channelKey, bytes);
    const finding = rejects(await open({ state: state() }), 'channel-rolled-back', /older pointer/);
    assert.equal(finding.expected, 'sequence 2 or higher, which this client has seen');
    assert.match(finding.suggestion ?? '', /mlsign history file:\S+\/llama@production/);
  });

  it('is no lower sequence than --min-sequence', async () => {
    await folder.point(aPointer(4));
    const finding = rejects(await open({ minSequence: 5 }), 'channel-rolled-back', /older pointer/);
    assert.equal(finding.expected, 'sequence 5 or higher (--min-sequence)');
    assert.ok((await open({ minSequence: 4 })).channel);
  });

  it("is not the pointer of another channel, copied over production's", async () => {
    await folder.point(aPointer(1));
    await folder.point(aPointer(7, { channel: 'staging' }));
    const { channel, findings } = await open();
    assert.equal(channel, undefined);
    assert.deepEqual(codes(findings), ['rejected channel-other-name', 'rejected channel-overwritten']);
    assert.deepEqual([findings[0]?.expected, findings[0]?.got], ['llama@production', 'llama@staging']);
    assert.match(findings[1]?.suggestion ?? '', /mlsign rollback \S+ --channel production --to 1$/);
  });

  it('is not the pointer of another model', async () => {
    await folder.point(aPointer(1, { name: 'mistral' }));
    const finding = rejects(await open(), 'channel-other-name', /signed for another channel/);
    assert.deepEqual([finding.expected, finding.got], ['llama@production', 'mistral@production']);
  });

  it('is not a pointer by another role', async () => {
    await folder.point(aPointer(1), 'ed25519');
    const trust = { ...trustIn(trustKeys('ed25519')), channel: () => [trustKeys('ec-p384')] };
    rejects(await open({}, trust), 'signer-untrusted', /signed with a key that is not trusted/);
  });

  it('must be signed by one of each group', async () => {
    await folder.point(aPointer(1));
    const policy = trustKeys('ec-p384', 'ed25519');
    const group = (...keys: string[]) => ({ ...folder.trust, channel: () => [policy, trustKeys(...keys)] });
    assert.ok((await open({}, group('ec-p384'))).channel);
    rejects(await open({}, group('ed25519')), 'signer-missing', /trusted by some of what must hold, and not by all/);
  });

  it('is not without a signature, nor with that of other bytes', async () => {
    await folder.overwrite(folder.channelKey, channelPayload(aPointer(1)));
    rejects(await open(), 'bundle-malformed', /mediaType/);
    const { bytes } = await folder.point(aPointer(1));
    const document = JSON.parse(bytes.toString());
    document.dsseEnvelope.payload = Buffer.from(channelPayload(aPointer(2))).toString('base64');
    await folder.purge(folder.channelKey);
    await folder.overwrite(folder.channelKey, JSON.stringify(document));
    rejects(await open(), 'signature-invalid', /./);
  });

  it('is not a release record, though its signer may sign both', async () => {
    const { bytes } = await folder.release(aRecord(1));
    await folder.overwrite(folder.channelKey, bytes);
    rejects(await open(), 'predicate-type-unknown', /not a channel pointer/);
  });

  it('ends when it expires, and says so before', async () => {
    await folder.point(aPointer(1));
    assert.deepEqual(codes((await open({ now: daysFromNow(23) })).findings), []);
    const late = await open({ now: daysFromNow(25) });
    assert.ok(late.channel);
    assert.deepEqual(codes(late.findings), ['warning channel-expires-soon']);
    assert.match(late.findings[0]?.suggestion ?? '', /: mlsign renew file:\S+\/llama@production$/);
    const finding = rejects(await open({ now: daysFromNow(30) }), 'channel-expired', /has expired/);
    assert.equal(finding.got, 'expired at 2026-03-31T12:00:00.000Z');
    assert.match(finding.suggestion ?? '', /mlsign renew/);
  });

  it('begins when it is issued, as far as clocks agree', async () => {
    await folder.point(aPointer(1));
    assert.ok((await open({ now: new Date(NOW.getTime() - 299_000) })).channel);
    const finding = rejects(await open({ now: new Date(NOW.getTime() - 301_000) }), 'channel-not-yet-valid', /of the future/);
    assert.equal(finding.got, NOW.toISOString());
  });

  it('is lost where its pointer is deleted, and its history says what to do', async () => {
    await folder.point(aPointer(3, { release: { number: 2, digest: 'f'.repeat(64) } }));
    unlinkSync(folder.path('models', ...folder.channelKey.split('/')));
    const finding = rejects(await open(), 'channel-deleted', /was deleted/);
    assert.equal(finding.got, 'in its history: sequence 3, release 2');
    assert.match(finding.suggestion ?? '', /mlsign rollback \S+ --channel production --to 2$/);
  });

  it('cannot be told where there is none', async () => {
    const finding = rejects(await open(), 'channel-missing', /no channel of this name/, 'undetermined');
    assert.match(finding.suggestion ?? '', /mlsign promote file:\S+\/llama@RELEASE --channel production --init$/);
  });

  it('may not begin again at sequence 1', async () => {
    await folder.point(aPointer(5));
    await folder.point(aPointer(1, { issued: daysFromNow(0) }));
    rejects(await open(), 'channel-rolled-back', /older pointer/);
    const { digest } = await folder.point(aPointer(6));
    await state().advance('llama', 'production', { sequence: 6, digest });
    await folder.purge(folder.channelKey);
    await folder.point(aPointer(1));
    rejects(await open({ state: state() }), 'channel-rolled-back', /older pointer/);
  });

  it('may not leap ahead, unless the user says so', async () => {
    await folder.point(aPointer(Number.MAX_SAFE_INTEGER));
    const finding = rejects(await open(), 'channel-jump', /far ahead/);
    assert.equal(finding.expected, 'at most 10000, 10000 more than the last one known');
    assert.match(finding.suggestion ?? '', /--min-sequence 9007199254740991$/);
    assert.ok((await open({ minSequence: Number.MAX_SAFE_INTEGER - 1 })).channel);
    await folder.purge(folder.channelKey);
    const { digest } = await folder.point(aPointer(10_001));
    rejects(await open(), 'channel-jump', /far ahead/);
    await state().advance('llama', 'production', { sequence: 1, digest });
    assert.ok((await open({ state: state() })).channel);
  });

  it('may not have two pointers with one sequence', async () => {
    const { digest } = await folder.point(aPointer(2));
    await state().advance('llama', 'production', { sequence: 2, digest });
    const other = await folder.point(aPointer(2, { release: { number: 9, digest: 'f'.repeat(64) } }));
    const finding = rejects(await open(), 'channel-forked', /two different pointers are signed with the same sequence/);
    assert.deepEqual([finding.expected, finding.got], [`sequence 2 with pointer ${digest}`, `sequence 2 with pointer ${other.digest}`]);
    await folder.purge(folder.channelKey);
    await folder.overwrite(folder.channelKey, other.bytes);
    rejects(await open({ state: state() }), 'channel-forked', /this client has seen another pointer/);
    assert.ok((await open()).channel, 'a client that has seen neither cannot know');
  });

  it('is lost where something else was written over its pointer', async () => {
    await folder.point(aPointer(3));
    await folder.overwrite(folder.channelKey, 'junk');
    const { channel, findings } = await open();
    assert.equal(channel, undefined);
    assert.deepEqual(codes(findings), ['rejected json-invalid', 'rejected channel-overwritten']);
  });

  it('does not care for junk, or pointers by others, in its history', async () => {
    await folder.overwrite(folder.channelKey, 'junk');
    await folder.point(aPointer(900), 'ed25519');
    await folder.point(aPointer(800, { channel: 'staging' }));
    await folder.point(aPointer(1));
    const { channel, checks } = await open();
    assert.equal(channel?.pointer.sequence, 1);
    assert.match(
      checks.find(({ name }) => name === 'channel-history')?.detail ?? '',
      /all 4 versions of the pointer read, 1 of them verified$/,
    );
  });

  it('is not followed without state where the policy forbids it', async () => {
    await folder.point(aPointer(1));
    const finding = rejects(await open({ mayBeStateless: false }), 'channel-state-missing', /remembers its pointers/, 'undetermined');
    assert.match(finding.suggestion ?? '', /--state FILE.*--min-sequence N/);
    assert.ok((await open({ mayBeStateless: false, state: state() })).channel);
    assert.ok((await open({ mayBeStateless: false, minSequence: 1 })).channel);
  });

  it('is not followed with a state that cannot be kept, where the policy forbids to be without', async function () {
    if (!existsSync('/proc/self')) this.skip();
    await folder.point(aPointer(1));
    const forgetful = new HighWaterMark('/proc/mlsign/channels.json');
    rejects(await open({ mayBeStateless: false, state: forgetful }), 'channel-state-missing', /remembers its pointers/, 'undetermined');
  });

  it('does not move the mark', async () => {
    await folder.point(aPointer(1));
    assert.ok((await open({ state: state() })).channel);
    assert.equal(await state().read('llama', 'production'), undefined);
  });

  it('is an error where the state is corrupt, and never a fresh start', async () => {
    await folder.point(aPointer(1));
    const path = folder.path('channels.json');
    writeFileSync(path, '{"version":1,"channels":');
    await assert.rejects(
      open({ state: new HighWaterMark(path) }),
      mlsignError('state-invalid', /cannot be read: not JSON/, { outcome: 'unavailable', subject: path }),
    );
  });

  it('is not one that is too large to read', async () => {
    await folder.overwrite(folder.channelKey, Buffer.alloc(1024 * 1024 + 1, 0x20));
    rejects(await open(), 'object-too-large', /./);
  });

  it('reads the key of the channel and no other', async () => {
    const other = await signedBytes(channelPayload(aPointer(9)), 'ec-p384');
    await folder.overwrite(`${layoutOf(folder.location).channels}production.json.old`, other);
    await folder.point(aPointer(1));
    assert.equal((await open()).channel?.pointer.sequence, 1);
  });
});
