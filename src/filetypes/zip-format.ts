import type { FileFormat } from './formats.ts';

/** Tells by its names what a ZIP file is. PyTorch's reader takes them without regard to case. */
export function formatOfZip(names: readonly string[]): FileFormat {
  const has = (pattern: RegExp): boolean => names.some((name) => pattern.test(name));
  if (has(/^[^/]+\/data\.pkl$/i)) return has(/^[^/]+\/(?:constants\.pkl$|code\/)/i) ? 'torchscript' : 'pytorch';
  if (has(/^MAR-INF\/MANIFEST\.json$/i)) return 'torchserve';
  if (names.includes('config.json') && names.includes('metadata.json') && has(/^model\.weights\.(?:h5|npz)$/)) return 'keras';
  if (names.length > 0 && names.every((name) => name.endsWith('.npy'))) return 'numpy-zip';
  return 'zip';
}
