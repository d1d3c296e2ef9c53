import type { Hashing } from './driver.ts';
import { awkwardModel, type Files, largeFiles, manyFiles, randomModel, treeModel } from './models.ts';
import type { Signer } from './workbench.ts';

/** One way of signing one model. */
export interface MatrixCase {
  readonly name: string;
  readonly files: Files;
  readonly hashing: Hashing;
  readonly signer: Signer;
}

const SIGNERS: readonly Signer[] = [
  { key: 'p256' },
  { key: 'p384' },
  { key: 'p521' },
  { certificate: 'p256' },
  { certificate: 'p384' },
  { certificate: 'p521' },
  { certificate: 'rsa-issuers' },
];

/** Whole files in every algorithm, and shards in those that the reference shards with. */
export const WAYS: readonly Hashing[] = [
  { method: 'files', algorithm: 'sha256' },
  { method: 'files', algorithm: 'blake2b' },
  { method: 'files', algorithm: 'blake3' },
  { method: 'shards', algorithm: 'sha256', shard_size: 1000 },
  { method: 'shards', algorithm: 'blake2b', shard_size: 1000 },
];

/** Says how a model is hashed, for test names. */
export function wayOf({ method = 'files', algorithm = 'sha256', shard_size }: Hashing): string {
  return `${method}${shard_size === undefined ? '' : ` of ${shard_size}`} ${algorithm}`;
}

/** Models of every kind, each hashed in every way, and one signed by every kind of signer in every way. */
export function matrix(): readonly MatrixCase[] {
  const models: [name: string, files: Files][] = [
    ['tree', treeModel()],
    ['3000 files', manyFiles(3000)],
  ];
  // Names that Windows does not allow.
  if (process.platform !== 'win32') models.push(['awkward names', awkwardModel()]);
  for (let seed = 11; seed < 31; seed++) models.push([`random ${seed}`, randomModel(seed)]);
  const large = largeFiles();
  const largeWays = WAYS.map((way) => (way.method === 'shards' ? { ...way, shard_size: 65_536 } : way));
  const key: Signer = { key: 'p256' };
  return [
    ...models.flatMap(([name, files]) => WAYS.map((hashing) => ({ name, files, hashing, signer: key }))),
    ...largeWays.map((hashing) => ({ name: 'large files', files: large, hashing, signer: key })),
    ...SIGNERS.slice(1).flatMap((signer) => WAYS.map((hashing) => ({ name: 'tree', files: treeModel(), hashing, signer }))),
  ];
}
