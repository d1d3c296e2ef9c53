import assert from 'node:assert/strict';
import fc from 'fast-check';
import { makeCertificate, makeChain } from '../helpers/certificates.ts';
import { der } from '../helpers/der.ts';
import { validate } from '../helpers/paths.ts';

const EXTENSIONS = ['14', '15', '17', '19', '30', '32', '33', '35', '36', '37', '54'].map((last) => `2.5.29.${last}`);

/** DER of any shape: primitive values with any tag and content, nested. */
const { value: anyDer } = fc.letrec<{ value: Buffer }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc
      .tuple(
        fc.constantFrom(0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0c, 0x13, 0x17, 0x80, 0x81, 0x82, 0x86, 0x87, 0x88),
        fc.uint8Array({ maxLength: 12 }),
      )
      .map(([tag, content]) => der(tag, content)),
    fc
      .tuple(fc.constantFrom(0x30, 0x31, 0xa0, 0xa1, 0xa4), fc.array(tie('value'), { maxLength: 4 }))
      .map(([tag, items]) => der(tag, ...items)),
  ),
}));

describe('certificates of any content', () => {
  const made = makeChain();

  it('that are any bytes are malformed, and nothing worse', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.uint8Array({ maxLength: 300 }), anyDer), async (bytes) => {
        for (const [chain, roots] of [
          [[bytes], [made.root]],
          [[made.leaf, bytes], [made.root]],
          [made.chain, [bytes]],
        ] as const) {
          const result = await validate(chain, roots);
          assert.ok(!result.ok);
          assert.equal(result.finding.code, 'certificate-malformed');
        }
      }),
      { numRuns: 200 },
    );
  }).timeout(60_000);

  it('with any extension that is properly signed give an answer', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...EXTENSIONS),
        fc.boolean(),
        fc.oneof(anyDer, fc.uint8Array({ maxLength: 20 })),
        async (id, critical, value) => {
          const bare = { keyUsage: null, extendedKeyUsage: null, subjectKeyId: null, authorityKeyId: null, basicConstraints: null };
          const leaf = makeCertificate({ ...bare, key: made.leaf, extensions: [{ id, critical, value }] }, made.root);
          const result = await validate([leaf], [made.root]);
          if (!result.ok) assert.match(result.finding.code, /^certificate-[a-z-]+$/);
        },
      ),
      { numRuns: 300 },
    );
  }).timeout(60_000);

  it('with any bytes changed are never accepted', async () => {
    const original = made.leaf.der;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.nat(original.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }), async (changes) => {
        const changed = Buffer.from(original);
        for (const [at, value] of changes) changed[at] = value;
        fc.pre(!changed.equals(original));
        assert.ok(!(await validate([changed], [made.root])).ok);
      }),
      { numRuns: 300 },
    );
  }).timeout(60_000);
});
