// What torch.save() wrote before 1.6: protocol 2, then this number (`MAGIC_NUMBER` in torch/serialization.py) as LONG1.
const TORCH_MAGIC = Buffer.from('80028a0a6cfc9c46f9206aa850192e', 'hex');
/** Opcodes that may follow PROTO at the beginning of a pickle: FRAME, MARK, empty containers, globals, constants, numbers, strings. */
const FIRST_OPCODES = new Set(Buffer.from('\x95(])}cNKMJGIFLVSUXTBC\x88\x89\x8a\x8b\x8c\x8d\x8e\x8f\x96', 'latin1'));
// Protocols 0 and 1 have no header. What begins otherwise than with a container is told by reading it.
const EARLY = /^(?:[}\]]q\0|\([ld]?p\d+\n)/;

/** Whether bytes begin like a checkpoint of PyTorch before 1.6. */
export function looksLikeLegacyTorch(head: Buffer): boolean {
  return head.subarray(0, TORCH_MAGIC.length).equals(TORCH_MAGIC);
}

/** Whether bytes begin like a Python pickle: by its first opcodes, none of which is run. */
export function looksLikePickle(head: Buffer): boolean {
  const [proto, version, next] = head;
  if (proto === 0x80 && version !== undefined && next !== undefined) return version >= 2 && version <= 5 && FIRST_OPCODES.has(next);
  return EARLY.test(head.toString('latin1', 0, 512));
}
