import assert from 'node:assert/strict';
import { merkleLeaf, merkleRoot } from '../../src/formats/index.ts';
import { MerkleLog } from '../helpers/sigstore/merkle-log.ts';

const entry = (n: number): Buffer => Buffer.from(`entry ${n}`);

describe('merkleRoot', () => {
  // The vector of RFC 6962's reference implementation: leaves "", 00, 10, 2021, 3031, 40414243.
  it('gives the root that the reference implementation gives', () => {
    const log = new MerkleLog();
    const leaves = ['', '00', '10', '2021', '3031', '40414243'].map((hex) => Buffer.from(hex, 'hex'));
    for (const leaf of leaves) log.append(leaf);
    const { root, hashes } = log.prove(3);
    assert.equal(root.toString('hex'), '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef');
    assert.deepEqual(merkleRoot(merkleLeaf(leaves[3] ?? assert.fail()), { index: 3n, size: 6n, hashes }), root);
  });

  it('leads from every leaf of every tree to its root', () => {
    const log = new MerkleLog();
    for (let size = 1; size <= 40; size++) {
      log.append(entry(size - 1));
      for (let index = 0; index < size; index++) {
        const { root, hashes } = log.prove(index);
        assert.deepEqual(merkleRoot(merkleLeaf(entry(index)), { index: BigInt(index), size: BigInt(size), hashes }), root);
      }
    }
  });

  it('leads elsewhere, or nowhere, from another leaf, place, size or list of hashes', () => {
    const log = new MerkleLog();
    for (let i = 0; i < 11; i++) log.append(entry(i));
    for (let index = 0; index < 11; index++) {
      const { root, hashes } = log.prove(index);
      const leaf = merkleLeaf(entry(index));
      const at = (changed: object): unknown => merkleRoot(leaf, { index: BigInt(index), size: 11n, hashes, ...changed });
      assert.deepEqual(at({}), root);
      assert.notDeepEqual(merkleRoot(merkleLeaf(entry(99)), { index: BigInt(index), size: 11n, hashes }), root);
      for (let other = 0; other < 11; other++) if (other !== index) assert.notDeepEqual(at({ index: BigInt(other) }), root);
      assert.equal(at({ hashes: hashes.slice(1) }), undefined);
      assert.equal(at({ hashes: [...hashes, root] }), undefined);
      assert.equal(at({ index: 11n }), undefined);
      assert.equal(at({ index: -1n }), undefined);
      assert.equal(at({ size: 0n }), undefined);
      assert.equal(at({ size: 2n ** 63n }), undefined);
      for (const [i, hash] of hashes.entries()) assert.notDeepEqual(at({ hashes: hashes.with(i, Buffer.from(merkleLeaf(hash))) }), root);
    }
  });
});
