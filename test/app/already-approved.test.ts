import assert from 'node:assert/strict';
import { yetToApprove } from '../../src/app/already-approved.ts';
import { type Approval, approvalPayload } from '../../src/formats/index.ts';
import { fixtureSigner } from '../helpers/keys.ts';
import { signedBytes } from '../helpers/releases.ts';

const NOW = new Date('2026-03-01T12:00:00Z');
const HOUR = 3_600_000;
const ago = (hours: number) => new Date(NOW.getTime() - hours * HOUR);
const MODEL = 'a'.repeat(64);
const KEY = 'ed25519';

describe('approving again', () => {
  /** Whether nothing is left to sign where such an approval is there. */
  async function isDone(fields: Partial<Approval>, key = KEY): Promise<boolean> {
    const subject = { name: 'model', modelId: MODEL };
    const bytes = await signedBytes(approvalPayload({ subject, role: 'security', reason: 'scanned', issued: ago(1), ...fields }), key);
    const signer = await fixtureSigner(KEY);
    const content = { kind: 'approval', role: 'security', reason: 'scanned', issued: NOW } as const;
    const { already, signers } = await yetToApprove(content, MODEL, [{ signer }], [signer], async () => [
      { path: 'a.att', read: async () => bytes },
    ]);
    assert.deepEqual(signers.length + already.length, 1);
    return already.length === 1;
  }

  it('says nothing new where a step runs again', async () => {
    assert.equal(await isDone({}), true);
    assert.equal(await isDone({ expires: ago(-1) }), true);
  });

  for (const [what, fields] of Object.entries<Partial<Approval>>({
    'is older than a day, as policies ask for young ones': { issued: ago(25) },
    'has expired': { expires: ago(0.5) },
    'is issued in the future': { issued: ago(-1) },
    'was given for another reason': { reason: 'looked at' },
    'is in another role': { role: 'legal' },
    'is of another model': { subject: { name: 'model', modelId: 'b'.repeat(64) } },
  })) {
    it(`approves where the approval that is there ${what}`, async () => {
      assert.equal(await isDone(fields), false);
    });
  }

  it('approves where another key has', async () => {
    assert.equal(await isDone({}, 'ec-p384'), false);
  });
});
