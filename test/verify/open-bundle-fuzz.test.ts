import assert from 'node:assert/strict';
import fc from 'fast-check';
import { chainSigner, open, sealed, trustKeys, trustRoots } from '../helpers/bundles.ts';
import { makeChain } from '../helpers/certificates.ts';
import { fixtureSigner, HAS_ML_DSA } from '../helpers/keys.ts';

const chain = makeChain({ intermediates: [{}] });
const SIGNERS = ['ec-p256', 'rsa-2048', HAS_ML_DSA ? 'ml-dsa-44' : 'ed25519'];
const principals = [...trustKeys(...SIGNERS), ...trustRoots(chain.rootPem)];

/** Whatever the bytes are: an answer, never an exception, and never a pass. */
async function isRefused(bytes: Uint8Array): Promise<boolean> {
  const { verified, findings, checks } = await open(bytes, principals, { allowLegacy: true });
  return verified === undefined && findings.length > 0 && findings.every(({ code }) => code !== '') && checks.length > 0;
}

describe('open bundle: whatever comes from outside', () => {
  const originals: Buffer[] = [];
  before(async () => {
    for (const name of SIGNERS) originals.push(await sealed(await fixtureSigner(name)));
    originals.push(await sealed(await chainSigner(chain)));
    for (const bytes of originals) assert.ok((await open(bytes, principals)).verified);
  });

  it('arbitrary bytes', async () => {
    await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), isRefused), { numRuns: 200 });
  });

  it('arbitrary JSON', async () => {
    await fc.assert(
      fc.asyncProperty(fc.json(), (text) => isRefused(Buffer.from(text))),
      { numRuns: 200 },
    );
  });

  it('a bundle with some bytes replaced', async () => {
    const edit = fc.tuple(fc.nat(3), fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 4 }));
    await fc.assert(
      fc.asyncProperty(edit, async ([which, at, replacement]) => {
        const original = originals[which] ?? Buffer.alloc(0);
        const start = at % original.length;
        const bytes = Buffer.concat([original.subarray(0, start), replacement, original.subarray(start + replacement.length)]);
        return bytes.toString().trim() === original.toString().trim() || isRefused(bytes);
      }),
      { numRuns: 400 },
    );
  });

  it('the parts of two bundles mixed', async () => {
    const part = fc.nat(3);
    await fc.assert(
      fc.asyncProperty(part, part, part, async (a, b, c) => {
        if (a === b && b === c) return true;
        const [material, payload, signature] = [a, b, c].map((index) => JSON.parse(originals[index]?.toString() ?? ''));
        const mixed = {
          ...material,
          dsseEnvelope: { ...payload.dsseEnvelope, signatures: signature.dsseEnvelope.signatures },
        };
        // All four sign the same statement: whose signature it is depends on material and signature alone.
        return a === c || isRefused(Buffer.from(JSON.stringify(mixed)));
      }),
      { numRuns: 100 },
    );
  });

  it('a field removed, or replaced by something else', async () => {
    const value = fc.constantFrom<unknown>(undefined, null, true, 0, -1, 1e300, '', 'AAAA', 'a', [], {}, [{}], { rawBytes: 'AAAA' });
    await fc.assert(
      fc.asyncProperty(fc.nat(3), fc.nat(), value, async (which, at, replacement) => {
        const original = originals[which]?.toString() ?? '';
        const document = JSON.parse(original);
        const places = fieldsOf(document);
        const [holder, key] = places[at % places.length] ?? [document, 'mediaType'];
        holder[key] = replacement;
        const changed = JSON.stringify(document);
        if (await isRefused(Buffer.from(changed))) return true;
        // Only the material may be another and still name the signer: without its hint, every trusted key is tried.
        return JSON.stringify(JSON.parse(changed).dsseEnvelope) === JSON.stringify(JSON.parse(original).dsseEnvelope);
      }),
      { numRuns: 400 },
    );
  });
});

function fieldsOf(value: unknown): (readonly [Record<string, unknown>, string])[] {
  if (!isRecord(value)) return [];
  return Object.keys(value).flatMap((key) => [[value, key] as const, ...fieldsOf(value[key])]);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
