import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import type { Finding } from '../../src/core/index.ts';
import { keyOf, listName, type OpenedRevocations, openRevocations, type RevocationTrust } from '../../src/lineage/index.ts';
import type { Mark } from '../../src/release/index.ts';
import { parseStorePlace } from '../../src/store/index.ts';
import { trustKeys } from '../helpers/bundles.ts';
import { codes, daysFromNow, NOW, ReleaseStore } from '../helpers/releases.ts';
import { aList, anEntry, REVOKER, signedList } from '../helpers/revocations.ts';

const TRUST: RevocationTrust = { signers: [trustKeys(REVOKER)], name: 'team', evidence: { now: NOW } };

function digestOf(opened: OpenedRevocations): string {
  assert.ok(opened.signed);
  return opened.signed.digest;
}

function only(opened: OpenedRevocations, code: string, message: RegExp): Finding {
  const [finding] = opened.findings;
  assert.deepEqual(codes(opened.findings), [code]);
  assert.ok(finding);
  assert.match(finding.message, message);
  assert.ok(finding.suggestion, 'it says what to do');
  return finding;
}

describe('opening a revocation list', () => {
  let place: ReleaseStore;
  beforeEach(() => {
    place = new ReleaseStore();
  });
  afterEach(() => place.remove());

  describe('in a file', () => {
    const path = (): string => place.path('team.json');
    const open = (trust: Partial<RevocationTrust> = {}) => openRevocations({ kind: 'file', path: path() }, { ...TRUST, ...trust });
    const put = async (...list: Parameters<typeof signedList>) => writeFileSync(path(), await signedList(...list));

    it('gives what the revoker signed', async () => {
      await put(aList(3));
      const opened = await open();
      assert.deepEqual(opened.findings, []);
      assert.equal(opened.isCurrent, true);
      assert.deepEqual(opened.signed?.list, aList(3));
      assert.match(opened.signed.signer, /^ECDSA P-384/);
      assert.match(opened.checks.at(-1)?.detail ?? '', /sequence 3, 1 entry, issued /);
    });

    it('leaves the answer open where there is none', async () => {
      only(await open(), 'undetermined revocations-missing', /there is no revocation list: what is revoked cannot be told/);
    });

    it('leaves the answer open where a trainer signed it, and not the revoker', async () => {
      await put(aList(9, { entries: [] }), 'ec-p256');
      const opened = await open();
      only(opened, 'undetermined revocations-wrong-signer', /not signed by a revoker/);
      assert.equal(opened.signed, undefined);
    });

    it('leaves the answer open where it was changed after it was signed, is none, or is of another place', async () => {
      const bytes = await signedList(aList(3));
      const text = bytes.toString();
      const { payload } = JSON.parse(text).dsseEnvelope;
      const other = Buffer.from(Buffer.from(payload, 'base64').toString().replace('poisoned', 'harmless')).toString('base64');
      writeFileSync(path(), text.replace(payload, other));
      only(await open(), 'undetermined signature-invalid', /does not verify/);
      writeFileSync(path(), '{}');
      assert.deepEqual(codes((await open()).findings), ['undetermined bundle-malformed']);
      await put(aList(3, { name: 'elsewhere' }));
      const finding = only(await open(), 'undetermined revocations-other-name', /signed for another place/);
      assert.deepEqual([finding.expected, finding.got], ['team', 'elsewhere']);
    });

    it('leaves the answer open once it has expired, or before it was issued; what it revokes is known all the same', async () => {
      await put(aList(3));
      const late = await open({ evidence: { now: daysFromNow(31) } });
      only(late, 'undetermined revocations-expired', /has expired: what was revoked since cannot be told/);
      assert.equal(late.signed?.list.entries.length, 1);
      only(await open({ evidence: { now: daysFromNow(-1) } }), 'undetermined revocations-not-yet-valid', /of the future/);
      only(await open({ evidence: { now: daysFromNow(25) } }), 'warning revocations-expire-soon', /last fifth/);
    });

    it('rejects one that is older than this client has seen, and another one with the same sequence', async () => {
      await put(aList(3));
      const digest = digestOf(await open());
      const seen = (sequence: number, of: string): Mark => ({ sequence, digest: of });
      assert.deepEqual((await open({ mark: seen(3, digest) })).findings, []);
      assert.deepEqual((await open({ mark: seen(2, 'f'.repeat(64)) })).findings, []);
      const older = only(await open({ mark: seen(4, 'f'.repeat(64)) }), 'rejected revocations-rolled-back', /older revocation list/);
      assert.deepEqual([older.expected, older.got], ['sequence 4 or higher, which this client has seen', 'sequence 3']);
      only(await open({ mark: seen(3, 'f'.repeat(64)) }), 'rejected revocations-forked', /another revocation list with the same sequence/);
    });

    it('follows the revoker however far it goes: a higher one is never a reason to doubt', async () => {
      await put(aList(1_000_000));
      assert.deepEqual((await open({ mark: { sequence: 1, digest: 'f'.repeat(64) } })).findings, []);
    });
  });

  describe('in a store', () => {
    const key = keyOf('');
    const open = async (trust: Partial<RevocationTrust> = {}) =>
      openRevocations({ kind: 'store', store: await place.store(), prefix: '' }, { ...TRUST, ...trust });
    const put = async (...list: Parameters<typeof signedList>) => place.overwrite(key, await signedList(...list));

    it('gives the newest one', async () => {
      await put(aList(1, { entries: [] }));
      await put(aList(2));
      const opened = await open();
      assert.deepEqual(opened.findings, []);
      assert.deepEqual([opened.signed?.list.sequence, opened.isCurrent, opened.present.kind], [2, true, 'object']);
    });

    it('rejects an older one that was put back; what the newest revokes stays revoked', async () => {
      const first = await signedList(aList(1, { entries: [] }));
      await place.overwrite(key, first);
      await put(aList(2));
      await place.overwrite(key, first);
      const opened = await open();
      const finding = only(opened, 'rejected revocations-rolled-back', /older revocation list/);
      assert.equal(finding.expected, 'sequence 2, which is in the history of the list');
      assert.deepEqual([opened.signed?.list.sequence, opened.isCurrent], [2, false]);
    });

    it('leaves the answer open where it was deleted, or something else was written over it; what it revoked stays revoked', async () => {
      await put(aList(2));
      await place.overwrite(key, await signedList(aList(3, { entries: [] }), 'ec-p256'));
      const over = await open();
      only(over, 'undetermined revocations-wrong-signer', /not signed by a revoker/);
      assert.equal(over.signed?.list.sequence, 2);
      await place.overwrite(key, 'something else');
      const junk = await open();
      assert.deepEqual(codes(junk.findings), ['undetermined json-invalid']);
      assert.equal(junk.signed?.list.sequence, 2);
      rmSync(place.path('models', '.mlsign', 'revocations.json'));
      const deleted = await open();
      const finding = only(deleted, 'undetermined revocations-missing', /was deleted/);
      assert.equal(finding.got, 'in its history: sequence 2');
      assert.deepEqual([deleted.signed?.list.sequence, deleted.isCurrent], [2, false]);
    });

    it('rejects two different ones with the same sequence', async () => {
      await put(aList(2));
      await put(aList(2, { entries: [anEntry({ value: `sha256:${'9'.repeat(64)}` })] }));
      only(await open(), 'rejected revocations-forked', /two different revocation lists are signed with the same sequence/);
    });

    it('is not hidden beneath versions that are nothing', async () => {
      const old = await signedList(aList(1, { entries: [] }));
      await put(aList(2));
      for (let i = 0; i < 20; i++) await place.overwrite(key, i % 2 === 0 ? `junk ${i}` : old);
      const opened = await open();
      only(opened, 'rejected revocations-rolled-back', /older/);
      assert.equal(opened.signed?.list.sequence, 2);
    });
  });

  it('calls a list after its place', async () => {
    const store = await place.store();
    assert.equal(listName({ kind: 'file', path: '/srv/lists/acme.json' }), 'acme');
    assert.equal(listName({ kind: 'store', store, prefix: 'ml/team/' }), 'team');
    assert.equal(listName({ kind: 'store', store, prefix: '' }), 'models');
    assert.equal(keyOf(parseStorePlace('s3://bucket/ml/team').prefix), 'ml/team/.mlsign/revocations.json');
  });
});
