import { createHash, createPrivateKey, sign } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';

/** What tests change in a bundle. */
export interface WrittenBundle {
  mediaType: string;
  verificationMaterial: { publicKey?: { hint?: string } };
  readonly dsseEnvelope: { payloadType: string; payload: string; signatures: { sig: string; keyid?: string }[] };
}

/** What tests change in a statement. */
export interface WrittenStatement {
  readonly subject: readonly { readonly digest: { sha256: string } }[];
  readonly predicate: {
    resources: { name: string; algorithm: string; digest: string }[];
    readonly serialization: { ignore_paths?: string[]; hash_type: string };
  };
}

/** Reads a bundle without any check. */
export async function readBundle(path: string): Promise<WrittenBundle> {
  return JSON.parse(await readFile(path, 'utf8'));
}

/** Reads the statement in a bundle without any check. */
export async function readStatement(path: string): Promise<WrittenStatement> {
  return JSON.parse(Buffer.from((await readBundle(path)).dsseEnvelope.payload, 'base64').toString());
}

/** Writes a bundle with another content, which the P-256 key really signs: no signature check finds it. */
export async function forge(
  bundlePath: string,
  keyPath: string,
  out: string,
  change: (statement: WrittenStatement, bundle: WrittenBundle) => void,
): Promise<void> {
  const bundle = await readBundle(bundlePath);
  const statement = await readStatement(bundlePath);
  change(statement, bundle);
  const digests = statement.predicate.resources.map(({ digest }) => Buffer.from(digest, 'hex'));
  for (const { digest } of statement.subject) digest.sha256 = createHash('sha256').update(Buffer.concat(digests)).digest('hex');
  const payload = Buffer.from(JSON.stringify(statement));
  const { payloadType, signatures } = bundle.dsseEnvelope;
  const encoded = Buffer.concat([Buffer.from(`DSSEv1 ${payloadType.length} ${payloadType} ${payload.length} `), payload]);
  const [first] = signatures;
  if (first !== undefined) first.sig = sign('sha256', encoded, createPrivateKey(await readFile(keyPath))).toString('base64');
  bundle.dsseEnvelope.payload = payload.toString('base64');
  await writeFile(out, JSON.stringify(bundle));
}
